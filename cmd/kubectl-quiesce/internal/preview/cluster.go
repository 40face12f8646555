package preview

import (
	"context"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
)

// applied is the world as it would be once the files were applied.
func (c *contents) applied(base *world.World) *world.World {
	next := world.Of(policies.Objects{
		Cluster:    join(base.Objects.Cluster, c.Cluster, clusterName),
		Namespaced: join(base.Objects.Namespaced, c.Namespaced, namespacedName),
		Scripts:    join(base.Objects.Scripts, c.Scripts, scriptName),
		Templates:  join(base.Objects.Templates, c.Templates, templateName),
	}, base.Options, base.Scope)
	next.UnpreparedNamespaces = base.UnpreparedNamespaces
	return next
}

// compare says of the files' policies what an apply would do, and which policies then come to something else than before, those of the
// files included.
func (c *contents) compare(base, next *world.World) (touched map[match.Ref]bool) {
	before := map[match.Ref]*policies.Policy{}
	for i := range base.Policies {
		before[base.Policies[i].Ref] = &base.Policies[i]
	}
	touched = map[match.Ref]bool{}
	for i := range next.Policies {
		policy := &next.Policies[i]
		old := before[policy.Ref]
		if old == nil || !reflect.DeepEqual(old.Spec, policy.Spec) || (old.Refusal == nil) != (policy.Refusal == nil) {
			touched[policy.Ref] = true
		}
		for j := range c.listed {
			if listed := &c.listed[j]; listed.is(policy.Ref) && listed.Refusal == "" {
				touched[policy.Ref] = true
				switch {
				case old == nil:
					listed.Change = "Created"
				case reflect.DeepEqual(old.Written, policy.Written):
					listed.Change = "Unchanged"
				default:
					listed.Change = "Configured"
				}
			}
		}
	}
	return touched
}

// readPods reads all pods of a namespace, or of all for "", and what is known of their namespaces.
func readPods(ctx context.Context, cluster client.Reader, namespace string) (pods []candidate, namespaces map[string]match.Namespace, gaps []string, err error) {
	var list corev1.PodList
	if err := cluster.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, nil, nil, fmt.Errorf("listing pods: %w", err)
	}
	for i := range list.Items {
		pods = append(pods, ofPod(&list.Items[i]))
	}
	namespaces = map[string]match.Namespace{}
	if namespace != "" {
		var one corev1.Namespace
		err = cluster.Get(ctx, client.ObjectKey{Name: namespace}, &one)
		if err == nil {
			namespaces[namespace] = match.Namespace{Name: namespace, Labels: one.Labels}
		}
	} else {
		var all corev1.NamespaceList
		err = cluster.List(ctx, &all)
		for i := range all.Items {
			namespaces[all.Items[i].Name] = match.Namespace{Name: all.Items[i].Name, Labels: all.Items[i].Labels}
		}
	}
	switch {
	case apierrors.IsForbidden(err):
		gaps = append(gaps, "whether namespaces have opted in is not known, since you may not read them: it is assumed")
	case apierrors.IsNotFound(err):
		return nil, nil, nil, fmt.Errorf("there is no namespace %q", namespace)
	case err != nil:
		return nil, nil, nil, fmt.Errorf("reading namespaces: %w", err)
	}
	return present(pods), namespaces, gaps, nil
}
