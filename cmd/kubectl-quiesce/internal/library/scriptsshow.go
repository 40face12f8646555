package library

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newScriptsShow(frame *command.Frame) *cobra.Command {
	var printer *command.Print
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a script as it is",
		Long:  `Print a script as it is, to the last byte.`,
		Example: `  # Read a script
  kubectl quiesce scripts show verify-db

  # Change one
  kubectl quiesce scripts show verify-db > verify-db.sh
  vi verify-db.sh
  kubectl quiesce scripts add verify-db -f verify-db.sh --replace`,
		Args:              command.One("the NAME of a script"),
		ValidArgsFunction: command.First(frame.CompleteScripts),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := command.Scripts.NameOf(args[0])
			if err != nil {
				return command.UsageErrorf(c, "%w", err)
			}
			cluster, err := frame.Client()
			if err != nil {
				return err
			}
			script := &v1alpha1.HookScript{}
			if err := get(c.Context(), cluster, name, script); err != nil {
				return err
			}
			if printer.Objects() {
				return printObject(frame.Out, printer, script)
			}
			_, err = io.WriteString(frame.Out, script.Spec.Script)
			return err
		},
	}
	printer = command.NewPrint(c)
	return c
}
