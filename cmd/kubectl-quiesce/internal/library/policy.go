package library

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// policy is one of either kind.
type policy struct {
	match.Ref
	created metav1.Time
	spec    *v1alpha1.HookPolicySpec
	status  *v1alpha1.HookPolicyStatus
	object  client.Object
}

func ofCluster(object *v1alpha1.HookPolicy) policy {
	return policy{match.Ref{Name: object.Name}, object.CreationTimestamp, &object.Spec, &object.Status, object}
}

func ofNamespace(object *v1alpha1.NamespacedHookPolicy) policy {
	return policy{match.Ref{Namespace: object.Namespace, Name: object.Name}, object.CreationTimestamp, &object.Spec, &object.Status, object}
}

// listed are the policies that a list has found, as objects and read.
type listed struct {
	items []unstructured.Unstructured
	read  []policy
}

// findPolicies lists HookPolicies, and the NamespacedHookPolicies of a namespace, or of all for "". HookPolicies that the user may not see
// are left out, and that is said.
func findPolicies(c *cobra.Command, frame *command.Frame, namespace, selector string, namespacedOnly bool) (*listed, error) {
	found := &listed{}
	if !namespacedOnly {
		items, err := list(c, frame, "HookPolicy", "", selector)
		switch {
		case command.Lacks(err):
			fmt.Fprintln(frame.ErrOut, "HookPolicies are left out, which are for pods of the whole cluster: you may not list them, "+
				"which takes the ClusterRole quiesce-view, bound by a ClusterRoleBinding. They may have hooks in your pods all the same.")
		case err != nil:
			return nil, err
		}
		objects, err := read[v1alpha1.HookPolicy](items)
		if err != nil {
			return nil, err
		}
		found.items = items
		for i := range objects {
			found.read = append(found.read, ofCluster(&objects[i]))
		}
	}
	items, err := list(c, frame, "NamespacedHookPolicy", namespace, selector)
	if err != nil {
		return nil, err
	}
	objects, err := read[v1alpha1.NamespacedHookPolicy](items)
	if err != nil {
		return nil, err
	}
	found.items = append(found.items, items...)
	for i := range objects {
		found.read = append(found.read, ofNamespace(&objects[i]))
	}
	return found, nil
}

// kindPrefixes are how the kinds of policies can be written ahead of a name.
var kindPrefixes = map[string]bool{ // whether it is of a namespace
	"hp": false, "hookpolicy": false, "hookpolicies": false,
	"nhp": true, "namespacedhookpolicy": true, "namespacedhookpolicies": true,
}

// meaning is what an argument may name.
type meaning struct {
	name                  string
	clustered, namespaced bool
}

// mean reads NAME, hp/NAME or nhp/NAME.
func mean(argument string, namespacedOnly bool) (meaning, error) {
	prefix, name, typed := strings.Cut(argument, "/")
	if !typed {
		return meaning{argument, !namespacedOnly, true}, nil
	}
	kind, _, _ := strings.Cut(strings.ToLower(prefix), ".")
	namespaced, known := kindPrefixes[kind]
	switch {
	case !known || name == "" || strings.Contains(name, "/"):
		return meaning{}, fmt.Errorf("%q names no policy: write its name, or hp/NAME for a HookPolicy, nhp/NAME for a NamespacedHookPolicy", argument)
	case namespacedOnly && !namespaced:
		return meaning{}, fmt.Errorf("%q is a HookPolicy, and --namespaced is for NamespacedHookPolicies: leave one of the two out", argument)
	}
	return meaning{name, !namespaced, namespaced}, nil
}

// findPolicy reads the policy that an argument means. A name that both kinds have means neither.
func findPolicy(ctx context.Context, cluster client.Reader, namespace, argument string, namespacedOnly bool) (policy, error) {
	meant, err := mean(argument, namespacedOnly)
	if err != nil {
		return policy{}, err
	}
	var (
		found  []policy
		lacked error
	)
	if meant.clustered {
		object := &v1alpha1.HookPolicy{}
		switch err := cluster.Get(ctx, client.ObjectKey{Name: meant.name}, object); {
		case err == nil:
			found = append(found, ofCluster(object))
		case meant.namespaced && command.Lacks(err): // who may not see it does not mean it, if there is another
			lacked = err
		case !apierrors.IsNotFound(err):
			return policy{}, err
		}
	}
	if meant.namespaced {
		object := &v1alpha1.NamespacedHookPolicy{}
		switch err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: meant.name}, object); {
		case err == nil:
			found = append(found, ofNamespace(object))
		case !apierrors.IsNotFound(err):
			return policy{}, err
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 2:
		return policy{}, fmt.Errorf("there is a HookPolicy %[1]q, and a NamespacedHookPolicy %[1]q in namespace %[2]s: write hp/%[1]s or nhp/%[1]s", meant.name, namespace)
	case lacked != nil:
		return policy{}, fmt.Errorf("there is no NamespacedHookPolicy %q in namespace %s, and HookPolicies you may not see: %w", meant.name, namespace, lacked)
	}
	var (
		kinds []string
		known []string
	)
	if meant.clustered {
		kinds, known = append(kinds, "HookPolicy"), append(known, namesLike(ctx, cluster, "", &v1alpha1.HookPolicy{})...)
	}
	if meant.namespaced {
		kinds = append(kinds, "NamespacedHookPolicy in namespace "+namespace)
		known = append(known, namesLike(ctx, cluster, namespace, &v1alpha1.NamespacedHookPolicy{})...)
	}
	return policy{}, command.Unknown(strings.Join(kinds, " or "), meant.name, known)
}
