package library

import (
	"io"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newScriptsShow(frame *command.Frame) *cobra.Command {
	flags := genericclioptions.NewPrintFlags("")
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
			cluster, err := frame.Client()
			if err != nil {
				return err
			}
			script := &v1alpha1.HookScript{}
			if err := get(c.Context(), cluster, args[0], script); err != nil {
				return err
			}
			if *flags.OutputFormat == "" && *flags.TemplatePrinterFlags.TemplateArgument == "" {
				_, err = io.WriteString(frame.Out, script.Spec.Script)
				return err
			}
			return printObject(frame.Out, flags, script)
		},
	}
	flags.AddFlags(c)
	completeValues(c, "output", flags.AllowedFormats()...)
	return c
}
