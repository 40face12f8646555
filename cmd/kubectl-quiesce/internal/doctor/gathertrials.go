package doctor

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// tryPolicy has the API server look at a policy as if it were to be created, which takes the webhook.
func (g *gatherer) tryPolicy(ctx context.Context) {
	const nowhere = "quiesce-doctor"
	spec := v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{{
		Name: "try", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Exec: &v1alpha1.ExecAction{Command: []string{"true"}},
	}}}
	var policy client.Object = &v1alpha1.NamespacedHookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: nowhere, Namespace: g.facts.Namespace},
		Spec:       spec,
	}
	needed := right("create", "namespacedhookpolicies", g.facts.Namespace)
	if g.facts.Namespace == "" {
		spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{nowhere}
		policy = &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: nowhere}, Spec: spec}
		needed = "create hookpolicies"
	}
	err := g.client.Create(ctx, policy, client.DryRunAll)
	if cannot(err) {
		g.facts.PolicyTrial = Fact[PolicyTrial]{Lacks: needed}
		return
	}
	g.facts.PolicyTrial = Fact[PolicyTrial]{Value: PolicyTrial{Trial{err}, policy.GetAnnotations()[v1alpha1.AuthorAnnotation] != ""}}
}

// tryPod has the API server look at a pod that a policy selects as if it were to be created.
func (g *gatherer) tryPod(ctx context.Context) {
	f := g.facts
	for _, fact := range []missing{f.Policies, f.Namespaces, f.AppPods} {
		if !fact.known() {
			f.StampTrial = Fact[*StampTrial]{Err: errors.New(fact.why())}
			return
		}
	}
	like, fresh := f.stampedLike()
	if like == nil {
		return
	}
	trial := &StampTrial{Like: like.Namespace + "/" + like.Name}
	err := g.client.Create(ctx, fresh, client.DryRunAll)
	switch {
	case err == nil:
		trial.Stamped = fresh.Annotations[v1alpha1.StampAnnotation] != ""
	case cannot(err):
		f.StampTrial = Fact[*StampTrial]{Lacks: right("create", "pods", like.Namespace)}
		return
	default:
		trial.Refusal = err
	}
	f.StampTrial = Fact[*StampTrial]{Value: trial}
}
