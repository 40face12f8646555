// Package policies keeps the cluster's policies compiled, for the webhook and for the controller alike: it watches both
// kinds, and the Velero Schedules and Backups that have hooks of their own.
package policies

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Set is the policies of one moment, compiled. It does not change.
type Set struct {
	// Compiled decides about the hooks of backups of pods, Restores about init containers of restored ones.
	Compiled *stamp.Policies
	Restores *restore.Policies
	// Index has those that can be used and are not suspended, for whoever plans with them.
	Index *match.Index
	// Policies are all of both kinds, those included that are suspended or cannot be used, sorted by namespace and name.
	Policies []Policy
	// Provisional is true before it is known whether Velero has Schedules or Backups with hooks: enough for new pods,
	// which must not wait, and not for changing those that run.
	Provisional bool
}

// Policy is a policy as it was compiled.
type Policy struct {
	match.Ref
	UID        types.UID
	Generation int64
	Spec       *v1alpha1.HookPolicySpec
	// Refusal is why the policy cannot be used, in words for its author; or nil.
	Refusal error
}

// State is the policy's in the metrics.
func (p *Policy) State() string {
	switch {
	case p.Refusal != nil:
		return stateInvalid
	case p.Spec.Suspend:
		return stateSuspended
	}
	return stateReady
}

func newSet(cluster []v1alpha1.HookPolicy, namespaced []v1alpha1.NamespacedHookPolicy, options stamp.Options) *Set {
	set := &Set{Policies: make([]Policy, 0, len(cluster)+len(namespaced))}
	add := func(ref match.Ref, uid types.UID, generation int64, spec v1alpha1.HookPolicySpec) {
		// A copy of its own, by which the rest of the object, as it was then, is not kept in memory.
		set.Policies = append(set.Policies, Policy{Ref: ref, UID: uid, Generation: generation, Spec: &spec})
	}
	for i := range cluster {
		policy := &cluster[i]
		add(match.Ref{Name: policy.Name}, policy.UID, policy.Generation, policy.Spec)
	}
	for i := range namespaced {
		policy := &namespaced[i]
		add(match.Ref{Namespace: policy.Namespace, Name: policy.Name}, policy.UID, policy.Generation, policy.Spec)
	}
	slices.SortFunc(set.Policies, func(a, b Policy) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	sources := make([]match.Source, len(set.Policies))
	for i := range set.Policies {
		sources[i] = match.Source{Ref: set.Policies[i].Ref, Spec: set.Policies[i].Spec}
	}
	slices.SortFunc(options.BackupHooks, func(a, b velero.BackupHooks) int { return strings.Compare(a.Name, b.Name) })
	index, refused := match.CompileAll(sources)
	refusals := make(map[match.Ref]error, len(refused))
	for _, refusal := range refused {
		refusals[refusal.Ref] = refusal.Err
	}
	for i := range set.Policies {
		set.Policies[i].Refusal = refusals[set.Policies[i].Ref]
	}
	set.Compiled, set.Restores, set.Index = stamp.New(index, options), restore.New(index), index
	return set
}
