package library

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
		Use:   "list",
		Short: "List the scripts, their size and who uses them",
		Long:  `List the scripts, their interpreter, size and who uses them.`,
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
			if !f.isTable() {
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
	addSelector(c, &selector)
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

func addSelector(c *cobra.Command, selector *string) {
	c.Flags().StringVarP(selector, "selector", "l", "", "Labels of the objects, such as team=storage,tier!=test.")
}

// list reads the objects of a kind, sorted by namespace and name.
func list(c *cobra.Command, frame *command.Frame, kind, namespace, selector string) ([]unstructured.Unstructured, error) {
	cluster, err := frame.Client()
	if err != nil {
		return nil, err
	}
	parsed, err := labels.Parse(selector)
	if err != nil {
		return nil, command.UsageErrorf(c, "--selector: %w: write labels such as team=storage,tier!=test", err)
	}
	all := &unstructured.UnstructuredList{}
	all.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
	if err := cluster.List(c.Context(), all, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: parsed}); err != nil {
		return nil, err
	}
	slices.SortFunc(all.Items, func(a, b unstructured.Unstructured) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return all.Items, nil
}
