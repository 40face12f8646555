package activity

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// names completes the names of a namespace's objects of kinds, those aside that stand there already.
func names(frame *command.Frame, kinds ...schema.GroupVersionKind) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		namespace, err := frame.Namespace()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		cluster, err := frame.Client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var found []cobra.Completion
		for _, kind := range kinds {
			var list metav1.PartialObjectMetadataList
			list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
			if err := cluster.List(c.Context(), &list, client.InNamespace(namespace)); err != nil {
				continue // of a kind that the user may not list there is nothing to offer
			}
			for i := range list.Items {
				if name := list.Items[i].Name; strings.HasPrefix(name, toComplete) && !slices.Contains(args, name) {
					found = append(found, name)
				}
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

func sessionNames(frame *command.Frame) cobra.CompletionFunc {
	return names(frame, v1alpha1.GroupVersion.WithKind("HookSession"))
}

func policyNames(frame *command.Frame) cobra.CompletionFunc {
	return names(frame, v1alpha1.GroupVersion.WithKind("HookPolicy"), v1alpha1.GroupVersion.WithKind("NamespacedHookPolicy"))
}

func podNames(frame *command.Frame) cobra.CompletionFunc {
	return names(frame, corev1.SchemeGroupVersion.WithKind("Pod"))
}
