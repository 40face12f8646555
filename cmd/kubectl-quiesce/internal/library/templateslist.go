package library

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newTemplatesList(frame *command.Frame) *cobra.Command {
	var (
		selector string
		f        *format
	)
	c := &cobra.Command{
		Use:   "list",
		Short: "List the templates, what they are for and who uses them",
		Long: `List the templates, what they are for and who uses them.

Params with an asterisk are required. The version changes with the hooks and params.`,
		Example: `  # List all templates
  kubectl quiesce templates list

  # With their stages, and what they do
  kubectl quiesce templates list -o wide`,
		Args:              command.None(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := list(c, frame, "HookTemplate", "", selector)
			if err != nil {
				return err
			}
			if !f.isTable() {
				return f.list(frame.Out, items)
			}
			templates, err := read[v1alpha1.HookTemplate](items)
			if err != nil {
				return err
			}
			if len(templates) == 0 {
				fmt.Fprintln(frame.ErrOut, "No resources found")
				return nil
			}
			return f.print(frame.Out, templatesTable(templates))
		},
	}
	addSelector(c, &selector)
	f = newFormat(c)
	return c
}

func templatesTable(templates []v1alpha1.HookTemplate) table {
	t := table{columns: []string{"NAME", "APPLICATION", "PARAMS", "HOOKS", "USED BY", "VERSION", wideOnly + "STAGES", wideOnly + "DESCRIPTION"}}
	for i := range templates {
		template := &templates[i]
		t.rows = append(t.rows, []string{
			template.Name, template.Spec.Application, orNone(usage.Params(template.Spec.Params)), strconv.Itoa(len(template.Spec.Hooks)),
			orNone(template.Status.Users), version(template), strings.Join(stageNames(usage.Stages(template.Spec.Hooks)), ","),
			orNone(template.Spec.Description),
		})
	}
	return t
}

// version of a template, which can be told before the controller has.
func version(template *v1alpha1.HookTemplate) string {
	return cmp.Or(library.Version(&template.Spec), template.Status.Version)
}
