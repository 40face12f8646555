package library

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// list reads the objects of a kind, sorted by namespace and name.
func list(c *cobra.Command, frame *command.Frame, kind, namespace, selector string) ([]unstructured.Unstructured, error) {
	parsed, err := parseSelector(c, selector)
	if err != nil {
		return nil, err
	}
	cluster, err := frame.Client()
	if err != nil {
		return nil, err
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

// parseSelector reads what --selector says.
func parseSelector(c *cobra.Command, text string) (labels.Selector, error) {
	selector, err := command.Selector(text)
	if err != nil {
		return nil, command.UsageErrorf(c, "%w", err)
	}
	return selector, nil
}
