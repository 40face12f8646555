package plan

import (
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Remaining is a stage that is still to run, after those ahead of it.
type Remaining struct {
	Stage v1alpha1.Stage
	Wait  Wait
}

// Wait is what the tool has to do before a stage begins.
type Wait string

const (
	// ForNothing: the stage begins as soon as those ahead of it are over.
	ForNothing Wait = ""
	// ForSnapshot: outcomes.snapshot or outcomes.operation.
	ForSnapshot Wait = "Snapshot"
	// ForOperation: outcomes.operation.
	ForOperation Wait = "Operation"
)

// Remaining are the stages that are still to run, in their order, as far as is known by now: all that the session's kinds
// have when nothing has happened; fewer when it was cancelled or has failed. One may have no step: see Owed.
func (p Plan) Remaining(h History) []Remaining {
	var remaining []Remaining
	for _, stage := range p.Kinds.Stages() {
		switch {
		case slices.Contains(h.Done, stage):
		case !IsPost(stage):
			if p.begins(stage, h) {
				remaining = append(remaining, Remaining{Stage: stage})
			}
		case stage == v1alpha1.PostBackup || !h.cancelledEarly() || p.owes(stage, h):
			remaining = append(remaining, Remaining{stage, p.wait(stage, h)})
		}
	}
	return remaining
}

// begins tells whether a pre stage is begun, or gone on with. A failure ends the pre side, and so does a tool that has
// finished before it was told to begin. After a cancellation PreBackup runs all the same, the others do not.
func (p Plan) begins(stage v1alpha1.Stage, h History) bool {
	return !h.Started && !h.PreFailed && !p.over(h) && (!h.Cancelled || stage == v1alpha1.PreBackup)
}

// over tells whether the tool has finished what the session's first post stage waits for.
func (p Plan) over(h History) bool {
	return h.Outcomes.Operation != "" || p.Kinds.Snapshot && h.Outcomes.Snapshot != ""
}

// wait is what a post stage waits for. There is nothing to wait for where the tool does not begin, or is not asked any
// longer.
func (p Plan) wait(stage v1alpha1.Stage, h History) Wait {
	switch {
	case h.PreFailed || h.Cancelled || h.Outcomes.Operation != "":
		return ForNothing
	case stage != v1alpha1.PostSnapshot:
		return ForOperation
	case h.Outcomes.Snapshot != "":
		return ForNothing
	}
	return ForSnapshot
}

// owes tells whether a post stage has anything to run.
func (p Plan) owes(stage v1alpha1.Stage, h History) bool {
	owed, _ := p.Owed(stage, h)
	return len(owed) > 0
}
