package stamp

import (
	"slices"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// BySession is the first of a pod's policies with which Velero's Backups wait for a session, or nil. By it, all hooks of the pod are the
// session's: Velero would run a stamped one beside those of the session, whose watchdog it would take for another backup's.
func BySession(matched []*match.Policy, podLabels, annotations map[string]string) *match.Policy {
	i := slices.IndexFunc(matched, func(policy *match.Policy) bool {
		return Waits(policy.Spec) && !match.OptedOut(annotations, policy.Name) && policy.HasHooksFor(podLabels, v1alpha1.BackupStages...)
	})
	if i < 0 {
		return nil
	}
	return matched[i]
}

// Waits tells whether Velero's Backups wait for sessions of a policy.
func Waits(spec *v1alpha1.HookPolicySpec) bool {
	return spec.Velero.Mode == v1alpha1.VeleroSession
}

// Left tells whether a session runs a hook in a stage of a backup in which nobody waits for it: where Velero runs the stamped hooks of the
// pod, or goes on without any. That is after the backup only, and never what is to undo something.
func Left(spec *v1alpha1.HookPolicySpec, place int, stage v1alpha1.Stage) bool {
	hook := &spec.Hooks[place]
	if !slices.Contains(sides[post].stages, stage) || hook.Hold != nil {
		return false
	}
	if !Waits(spec) && sessionOnly(hook) == "" {
		return false // Velero runs it
	}
	return harmless(hook) || !undoes(spec)
}

// undoes tells whether the hooks of after the backup may be there to undo those of before it.
func undoes(spec *v1alpha1.HookPolicySpec) bool {
	var before, after bool
	for i := range spec.Hooks {
		if hook := &spec.Hooks[i]; hook.Init == nil && !harmless(hook) {
			before, after = before || runsOn(pre, hook), after || runsOn(post, hook)
		}
	}
	return before && after
}

// DelegatedHook is a hook that pods carry, and Velero runs.
type DelegatedHook struct {
	Policy match.Ref
	Hook   string
	// Pods that carry it, once for each side on which they do.
	Pods int32
}

// Delegated are the hooks that pods of a namespace carry, by policy and place. What a pod carries is as its record has it.
func Delegated(index *match.Index, namespace match.Namespace, pods []Pod) []DelegatedHook {
	policies := index.Policies()
	byName := make(map[string]*match.Policy, len(policies))
	for _, policy := range policies {
		if policy.Namespace == "" || policy.Namespace == namespace.Name {
			byName[recordedName(policy.Ref)] = policy
		}
	}
	counts := map[*match.Policy][]int32{}
	for _, pod := range pods {
		written := recordOf(pod.Annotations)
		for s := range sides {
			recorded := *written.side(side(s))
			if recorded == nil {
				continue
			}
			for _, name := range recorded.Policies {
				if policy := byName[name]; policy != nil {
					counts[policy] = countHooks(counts[policy], policy, side(s), pod)
				}
			}
		}
	}
	var delegated []DelegatedHook
	for _, policy := range policies {
		for place, pods := range counts[policy] {
			if pods > 0 {
				delegated = append(delegated, DelegatedHook{policy.Ref, policy.Spec.Hooks[place].Name, pods})
			}
		}
	}
	return delegated
}

// countHooks counts the hooks of a policy on a side of a pod, by place.
func countHooks(counts []int32, policy *match.Policy, s side, pod Pod) []int32 {
	if counts == nil {
		counts = make([]int32, len(policy.Spec.Hooks))
	}
	for place := range policy.Spec.Hooks {
		hook := &policy.Spec.Hooks[place]
		if hook.Init == nil && runsOn(s, hook) && sessionOnly(hook) == "" && policy.SelectsHook(place, pod.Labels) {
			counts[place]++
		}
	}
	return counts
}
