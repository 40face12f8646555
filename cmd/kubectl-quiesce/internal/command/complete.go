package command

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// completionTime is how long somebody who has pressed Tab waits for a cluster.
const completionTime = 3 * time.Second

// CompletePods offers the pods of the namespace.
func (f *Frame) CompletePods(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return f.complete(c, args, typed, f.named(corev1.SchemeGroupVersion.WithKind("Pod")))
}

// CompleteNamespaces offers all namespaces.
func (f *Frame) CompleteNamespaces(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return f.complete(c, args, typed, f.named(corev1.SchemeGroupVersion.WithKind("Namespace")))
}

// CompleteSessions offers the HookSessions of the namespace.
func (f *Frame) CompleteSessions(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return f.complete(c, args, typed, f.named(v1alpha1.GroupVersion.WithKind("HookSession")))
}

// CompleteScripts offers all HookScripts.
func (f *Frame) CompleteScripts(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return f.complete(c, args, typed, f.named(v1alpha1.GroupVersion.WithKind("HookScript")))
}

// CompleteTemplates offers all HookTemplates.
func (f *Frame) CompleteTemplates(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return f.complete(c, args, typed, f.named(v1alpha1.GroupVersion.WithKind("HookTemplate")))
}

// CompletePolicies offers all HookPolicies, and the NamespacedHookPolicies of the namespace: by their names, or behind hp/ and nhp/ those
// of one kind. A name that both kinds have is offered with its kind.
func (f *Frame) CompletePolicies(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return f.complete(c, args, typed, func(ctx context.Context, cluster client.Reader) []cobra.Completion {
		kinds := map[string]string{"hp/": "HookPolicy", "nhp/": "NamespacedHookPolicy"}
		byPrefix := map[string][]cobra.Completion{}
		for prefix, kind := range kinds {
			byPrefix[prefix] = f.named(v1alpha1.GroupVersion.WithKind(kind))(ctx, cluster)
		}
		for prefix := range kinds {
			if strings.HasPrefix(typed, prefix) {
				return prefixed(prefix, byPrefix[prefix])
			}
		}
		var all []cobra.Completion
		for prefix, names := range byPrefix {
			for _, name := range names {
				count := 0
				for _, others := range byPrefix {
					if slices.Contains(others, name) {
						count++
					}
				}
				if count > 1 {
					name = prefix + name
				}
				all = append(all, name)
			}
		}
		return all
	})
}

// First completes the first argument, and offers nothing behind it.
func First(completion cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completion(c, args, typed)
	}
}

// Complete offers what a function finds in the cluster and is not among the arguments yet; nothing where the cluster does not answer
// soon, or the user may not see it.
func (f *Frame) Complete(find func(ctx context.Context, cluster client.Reader) []cobra.Completion) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return f.complete(c, args, typed, find)
	}
}

func (f *Frame) complete(c *cobra.Command, args []string, typed string, find func(context.Context, client.Reader) []cobra.Completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	if f.Flags.Timeout != nil && *f.Flags.Timeout == "0" { // for discovery, which has no context
		*f.Flags.Timeout = completionTime.String()
	}
	ctx, cancel := context.WithTimeout(c.Context(), completionTime)
	defer cancel()
	cluster, err := f.Client()
	if err != nil {
		cobra.CompDebugln(err.Error(), false)
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	offered := slices.DeleteFunc(find(ctx, cluster), func(offer cobra.Completion) bool {
		name, _, _ := strings.Cut(offer, "\t")
		return !strings.HasPrefix(name, typed) || slices.Contains(args, name)
	})
	slices.Sort(offered)
	return offered, cobra.ShellCompDirectiveNoFileComp
}

// named finds the names of objects of a kind, those of the namespace if the kind has any.
func (f *Frame) named(kind schema.GroupVersionKind) func(context.Context, client.Reader) []cobra.Completion {
	return func(ctx context.Context, cluster client.Reader) []cobra.Completion {
		namespace, err := f.Namespace()
		if err != nil {
			return nil
		}
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := cluster.List(ctx, list, client.InNamespace(namespace)); err != nil {
			cobra.CompDebugln(err.Error(), false)
			return nil
		}
		names := make([]cobra.Completion, len(list.Items))
		for i := range list.Items {
			names[i] = list.Items[i].Name
		}
		return names
	}
}

func prefixed(prefix string, names []cobra.Completion) []cobra.Completion {
	for i := range names {
		names[i] = prefix + names[i]
	}
	return names
}

// completeFlags completes those of kubectl's flags that name something.
func (f *Frame) completeFlags(root *cobra.Command) {
	contexts := func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		config, err := f.Flags.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return slices.Sorted(maps.Keys(config.Contexts)), cobra.ShellCompDirectiveNoFileComp
	}
	for flag, completion := range map[string]cobra.CompletionFunc{"namespace": f.CompleteNamespaces, "context": contexts} {
		// It fails where there is no such flag, or where it is completed already: neither can be.
		_ = root.RegisterFlagCompletionFunc(flag, completion)
	}
}
