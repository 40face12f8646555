package library

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newScriptsList(frame *command.Frame) *cobra.Command {
	var (
		selector string
		f        *format
	)
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the scripts, their size and who uses them",
		Long:    `List the scripts, their interpreter, size and who uses them.`,
		Example: `  # List all scripts
  kubectl quiesce scripts list

  # With their notes, and whether they can be run
  kubectl quiesce scripts list -o wide`,
		Args:              command.None(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := list(c, frame, "HookScript", "", selector)
			if err != nil {
				return err
			}
			if f.Objects() {
				return f.list(frame.Out, items)
			}
			scripts, err := read[v1alpha1.HookScript](items)
			if err != nil {
				return err
			}
			if len(scripts) == 0 {
				fmt.Fprintln(frame.ErrOut, "No resources found")
				return nil
			}
			return f.print(frame.Out, scriptsTable(scripts))
		},
	}
	command.SelectorFlag(c.Flags(), &selector, "Scripts", "team=storage")
	f = newFormat(c)
	return c
}

func scriptsTable(scripts []v1alpha1.HookScript) table {
	t := table{columns: []string{"NAME", "INTERPRETER", "SIZE", "USED BY", "AGE", wideOnly + "READY", wideOnly + "NOTES"}}
	for i := range scripts {
		s := &scripts[i]
		interpreter, err := script.Parse(s.Spec.Script)
		named := interpreter.String()
		if err != nil {
			named = ""
		}
		t.rows = append(t.rows, []string{s.Name, orNone(named), size(len(s.Spec.Script)), orNone(s.Status.Users), age(s.CreationTimestamp),
			readiness(s.Status.Conditions), orNone(s.Spec.Notes)})
	}
	return t
}
