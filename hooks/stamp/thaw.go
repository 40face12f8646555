package stamp

import (
	"slices"
	"time"

	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Thaw is what thaws a pod that Velero may have quiesced by its stamp.
type Thaw struct {
	// Container in which the stamp has its hooks, and in which their watchdog is.
	Container string
	// Chain has the hooks of the stamp's policies as these are now.
	Chain chain.Chain
	// Lacking are those policies of which there is nothing to thaw with any more, in the stamp's order: they are gone or
	// suspended, or have no longer hooks for the pod on both sides. Then the Chain is not to be run: the watchdog knows better.
	Lacking []match.Ref
	// MaxQuiesce is the longest of the policies': by then a watchdog thaws that was started by the stamp.
	MaxQuiesce time.Duration
}

// Thaw is what the stamp of a pod in a namespace stands for. The stamp says which policies, and whether it is ours; what is to be
// run is rendered from the policies, as they are now, and never read from the pod. Whether a policy still selects the pod,
// or the pod has opted out in the meantime, makes no difference to what was quiesced. It is false where there is no stamp of
// ours that has a watchdog.
func (p *Policies) Thaw(namespace string, pod Pod) (Thaw, bool) {
	present := carry(pod.Annotations)
	before, after := present.ours[pre], present.ours[post]
	if before == nil || after == nil {
		return Thaw{}, false
	}
	var (
		found    []*match.Policy
		byName   = map[string]*match.Policy{}
		recorded = slices.Concat(before.Policies, after.Policies)
	)
	for _, policy := range p.index.Policies() { // by rank
		name := recordedName(policy.Ref)
		if (policy.Namespace == "" || policy.Namespace == namespace) && slices.Contains(recorded, name) {
			found, byName[name] = append(found, policy), policy
		}
	}
	var a arrangement
	for _, policy := range found {
		if candidates, _, missing := p.candidates(policy, pod, present); missing == nil {
			a, _ = a.add(policy, candidates, p.options)
		}
	}
	thaw := Thaw{Container: pod.Annotations[sides[post].prefix+v1alpha1.VeleroContainer]}
	guarded := false
	for _, name := range before.Policies {
		ref, known := recordedRef(name, namespace)
		if !known || !slices.Contains(after.Policies, name) {
			continue // it has quiesced nothing that it thaws
		}
		policy := byName[name]
		switch {
		case policy == nil:
			thaw.Lacking = append(thaw.Lacking, ref)
			thaw.MaxQuiesce = max(thaw.MaxQuiesce, defaultMaxQuiesce)
			continue
		case policy.Spec.Shell == v1alpha1.NoShell:
			continue // it has no watchdog
		case !a.carries(pre, policy) || !a.carries(post, policy) || a[post].container != thaw.Container:
			thaw.Lacking = append(thaw.Lacking, ref)
		}
		guarded = true
		thaw.MaxQuiesce = max(thaw.MaxQuiesce, maxQuiesceOf(policy))
	}
	if len(thaw.Lacking) == 0 {
		thaw.Chain = a.chain()
	}
	return thaw, guarded || len(thaw.Lacking) > 0
}
