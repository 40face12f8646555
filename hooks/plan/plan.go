// Package plan decides which hooks a session runs, where, and in which order. It is pure: what a session has to do follows
// from the policies and pods at its start, and from what has happened since.
package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Plan is all that a session may have to run.
type Plan struct {
	// Kinds are those of the session itself: see Request.Here.
	Kinds Kinds
	// Steps in the order in which they run: by stage, then by group.
	Steps []Step
	// Unmatched are the session's policyNames that no policy has which is for it, sorted.
	Unmatched []string
}

// Step is one hook of one policy in one stage, on at most MaxTargets pods.
type Step struct {
	Stage  v1alpha1.Stage
	Policy match.Ref
	Hook   Hook
	// Group is the step's place in the stage, from 0. Steps of a group run at once, on all their pods; groups run one
	// after another.
	Group int
	// Part tells steps of one hook in one stage apart, from 0, where it has more pods than a step can hold.
	Part int
	// Targets by name of the pod; none for a hook that runs once per session.
	Targets []Target
	// Note is what the session's user should know of the choice of pods, or empty.
	Note string
}

// Target is a pod in which a step runs.
type Target struct {
	UID       types.UID
	Pod       string
	Container string
	// Obstacle is why the hook cannot run in the pod, in a sentence, or empty. It is never tried there: with onError Fail
	// that is a failure, with Continue the pod is passed over.
	Obstacle string
}

// Of are the steps of a stage, in their order.
func (p Plan) Of(stage v1alpha1.Stage) []Step {
	var steps []Step
	for i := range p.Steps {
		if p.Steps[i].Stage == stage {
			steps = append(steps, p.Steps[i])
		}
	}
	return steps
}

// AfterRestore is the plan with the PostRestore steps of a later one, resolved once the restore has brought its pods.
func (p Plan) AfterRestore(later Plan) Plan {
	kept := slices.DeleteFunc(slices.Clone(p.Steps), func(step Step) bool { return step.Stage == v1alpha1.PostRestore })
	p.Steps = slices.Concat(kept, later.Of(v1alpha1.PostRestore))
	return p
}

// with is the step on some of its pods.
func (s Step) with(targets []Target) Step {
	s.Targets = slices.Clip(targets)
	return s
}
