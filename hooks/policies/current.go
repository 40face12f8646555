package policies

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// UpToDate tells whether all that the API server has by now has been compiled: the HookPolicies, HookScripts and HookTemplates, and the
// NamespacedHookPolicies of a namespace, or of all.
func (s *Set) UpToDate(ctx context.Context, live client.Reader, namespace string) (bool, error) {
	compiled := make(map[match.Ref]Version, len(s.Policies))
	for i := range s.Policies {
		policy := &s.Policies[i]
		compiled[policy.Ref] = Version{UID: policy.UID, Generation: policy.Generation}
	}
	for _, kind := range []struct {
		name, namespace string
		version         func(match.Ref) Version
	}{
		{"HookPolicy", "", func(ref match.Ref) Version { return compiled[ref] }},
		{"NamespacedHookPolicy", namespace, func(ref match.Ref) Version { return compiled[ref] }},
		{"HookScript", "", func(ref match.Ref) Version { return s.Scripts[ref.Name] }},
		{"HookTemplate", "", func(ref match.Ref) Version { return s.Templates[ref.Name] }},
	} {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind.name + "List"))
		if err := live.List(ctx, &list, client.InNamespace(kind.namespace)); err != nil {
			return false, fmt.Errorf("listing %s objects: %w", kind.name, err)
		}
		for i := range list.Items {
			item := &list.Items[i]
			if kind.version(match.Ref{Namespace: item.Namespace, Name: item.Name}) != (Version{UID: item.UID, Generation: item.Generation}) {
				return false, nil
			}
		}
	}
	return true, nil
}
