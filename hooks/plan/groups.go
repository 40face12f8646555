package plan

import (
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// MaxTargets is how many pods a step has at most: a HookRun holds no more.
const MaxTargets = 500

// arrange makes the steps of a stage from assignments in the order of policies and their hooks. A post stage is the exact
// reverse of what it would be as a pre stage.
func arrange(stage v1alpha1.Stage, assigned []assignment) []Step {
	assigned = join(slices.DeleteFunc(assigned, func(a assignment) bool { return !slices.Contains(a.hook.Stages, stage) }))
	groups := group(assigned)
	if IsPost(stage) {
		slices.Reverse(assigned)
		slices.Reverse(groups)
		last := 0
		if len(groups) > 0 {
			last = slices.Max(groups)
		}
		for i := range groups {
			groups[i] = last - groups[i]
		}
	}
	var steps []Step
	for i, a := range assigned {
		steps = append(steps, split(Step{
			Stage: stage, Policy: a.policy.Ref, Hook: a.hook, Group: groups[i], Targets: a.targets, Note: a.note})...)
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return a.Group - b.Group })
	return steps
}

// group numbers assignments: those of a group run at once. A priority is over before the next begins. Within it, policies
// run at once unless they share a pod: there, and among the hooks of one policy, the order by name and list is kept.
func group(assigned []assignment) []int {
	groups := make([]int, len(assigned))
	first, last := 0, -1
	var free map[spot]int // from which group on there may be a hook of a policy, or in a pod
	for i, a := range assigned {
		if i == 0 || a.policy.Spec.Priority != assigned[i-1].policy.Spec.Priority {
			first, free = last+1, map[spot]int{}
		}
		spots := a.spots()
		groups[i] = first
		for _, s := range spots {
			groups[i] = max(groups[i], free[s])
		}
		for _, s := range spots {
			free[s] = groups[i] + 1
		}
		last = max(last, groups[i])
	}
	return groups
}

// spots are the policy, and each pod whoever else has hooks in it.
func (a assignment) spots() []spot {
	spots := []spot{{policy: a.policy.Ref}}
	for i := range a.targets {
		spots = append(spots, spot{pod: a.targets[i].UID})
	}
	return spots
}

// split makes steps that are not too large of one that may be.
func split(step Step) []Step {
	if len(step.Targets) <= MaxTargets {
		return []Step{step}
	}
	var parts []Step
	for targets := range slices.Chunk(step.Targets, MaxTargets) {
		part := step.with(targets)
		part.Part = len(parts)
		parts = append(parts, part)
	}
	return parts
}
