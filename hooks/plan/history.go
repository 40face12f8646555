package plan

import (
	"cmp"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// History is what has happened in a session.
type History struct {
	// Done are the stages that are over.
	Done []v1alpha1.Stage
	// Attempts are the pre hooks that were started, whatever has become of them.
	Attempts []Attempt
	// PreFailed is true once a pre hook with onError Fail has failed, or what was quiesced did not stay so long enough.
	PreFailed bool
	// Started is true once the tool has been told that it may begin (ReadyForSnapshot, ReadyForRestore), since it may have.
	Started bool
	// Cancelled is true once the session's user has asked for its end.
	Cancelled bool
	Outcomes  Outcomes
}

// Attempt is a pre hook of a policy that was started in a pod: also where it failed, timed out, or nobody knows how it
// ended; not where its onlyIf passed the pod over, nor where the pod lacks the container.
type Attempt struct {
	Policy match.Ref
	Stage  v1alpha1.Stage
	// Pod is empty for a hook that runs once per session.
	Pod types.UID
}

// Outcomes are what the tool has said, each empty until then.
type Outcomes struct {
	Snapshot, Operation v1alpha1.Outcome
}

// ofSnapshot is what became of the snapshot: the end of the operation is its end too.
func (o Outcomes) ofSnapshot() v1alpha1.Outcome { return cmp.Or(o.Snapshot, o.Operation) }

// Outcome is what the hooks of a post stage are told, and what their executionPolicy is judged by. It is Failed where the
// tool has not said anything, and where it was never told that it may begin, whatever it says.
func (h History) Outcome(stage v1alpha1.Stage) v1alpha1.Outcome {
	outcome := h.Outcomes.Operation
	if stage == v1alpha1.PostSnapshot {
		outcome = h.Outcomes.ofSnapshot()
	}
	if !h.Started || h.PreFailed {
		outcome = v1alpha1.Failed
	}
	return cmp.Or(outcome, v1alpha1.Failed)
}

// cancelledEarly is true when the tool cannot have begun.
func (h History) cancelledEarly() bool { return h.Cancelled && !h.Started }

// notRestored is true when a restore has not begun: the tool was not told to, and has not done it all the same.
func (h History) notRestored() bool { return !h.Started && h.Outcomes.Operation == "" }
