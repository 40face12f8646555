package record

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// spot is a policy in a pod, or, without one, in the session as a whole.
type spot struct {
	policy match.Ref
	pod    types.UID
}

// attempt is what the pre hooks of a policy have done in a pod.
type attempt struct {
	// clean is true when each of them has ended by itself, and said that it had failed: then there may be nothing to undo. Of scripts and
	// Jobs, which do more than one thing, that is not known.
	clean bool
	// mayRunUntil is by when the last of them has ended.
	mayRunUntil time.Time
}

func (a attempt) and(b attempt) attempt {
	a.clean = a.clean && b.clean
	if b.mayRunUntil.After(a.mayRunUntil) {
		a.mayRunUntil = b.mayRunUntil
	}
	return a
}

// attempts are those of a session.
type attempts struct {
	// inPods and inNone are those of hooks that run in pods, and of those that run once per session; anywhere is all of a policy's
	// together.
	inPods           map[spot]attempt
	inNone, anywhere map[match.Ref]attempt
}

// at is what a thaw in a pod has to undo, or one without a pod: what was done without a pod may have reached all of them, and
// what is thawed without a pod may be any of them.
func (a attempts) at(policy match.Ref, pod types.UID) (attempt, bool) {
	if pod == "" {
		all, was := a.anywhere[policy]
		return all, was
	}
	here, was := a.inPods[spot{policy, pod}]
	none, wasInNone := a.inNone[policy]
	switch {
	case was && wasInNone:
		return here.and(none), true
	case wasInNone:
		return none, true
	}
	return here, was
}

func (r *Record) attempted() attempts {
	all := attempts{map[spot]attempt{}, map[match.Ref]attempt{}, map[match.Ref]attempt{}}
	for _, run := range r.Runs {
		if !isPre(run) {
			continue
		}
		policy := PolicyOf(run)
		Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			if !entered(run, place, result) {
				return
			}
			made := attempt{clean: run.Spec.Hook.Exec != nil && result != nil && result.Outcome == v1alpha1.ResultFailed && result.Reason == reasonExitCode}
			if result != nil && result.MayRunUntil != nil {
				made.mayRunUntil = result.MayRunUntil.Time
			}
			if pod.UID == "" {
				add(all.inNone, policy, made)
			} else {
				add(all.inPods, spot{policy, pod.UID}, made)
			}
			add(all.anywhere, policy, made)
		})
	}
	return all
}

func add[Key comparable](book map[Key]attempt, where Key, made attempt) {
	if before, was := book[where]; was {
		made = before.and(made)
	}
	book[where] = made
}
