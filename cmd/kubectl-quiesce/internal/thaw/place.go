package thaw

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// place is a namespace, and what is to be done in it.
type place struct {
	reader *reader
	plan   *thawPlan
}

// plan looks at the namespace, or at all in which something may be quiesced. Of the latter, those where something is, or may be, are left.
func (t *thaw) plan(ctx context.Context, s scope) ([]place, error) {
	cluster, err := t.Client()
	if err != nil {
		return nil, err
	}
	config, err := t.REST()
	if err != nil {
		return nil, err
	}
	containers, err := action.New(config, cluster)
	if err != nil {
		return nil, err
	}
	base := reader{Client: cluster, containers: containers, scope: s, force: t.force, timeout: t.timeout}
	if t.allNamespaces {
		return everywhere(ctx, base)
	}
	if base.namespace, err = t.Namespace(); err != nil {
		return nil, err
	}
	p, err := base.plan(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	return []place{{&base, p}}, s.knowsPolicies(p.policies)
}

// everywhere plans for all namespaces.
func everywhere(ctx context.Context, base reader) ([]place, error) {
	namespaces, err := suspects(ctx, base)
	if err != nil {
		return nil, err
	}
	known := policiesEverywhere(ctx, base)
	var all []place
	for _, namespace := range namespaces {
		r := base
		r.namespace = namespace
		p, err := r.plan(ctx, time.Now())
		if err != nil {
			return nil, err
		}
		if known != nil {
			known = append(known, p.policies...)
		}
		if !p.empty() || len(p.unknown) > 0 {
			all = append(all, place{&r, p})
		}
	}
	return all, base.scope.knowsPolicies(known)
}

// suspects are the namespaces with a session that may have quiesced something, or with stamped pods.
func suspects(ctx context.Context, cluster client.Reader) ([]string, error) {
	var (
		namespaces []string
		sessions   v1alpha1.HookSessionList
		pods       metav1.PartialObjectMetadataList
	)
	if err := cluster.List(ctx, &sessions); err != nil {
		return nil, err
	}
	for i := range sessions.Items {
		if owes(&sessions.Items[i]) {
			namespaces = append(namespaces, sessions.Items[i].Namespace)
		}
	}
	pods.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	if err := cluster.List(ctx, &pods); err != nil {
		return nil, err
	}
	for i := range pods.Items {
		if pods.Items[i].Annotations[v1alpha1.StampAnnotation] != "" {
			namespaces = append(namespaces, pods.Items[i].Namespace)
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces), nil
}

// owes tells whether a session may have something quiesced.
func owes(session *v1alpha1.HookSession) bool {
	return !session.Status.Phase.Finished() || meta.IsStatusConditionFalse(session.Status.Conditions, v1alpha1.ConditionThawed)
}

// policiesEverywhere are the names of all policies; nil where they may not be read, or nobody asks for one.
func policiesEverywhere(ctx context.Context, base reader) []string {
	if len(base.scope.policies) == 0 {
		return nil
	}
	all, err := world.Load(ctx, base, "")
	if err != nil || slices.ContainsFunc(policyKinds, all.Unread) {
		return nil // what is quiesced is thawed by records and stamps all the same
	}
	return policyNames("", all.Set, nil, nil)
}
