package machine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func (v *view) session() *v1alpha1.HookSession { return v.r.Session }

// ended tells whether the operation is over, as far as the session waits for it.
func (v *view) ended() bool {
	outcomes := v.session().Spec.Outcomes
	return outcomes != nil && outcomes.Operation != "" || v.broken() != nil || v.cancelled()
}

func (v *view) broken() *v1alpha1.Breach { return v.session().Status.Broken }

func (v *view) cancelled() bool { return v.session().Spec.Cancel || v.r.Deleting() }

// failed is why the session fails, in a word and a sentence; empty where it does not.
func (v *view) failed() (reason, message string) {
	if broken := v.broken(); broken != nil {
		return broken.Reason, broken.Message
	}
	if failed := v.r.PostFailed(); failed != nil {
		return v1alpha1.ReasonHookFailed, sentence(failed)
	}
	outcomes := v.session().Spec.Outcomes
	if v.cancelled() || outcomes == nil {
		return "", ""
	}
	switch v1alpha1.Failed {
	case outcomes.Snapshot:
		return v1alpha1.ReasonOutcomeFailed, "the backup tool says that the snapshot failed"
	case outcomes.Operation:
		return v1alpha1.ReasonOutcomeFailed, "the backup tool says that the operation failed"
	}
	return "", ""
}

func (v *view) phase() v1alpha1.Phase {
	status := &v.session().Status
	reason, _ := v.failed()
	switch {
	case status.FinishedAt != nil && reason != "":
		return v1alpha1.PhaseFailed
	case status.FinishedAt != nil && v.cancelled() && !v.through():
		return v1alpha1.PhaseCancelled
	case status.FinishedAt != nil:
		return v1alpha1.PhaseComplete
	case status.Runs == nil:
		return v1alpha1.PhasePending
	case status.BegunAt == nil && !v.ended():
		return v1alpha1.PhaseQuiescing
	case v.open():
		return v1alpha1.PhaseQuiesced
	case len(v.quiesced) > 0 || v.doubt:
		return v1alpha1.PhaseThawing
	case !v.ended():
		return v1alpha1.PhaseThawed
	}
	return v1alpha1.PhaseFinishing
}

// through tells whether the operation was over before anybody cancelled.
func (v *view) through() bool {
	outcomes := v.session().Spec.Outcomes
	return outcomes != nil && outcomes.Operation == v1alpha1.Succeeded
}

// open tells whether the tool may take its snapshot, or restore.
func (v *view) open() bool {
	outcomes := v.session().Spec.Outcomes
	return v.session().Status.BegunAt != nil && !v.ended() && (outcomes == nil || outcomes.Snapshot == "")
}

func (v *view) message() string {
	reason, why := v.failed()
	switch {
	case reason != "":
		return why
	case v.session().Status.FinishedAt != nil && v.session().Status.Phase == v1alpha1.PhaseCancelled:
		return "cancelled"
	case v.decision.For != "":
		return "waits for " + v.decision.For
	}
	return ""
}

// conditions of the session, those left out that say nothing yet.
func (v *view) conditions() []metav1.Condition {
	conditions := []metav1.Condition{v.quiescedCondition(), v.readyCondition(), v.thawedCondition(), v.completeCondition(), v.failedCondition()}
	if consistent, known := v.consistentCondition(); known {
		conditions = append(conditions, consistent)
	}
	return conditions
}

func condition(kind string, is bool, reason, format string, values ...any) metav1.Condition {
	status := metav1.ConditionFalse
	if is {
		status = metav1.ConditionTrue
	}
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: fmt.Sprintf(format, values...)}
}

// notYet says why something is not so that comes in the middle.
func (v *view) notYet() (reason, message string) {
	why, sentence := v.failed()
	switch {
	case why != "":
		return why, sentence
	case v.cancelled():
		return v1alpha1.ReasonCancelled, "the session was cancelled"
	case v.session().Status.BegunAt != nil:
		return "Over", "it was so before"
	}
	return "NotYet", cmp.Or(v.message(), "hooks of before it are still to run")
}

