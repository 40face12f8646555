package activity

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// policySessions knows in which sessions a policy has hooks: those that name it, and those with HookRuns of it.
type policySessions struct {
	policy, namespace string

	known map[client.ObjectKey]bool
}

func (p *policySessions) has(session *v1alpha1.HookSession) bool {
	return p.known[client.ObjectKeyFromObject(session)] || slices.Contains(session.Spec.PolicyNames, p.policy)
}

// read learns of all sessions at once.
func (p *policySessions) read(ctx context.Context, cluster client.Reader) error {
	p.known = map[client.ObjectKey]bool{}
	return p.learn(ctx, cluster, client.InNamespace(p.namespace), client.MatchingFields{"spec.policy.name": p.policy})
}

// look learns of one that has changed since all were read: its HookRuns are there once its policies are resolved.
func (p *policySessions) look(ctx context.Context, cluster client.Reader, session *v1alpha1.HookSession) error {
	if session.Status.Runs == nil || p.has(session) {
		return nil
	}
	return p.learn(ctx, cluster, client.InNamespace(session.Namespace),
		client.MatchingFields{"spec.session.name": session.Name, "spec.policy.name": p.policy})
}

func (p *policySessions) learn(ctx context.Context, cluster client.Reader, options ...client.ListOption) error {
	_, err := eachPage(ctx, cluster, func(page *v1alpha1.HookRunList) {
		for i := range page.Items {
			p.known[client.ObjectKey{Namespace: page.Items[i].Namespace, Name: page.Items[i].Spec.Session.Name}] = true
		}
	}, options...)
	return err
}
