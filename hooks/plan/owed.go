package plan

import (
	"cmp"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Spared is a post step, or some pods of it, that does not run.
type Spared struct {
	Step
	Reason SpareReason
}

// SpareReason is why a post step does not run.
type SpareReason string

const (
	// NotAttempted: no pre hook of the policy was started there, so that there is nothing to undo.
	NotAttempted SpareReason = "NotAttempted"
	// NotBegun: the session was over before the snapshot, or the restore, could begin.
	NotBegun SpareReason = "NotBegun"
	// OtherOutcome: the hook's executionPolicy is for the other outcome.
	OtherOutcome SpareReason = "OtherOutcome"
)

// Owed are the steps of a post stage that are to run, each on the pods on which it is, and those that are not: together
// they are the steps of the stage, of which a group may be missing then. A step is owed
//   - in a pod in which a pre hook of its policy was attempted; or anywhere, for a hook that runs once;
//   - in a pod for which the policy has no pre hook, where one was attempted elsewhere, or the plan has none at all.
//
// After a cancellation before the tool could begin, PostBackup is owed as ever; PostSnapshot and PostRestore are only where
// they undo what was attempted. So is PostRestore after a failure before the tool could begin, but for hooks of OnFailure:
// what is meant for restored data must not meet any other.
func (p Plan) Owed(stage v1alpha1.Stage, h History) (owed []Step, spared []Spared) {
	return p.divide(stage, h, p.ledger(h).spares)
}

// Thaw are the steps that undo what was attempted, in their order, and nothing else: for when a session is deleted, or
// maxQuiesce has passed. What has run already is among them.
func (p Plan) Thaw(h History) []Step {
	var thaw []Step
	ledger := p.ledger(h)
	for _, stage := range post {
		owed, _ := p.divide(stage, h, ledger.sparesFromThaw)
		thaw = append(thaw, owed...)
	}
	return thaw
}

// divide parts the steps of a stage by why they do not run in a pod; empty where they do.
func (p Plan) divide(stage v1alpha1.Stage, h History, spares func(Step, types.UID) SpareReason) (owed []Step, spared []Spared) {
	for _, step := range p.Of(stage) {
		if !step.Hook.runsAfter(h.Outcome(stage)) {
			spared = append(spared, Spared{step, OtherOutcome})
			continue
		}
		if step.Hook.RunOn != v1alpha1.EachPod {
			if reason := spares(step, ""); reason != "" {
				spared = append(spared, Spared{step, reason})
			} else {
				owed = append(owed, step)
			}
			continue
		}
		targets := map[SpareReason][]Target{}
		for _, target := range step.Targets {
			reason := spares(step, target.UID)
			targets[reason] = append(targets[reason], target)
		}
		if len(targets[""]) > 0 {
			owed = append(owed, step.with(targets[""]))
		}
		for _, reason := range []SpareReason{NotAttempted, NotBegun} {
			if len(targets[reason]) > 0 {
				spared = append(spared, Spared{step.with(targets[reason]), reason})
			}
		}
	}
	return owed, spared
}

func (h Hook) runsAfter(outcome v1alpha1.Outcome) bool {
	switch h.ExecutionPolicy {
	case v1alpha1.OnSuccess:
		return outcome == v1alpha1.Succeeded
	case v1alpha1.OnFailure:
		return outcome == v1alpha1.Failed
	}
	return true
}

// thaws tells whether a hook of after the operation runs in any case, and so can be counted on to undo.
func (h Hook) thaws() bool {
	return !h.Bystander && cmp.Or(h.ExecutionPolicy, v1alpha1.Always) == v1alpha1.Always
}

// spot is where hooks of a policy run: in a pod, or, without one, anywhere.
type spot struct {
	policy match.Ref
	pod    types.UID
}

// ledger sets what was attempted beside what is planned.
type ledger struct {
	history   History
	planned   map[spot]map[v1alpha1.Stage]bool
	attempted map[spot]map[v1alpha1.Stage]bool
}

func (p Plan) ledger(h History) ledger {
	l := ledger{h, map[spot]map[v1alpha1.Stage]bool{}, map[spot]map[v1alpha1.Stage]bool{}}
	for i := range p.Steps {
		step := &p.Steps[i]
		if IsPost(step.Stage) && !step.Hook.thaws() {
			continue // what a ledger counts on is what undoes
		}
		enter(l.planned, spot{policy: step.Policy}, step.Stage)
		for j := range step.Targets {
			enter(l.planned, spot{step.Policy, step.Targets[j].UID}, step.Stage)
		}
	}
	for _, attempt := range h.Attempts {
		enter(l.attempted, spot{policy: attempt.Policy}, attempt.Stage)
		if attempt.Pod != "" {
			enter(l.attempted, spot{attempt.Policy, attempt.Pod}, attempt.Stage)
			continue
		}
		for where := range l.planned { // what was done in no pod may have reached all of them
			if where.policy == attempt.Policy {
				enter(l.attempted, where, attempt.Stage)
			}
		}
	}
	return l
}

func enter(book map[spot]map[v1alpha1.Stage]bool, where spot, stage v1alpha1.Stage) {
	if book[where] == nil {
		book[where] = map[v1alpha1.Stage]bool{}
	}
	book[where][stage] = true
}

// spares is why a post step does not run in a pod, or, without one, at all; empty where it does.
func (l ledger) spares(step Step, pod types.UID) SpareReason {
	where, anywhere := spot{step.Policy, pod}, spot{policy: step.Policy}
	early := l.history.cancelledEarly() && step.Stage != v1alpha1.PostBackup ||
		step.Stage == v1alpha1.PostRestore && l.history.notRestored() && step.Hook.ExecutionPolicy != v1alpha1.OnFailure
	switch {
	case len(l.attempted[where]) > 0:
		if early && !l.history.PreFailed && !l.undoes(step.Stage, where) {
			return NotBegun
		}
		return ""
	case l.plansPre(where) || l.plansPre(anywhere) && len(l.attempted[anywhere]) == 0:
		return NotAttempted
	case early:
		return NotBegun
	}
	return ""
}

// sparesFromThaw is the same for a thaw, which runs only where there is something to undo.
func (l ledger) sparesFromThaw(step Step, pod types.UID) SpareReason {
	if len(l.attempted[spot{step.Policy, pod}]) == 0 {
		return NotAttempted
	}
	return ""
}

// undoes tells whether a post stage undoes what was attempted there. A policy that has all four stages of a backup there is
// taken to be nested: PostSnapshot undoes PreSnapshot, and PostBackup PreBackup. With fewer, any may undo any.
func (l ledger) undoes(stage v1alpha1.Stage, where spot) bool {
	nested := l.planned[where][v1alpha1.PreSnapshot] && l.planned[where][v1alpha1.PostBackup]
	return l.attempted[where][counterpart[stage]] || !nested
}

func (l ledger) plansPre(where spot) bool {
	for _, stage := range pre {
		if l.planned[where][stage] {
			return true
		}
	}
	return false
}
