package thaw

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/stamp"
)

// In an emergency a name that is misspelt must not be answered by "nothing is quiesced".

// knowsPods refuses names of pods that there are not, and a namespace that there is not.
func (r *reader) knowsPods(ctx context.Context, pods []corev1.Pod) error {
	if len(pods) == 0 {
		if err := r.knowsNamespace(ctx); err != nil {
			return err
		}
	}
	names := make([]string, len(pods))
	for i := range pods {
		names[i] = pods[i].Name
	}
	for _, name := range r.scope.pods {
		if !slices.Contains(names, name) {
			return fmt.Errorf("in namespace %s %w", r.namespace, command.Unknown("Pod", name, names))
		}
	}
	return nil
}

// knowsNamespace refuses a namespace that there is not. Who may not read namespaces is not told.
func (r *reader) knowsNamespace(ctx context.Context) error {
	if err := r.Get(ctx, client.ObjectKey{Name: r.namespace}, &corev1.Namespace{}); !apierrors.IsNotFound(err) {
		return nil
	}
	var all corev1.NamespaceList
	if err := r.List(ctx, &all); err != nil {
		return fmt.Errorf("there is no Namespace %q", r.namespace)
	}
	names := make([]string, len(all.Items))
	for i := range all.Items {
		names[i] = all.Items[i].Name
	}
	return command.Unknown("Namespace", r.namespace, names)
}

// policyNames are those of all policies that there are, and of those that a session or a stamp still has.
func policyNames(namespace string, set *policies.Set, records []record.Record, pods []corev1.Pod) []string {
	names := []string{}
	for i := range set.Policies {
		names = append(names, set.Policies[i].Name)
	}
	for i := range records {
		for _, run := range records[i].Runs {
			names = append(names, run.Spec.Policy.Name)
		}
	}
	for i := range pods {
		for _, policy := range stamp.Carried(namespace, pods[i].Annotations) {
			names = append(names, policy.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// knowsPolicies refuses names of policies that there are not. Where the policies may not be read, so that known is nil, nobody knows
// better than whoever wrote the name.
func (s scope) knowsPolicies(known []string) error {
	for _, name := range s.policies {
		if known != nil && !slices.Contains(known, name) {
			return command.Unknown("HookPolicy or NamespacedHookPolicy", name, known)
		}
	}
	return nil
}
