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
		source   = &templateSource{frame: frame}
	)
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the templates, what they are for and who uses them",
		Long: `List the templates, what they are for and who uses them.

Params with an asterisk are required. The version changes with the hooks and params.`,
		Example: `  # List all templates
  kubectl quiesce templates list

  # With their stages, and what they do
  kubectl quiesce templates list -o wide

  # Those that come with this plugin, without a cluster
  kubectl quiesce templates list --delivered`,
		Args:              command.None(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := source.list(c, selector)
			if err != nil {
				return err
			}
			if f.Objects() {
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
			return f.print(frame.Out, templatesTable(templates, source.delivered))
		},
	}
	command.SelectorFlag(c.Flags(), &selector, "Templates", "team=storage")
	source.addFlag(c)
	f = newFormat(c)
	return c
}

// templatesTable leaves out, of templates of no cluster, who uses them.
func templatesTable(templates []v1alpha1.HookTemplate, delivered bool) table {
	t := table{columns: []string{"NAME", "APPLICATION", "PARAMS", "HOOKS", "USED BY", "VERSION", wideOnly + "STAGES", wideOnly + "DESCRIPTION"}}
	for i := range templates {
		template := &templates[i]
		t.rows = append(t.rows, []string{
			template.Name, template.Spec.Application, orNone(usage.Params(template.Spec.Params)), strconv.Itoa(len(template.Spec.Hooks)),
			orNone(template.Status.Users), version(template), strings.Join(stageNames(usage.Stages(template.Spec.Hooks)), ","),
			orNone(template.Spec.Description),
		})
	}
	if delivered {
		return t.without("USED BY")
	}
	return t
}

// version of a template, which can be told before the controller has.
func version(template *v1alpha1.HookTemplate) string {
	return cmp.Or(library.Version(&template.Spec), template.Status.Version)
}