func (v *view) quiescedCondition() metav1.Condition {
	if v.open() {
		if len(v.quiesced) == 0 {
			return condition(v1alpha1.ConditionQuiesced, true, "NothingToQuiesce", "no hook quiesces anything in the pods of this session")
		}
		return condition(v1alpha1.ConditionQuiesced, true, "Quiesced", "pods that are quiesced: %d", len(v.quiesced))
	}
	reason, message := v.notYet()
	return condition(v1alpha1.ConditionQuiesced, false, reason, "%s", message)
}

func (v *view) readyCondition() metav1.Condition {
	kind := readyFor(v.r)
	if v.open() {
		return condition(kind, true, "Ready", "the backup tool may begin, and then set spec.outcomes")
	}
	reason, message := v.notYet()
	return condition(kind, false, reason, "%s", message)
}

func (v *view) thawedCondition() metav1.Condition {
	kind := v1alpha1.ConditionThawed
	window := v.session().Status.Window
	switch {
	case len(v.quiesced) == 0 && v.doubt:
		return condition(kind, false, "MayRun", "nobody knows whether a hook of before has ended: everything is thawed once more at %s",
			v.session().Status.ThawAgainAt.UTC().Format("15:04:05Z"))
	case len(v.quiesced) == 0 && window != nil && window.ThawedAt != nil:
		return condition(kind, true, "Thawed", "everything was thawed after %s", window.Duration)
	case len(v.quiesced) == 0:
		return condition(kind, true, "NothingQuiesced", "nothing is quiesced")
	case window == nil || window.ThawingAt == nil:
		return condition(kind, false, "Quiesced", "quiesced: %s", v.names())
	}
	if trouble, found := v.thawTrouble(); found {
		return condition(kind, false, v1alpha1.ReasonThawFailed, "%s", trouble)
	}
	return condition(kind, false, "Thawing", "still quiesced: %s", v.names())
}

// thawTrouble is the first thaw that has failed for good.
func (v *view) thawTrouble() (string, bool) {
	for _, run := range v.r.Runs {
		if !record.Thaws(run) {
			continue
		}
		for i := range run.Status.Results {
			result := &run.Status.Results[i]
			if result.Outcome == v1alpha1.ResultFailed && v.isQuiesced(result.Pod) {
				return sentence(&record.Failed{Run: run, Result: result}) + "; the watchdog in the container goes on trying, where there is one", true
			}
		}
	}
	return "", false
}

func (v *view) isQuiesced(pod string) bool {
	for _, name := range v.quiesced {
		if name == pod {
			return true
		}
	}
	return false
}

// named is how many pods a sentence names.
const named = 10

func (v *view) names() string {
	names := make([]string, 0, len(v.quiesced))
	for _, name := range v.quiesced {
		if name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "what a hook without a pod has quiesced"
	}
	slices.Sort(names)
	if more := len(names) - named; more > 0 {
		return fmt.Sprintf("pods %s and %d more", strings.Join(names[:named], ", "), more)
	}
	return "pods " + strings.Join(names, ", ")
}

func (v *view) completeCondition() metav1.Condition {
	phase := v.session().Status.Phase
	if phase == v1alpha1.PhaseComplete {
		return condition(v1alpha1.ConditionComplete, true, "Complete", "all is over, and went well")
	}
	reason, message := v.failed()
	return condition(v1alpha1.ConditionComplete, false, cmp.Or(reason, cmp.Or(string(phase), "NotYet")), "%s", message)
}

func (v *view) failedCondition() metav1.Condition {
	reason, message := v.failed()
	if reason != "" {
		return condition(v1alpha1.ConditionFailed, true, reason, "%s", message)
	}
	return condition(v1alpha1.ConditionFailed, false, "NotFailed", "")
}

// delegated says what is known of hooks that Velero runs.
func (v *view) delegated() string {
	if outcomes := v.session().Spec.Outcomes; outcomes != nil && outcomes.Delegated != nil {
		return fmt.Sprintf("Velero runs the hooks of these pods, one after another: of those of the whole backup %d were run, and %d failed",
			outcomes.Delegated.Attempted, outcomes.Delegated.Failed)
	}
	return "Velero runs the hooks of these pods, one after another"
}
