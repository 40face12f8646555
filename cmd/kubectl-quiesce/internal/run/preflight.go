package run

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// preflight finds mistakes that a session would only tell of after it was created. What the user may not read is left to the session.
func preflight(ctx context.Context, cluster client.Client, o *options) error {
	var namespace corev1.Namespace
	switch err := cluster.Get(ctx, client.ObjectKey{Name: o.namespace}, &namespace); {
	case apierrors.IsForbidden(err):
	case apierrors.IsNotFound(err):
		return unknownNamespace(ctx, cluster, o.namespace)
	case err != nil:
		return err
	case namespace.Labels[v1alpha1.HooksLabel] != v1alpha1.HooksEnabled:
		return fmt.Errorf("namespace %s has not opted in, so it has no hooks: kubectl label namespace %s %s=%s", o.namespace, o.namespace, v1alpha1.HooksLabel, v1alpha1.HooksEnabled)
	}
	if err := mayFollow(ctx, cluster, o.namespace); err != nil {
		return err
	}
	if len(o.policies) == 0 {
		return nil
	}
	var (
		hookPolicies v1alpha1.HookPolicyList
		namespaced   v1alpha1.NamespacedHookPolicyList
		known        []string
	)
	for _, list := range []client.ObjectList{&hookPolicies, &namespaced} {
		if err := cluster.List(ctx, list, client.InNamespace(o.namespace)); apierrors.IsForbidden(err) {
			return nil
		} else if err != nil {
			return err
		}
	}
	for i := range hookPolicies.Items {
		known = append(known, hookPolicies.Items[i].Name)
	}
	for i := range namespaced.Items {
		known = append(known, namespaced.Items[i].Name)
	}
	return checkNames(o.policies, known)
}

func checkNames(wanted, known []string) error {
	there := make(map[string]bool, len(known))
	for _, name := range known {
		there[name] = true
	}
	for _, name := range wanted {
		if !there[name] {
			return command.Unknown("policy", name, known)
		}
	}
	return nil
}

func unknownNamespace(ctx context.Context, cluster client.Reader, name string) error {
	var namespaces corev1.NamespaceList
	if err := cluster.List(ctx, &namespaces); err != nil {
		return fmt.Errorf("there is no namespace %q", name)
	}
	known := make([]string, len(namespaces.Items))
	for i := range namespaces.Items {
		known[i] = namespaces.Items[i].Name
	}
	return command.Unknown("namespace", name, known)
}
