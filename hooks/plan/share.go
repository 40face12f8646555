package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Share says what a session runs where the backup tool runs hooks too.
type Share struct {
	// Whole tells whether the session runs all hooks in a pod.
	Whole func(Pod) bool
	// Left tells whether it runs a hook in a stage in the other pods, or in none, by the hook's place in the policy.
	Left func(policy *match.Policy, place int, stage v1alpha1.Stage) bool
}

// assign gives the session's hooks of a policy their pods, by the hooks' places.
func (s Session) assign(m members, read func(*v1alpha1.HookPolicySpec, int) (Hook, bool)) []assignment {
	hooks := s.hooks(m.policy, read)
	if s.Share == nil {
		return m.assign(hooks)
	}
	whole, others := m, m
	whole.pods, others.pods = nil, nil
	for _, pod := range m.pods {
		if s.Share.Whole(pod) {
			whole.pods = append(whole.pods, pod)
		} else {
			others.pods = append(others.pods, pod)
		}
	}
	var assigned []assignment
	if len(whole.pods) > 0 {
		assigned = whole.assign(hooks)
	}
	// What runs once in all does so once.
	left := slices.DeleteFunc(s.left(m.policy, hooks), func(hook Hook) bool {
		return hook.RunOn != v1alpha1.EachPod && slices.ContainsFunc(assigned, func(a assignment) bool { return a.hook.Place == hook.Place })
	})
	assigned = append(assigned, others.assign(left)...)
	slices.SortStableFunc(assigned, func(a, b assignment) int { return cmp.Compare(a.hook.Place, b.hook.Place) })
	return assigned
}

// left are the hooks that the session runs in pods in which the tool runs the others, each with the stages in which it does.
func (s Session) left(policy *match.Policy, hooks []Hook) []Hook {
	var left []Hook
	for _, hook := range hooks {
		hook.Stages = slices.DeleteFunc(slices.Clone(hook.Stages), func(stage v1alpha1.Stage) bool { return !s.Share.Left(policy, hook.Place, stage) })
		if len(hook.Stages) > 0 {
			left = append(left, hook)
		}
	}
	return left
}

// join makes one of assignments of one hook that follow one another: they are for other pods.
func join(assigned []assignment) []assignment {
	var joined []assignment
	for _, a := range assigned {
		last := len(joined) - 1
		if last < 0 || joined[last].policy != a.policy || joined[last].hook.Place != a.hook.Place {
			joined = append(joined, a)
			continue
		}
		joined[last].targets = slices.Concat(joined[last].targets, a.targets)
		slices.SortFunc(joined[last].targets, func(a, b Target) int {
			return cmp.Or(strings.Compare(a.Pod, b.Pod), strings.Compare(string(a.UID), string(b.UID)))
		})
	}
	return joined
}
