package stamp

import (
	"slices"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// slot is a hook of a policy that a pod is to carry.
type slot struct {
	policy *match.Policy
	hook   int
}

func (s slot) spec() *v1alpha1.Hook { return &s.policy.Spec.Hooks[s.hook] }

// half is what a pod is to carry on one side: hooks in one container, as Velero's annotations have it.
type half struct {
	container string
	// byDefault is true when the container is the pod's first, and no hook or image names it.
	byDefault bool
	hooks     []slot
}

// plain tells whether the side has a hook to which none can be chained.
func (h half) plain() bool {
	return len(h.hooks) > 0 && h.hooks[0].policy.Spec.Shell == v1alpha1.NoShell
}

// arrangement is what a pod is to carry on its two sides. Policies are added to it one by one, by rank.
type arrangement [len(sides)]half

// candidate is a hook that is for a pod, with the container in which it is to run.
type candidate struct {
	hook      int
	container match.Container
	byDefault bool
}

// add places the hooks of a policy. It returns what stands in the way of those that have no place; where one side of a
// policy of both would have none, neither has the other: never a freeze without its thaw. The receiver stays as it is.
func (a arrangement) add(policy *match.Policy, candidates []candidate, options Options) (arrangement, []Obstacle) {
	var wanted [len(sides)][]candidate
	var obstacles []Obstacle
	for _, c := range candidates {
		for s := range sides {
			if runsOn(side(s), &policy.Spec.Hooks[c.hook]) {
				wanted[s] = append(wanted[s], c)
			}
		}
	}
	if obstacle, found := a.occupied(policy, wanted); found {
		return a, []Obstacle{obstacle}
	}
	if len(wanted[pre]) > 0 && len(wanted[post]) == 0 && slices.ContainsFunc(policy.Spec.Hooks, func(h v1alpha1.Hook) bool { return runsOn(post, &h) && !harmless(&h) }) {
		return a, []Obstacle{{Reason: v1alpha1.ReasonOneSided, Hook: policy.Spec.Hooks[wanted[pre][0].hook].Name}}
	}
	everything := wanted
	for s := range wanted {
		stampable := func(c candidate) bool { return !c.container.Sidecar || options.NativeSidecars }
		for _, c := range wanted[s] {
			if !stampable(c) {
				obstacles = append(obstacles, Obstacle{Reason: v1alpha1.ReasonNativeSidecar, Hook: policy.Spec.Hooks[c.hook].Name, Container: c.container.Name})
			}
		}
		placeable := slices.DeleteFunc(slices.Clone(wanted[s]), func(c candidate) bool { return !stampable(c) })
		if len(wanted[s]) > 0 && len(placeable) == 0 {
			return a, obstacles[:1]
		}
		wanted[s] = placeable
	}
	containers, obstacle := a.containers(policy, wanted)
	if obstacle != nil {
		return a, []Obstacle{*obstacle}
	}
	if lost, found := thawLeftOut(everything, containers); found && len(wanted[pre]) > 0 {
		return a, []Obstacle{{
			Reason: v1alpha1.ReasonSidesApart, Hook: policy.Spec.Hooks[lost.hook].Name, Container: lost.container.Name, Taken: containers[pre]}}
	}
	with := a
	for s := range wanted {
		for _, c := range wanted[s] {
			if c.container.Name != containers[s] {
				obstacles = append(obstacles, Obstacle{Reason: v1alpha1.ReasonOtherContainer,
					Hook: policy.Spec.Hooks[c.hook].Name, Container: c.container.Name, Taken: containers[s], Winner: a.holder(side(s), containers[s])})
				continue
			}
			placed := &with[s]
			placed.container, placed.byDefault = c.container.Name, placed.byDefault || c.byDefault
			placed.hooks = append(slices.Clip(placed.hooks), slot{policy, c.hook})
		}
	}
	return with, obstacles
}

// thawLeftOut finds a hook of after the backup that is left out in a container where none of before it is left out with it:
// it may be what undoes a hook that is not left out.
func thawLeftOut(wanted [len(sides)][]candidate, containers [len(sides)]string) (candidate, bool) {
	for _, after := range wanted[post] {
		if after.container.Name != containers[post] && !slices.ContainsFunc(wanted[pre], func(before candidate) bool {
			return before.container.Name == after.container.Name
		}) {
			return after, true
		}
	}
	return candidate{}, false
}

// holder is the policy that has chosen a container for a side, or, for a policy of both sides, for the other; without a
// name where none has yet.
func (a arrangement) holder(s side, container string) match.Ref {
	for _, which := range []side{s, 1 - s} {
		if len(a[which].hooks) > 0 && a[which].container == container {
			return a[which].hooks[0].policy.Ref
		}
	}
	return match.Ref{}
}

// occupied is the obstacle for a policy that cannot share a side with what is there, or with itself.
func (a arrangement) occupied(policy *match.Policy, wanted [len(sides)][]candidate) (Obstacle, bool) {
	alone := policy.Spec.Shell == v1alpha1.NoShell
	for s := range wanted {
		if len(wanted[s]) == 0 {
			continue
		}
		first := policy.Spec.Hooks[wanted[s][0].hook].Name
		if alone && len(wanted[s]) > 1 {
			return Obstacle{Reason: v1alpha1.ReasonNoShell, Hook: policy.Spec.Hooks[wanted[s][1].hook].Name}, true
		}
		if len(a[s].hooks) > 0 && (alone || a[s].plain()) {
			return Obstacle{Reason: v1alpha1.ReasonOutranked, Hook: first, Winner: a[s].hooks[0].policy.Ref}, true
		}
	}
	return Obstacle{}, false
}

// containers are those in which the hooks of a policy are placed, one a side: that of the side as it is, or else that of
// the first hook. For a policy of both sides they are one and the same, since its watchdog runs the hooks of one side from
// the other; with shell None, which has no watchdog, they need not be.
func (a arrangement) containers(policy *match.Policy, wanted [len(sides)][]candidate) (chosen [len(sides)]string, obstacle *Obstacle) {
	together := len(wanted[pre]) > 0 && len(wanted[post]) > 0 && policy.Spec.Shell != v1alpha1.NoShell
	for s := range wanted {
		if len(wanted[s]) == 0 {
			continue
		}
		other := 1 - s
		fits := func(c candidate) bool {
			return (len(a[s].hooks) == 0 || a[s].container == c.container.Name) &&
				(!together || len(a[other].hooks) == 0 || a[other].container == c.container.Name) &&
				(!together || slices.ContainsFunc(wanted[other], func(o candidate) bool { return o.container.Name == c.container.Name }))
		}
		found := slices.IndexFunc(wanted[s], fits)
		if found < 0 {
			return chosen, a.misplaced(policy, wanted, side(s))
		}
		chosen[s] = wanted[s][found].container.Name
	}
	if together {
		chosen[post] = chosen[pre]
	}
	return chosen, nil
}

// misplaced is the obstacle for a policy none of whose hooks on a side has a place.
func (a arrangement) misplaced(policy *match.Policy, wanted [len(sides)][]candidate, s side) *Obstacle {
	first := wanted[s][0]
	obstacle := &Obstacle{Hook: policy.Spec.Hooks[first.hook].Name, Container: first.container.Name}
	for _, which := range []side{s, 1 - s} {
		taken := a[which]
		if len(wanted[which]) > 0 && len(taken.hooks) > 0 &&
			!slices.ContainsFunc(wanted[which], func(c candidate) bool { return c.container.Name == taken.container }) {
			obstacle.Hook, obstacle.Container = policy.Spec.Hooks[wanted[which][0].hook].Name, wanted[which][0].container.Name
			obstacle.Reason, obstacle.Taken, obstacle.Winner = v1alpha1.ReasonOtherContainer, taken.container, taken.hooks[0].policy.Ref
			return obstacle
		}
	}
	if other := a[1-s]; len(other.hooks) > 0 && len(a[s].hooks) > 0 { // each side is another's, in containers that differ
		obstacle.Reason, obstacle.Taken, obstacle.Winner = v1alpha1.ReasonOtherContainer, other.container, other.hooks[0].policy.Ref
		return obstacle
	}
	obstacle.Reason, obstacle.Taken = v1alpha1.ReasonSidesApart, wanted[1-s][0].container.Name
	return obstacle
}

// guarded tells whether there is a watchdog: some policy that has a shell has hooks on both sides.
func (a arrangement) guarded() bool {
	return slices.ContainsFunc(a[pre].hooks, func(s slot) bool {
		return s.policy.Spec.Shell != v1alpha1.NoShell && a.carries(post, s.policy)
	})
}

// carries tells whether a policy has a hook on a side.
func (a arrangement) carries(s side, policy *match.Policy) bool {
	return slices.ContainsFunc(a[s].hooks, func(placed slot) bool { return placed.policy == policy })
}
