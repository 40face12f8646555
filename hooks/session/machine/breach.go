package machine

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// lead is how long before a watchdog would a session thaws at its deadline, so that the two do not do it at once: a tenth of
// maxQuiesce, and at most this.
const lead = 5 * time.Second

// defaultOutcomeTimeout is that of the schema.
const defaultOutcomeTimeout = 24 * time.Hour

// NewBreach is why a session cannot succeed any more that it does not know of yet; nil where there is none. What happens to
// pods and holds is not in the record: see BreakWith.
func NewBreach(r *record.Record, now time.Time) *v1alpha1.Breach {
	status := &r.Session.Status
	if status.Broken != nil || status.FinishedAt != nil || status.Runs == nil || r.Deleting() {
		return nil
	}
	// A hook that was ended because somebody has cancelled the session is no failure of its own.
	if failed := r.PreFailed(); failed != nil && (!r.Session.Spec.Cancel || failed.Result.Reason != v1alpha1.ReasonCancelled) {
		return BreakWith(v1alpha1.ReasonHookFailed, now, "%s", sentence(failed))
	}
	if r.Session.Spec.Cancel {
		return overdue(r, now)
	}
	if status.BegunAt == nil && reported(r) {
		return BreakWith(v1alpha1.ReasonBeganEarly, now, "the backup tool has set spec.outcomes before this session said that it may begin: "+
			"wait for condition %s or Failed first", readyFor(r))
	}
	return overdue(r, now)
}

func overdue(r *record.Record, now time.Time) *v1alpha1.Breach {
	if at := deadline(r); !at.IsZero() && !now.Before(at) {
		longest, _ := r.MaxQuiesce()
		return BreakWith(v1alpha1.ReasonDeadlineExceeded, now, "pods were quiesced for %s (maxQuiesce) and were thawed: "+
			"the backup tool has not reported its snapshot by then", longest)
	}
	if at := outcomeDeadline(r); !at.IsZero() && !now.Before(at) {
		return BreakWith(v1alpha1.ReasonNoOutcome, now, "the backup tool has not set spec.outcomes.operation within %s (spec.outcomeTimeout)",
			now.Sub(r.Session.Status.BegunAt.Time).Round(time.Second))
	}
	return nil
}

// BreakWith is a breach.
func BreakWith(reason string, now time.Time, format string, values ...any) *v1alpha1.Breach {
	return &v1alpha1.Breach{Reason: reason, Message: Shorten(fmt.Sprintf(format, values...)), At: metav1.NewMicroTime(now)}
}

// maxSentence is how long a message may be, by the schema.
const maxSentence = 1024

// Shorten cuts a sentence to what a status can hold.
func Shorten(sentence string) string { return record.Cut(sentence, maxSentence) }

// reported tells whether the tool has said that it is done with what the session is for.
func reported(r *record.Record) bool {
	outcomes := r.Session.Spec.Outcomes
	return outcomes != nil && (outcomes.Operation != "" || outcomes.Snapshot != "" && r.Plan().Kinds.Snapshot)
}

// deadline is when what is quiesced is thawed in any case; the zero time when nothing is, or its thaw has begun.
func deadline(r *record.Record) time.Time {
	window := r.Session.Status.Window
	if window == nil || window.Deadline == nil || window.ThawedAt != nil || !awaitsThaw(r) {
		return time.Time{}
	}
	return softDeadline(window)
}

// softDeadline is when the session thaws: a moment ahead of its watchdogs.
func softDeadline(window *v1alpha1.Window) time.Time {
	longest := window.Deadline.Sub(window.OpenedAt.Time)
	return window.Deadline.Add(-min(lead, longest/10))
}

// awaitsThaw tells whether something is quiesced, or about to be, that nobody is thawing yet.
func awaitsThaw(r *record.Record) bool {
	p := r.Plan()
	for _, next := range p.Remaining(r.History()) {
		switch {
		case !plan.IsPost(next.Stage):
			return true
		case next.Wait != plan.ForNothing && r.QuiescedUntil(next.Stage):
			return true
		}
	}
	return false
}

// outcomeDeadline is when the tool is not waited for any longer; the zero time when it is not waited for.
func outcomeDeadline(r *record.Record) time.Time {
	status, spec := &r.Session.Status, &r.Session.Spec
	if status.BegunAt == nil || spec.Cancel || spec.Outcomes != nil && spec.Outcomes.Operation != "" {
		return time.Time{}
	}
	timeout := spec.OutcomeTimeout.Duration
	if timeout <= 0 {
		timeout = defaultOutcomeTimeout
	}
	return status.BegunAt.Add(timeout)
}

// NextBreach is when the session is to be looked at again though nothing has happened; the zero time for never.
func NextBreach(r *record.Record, now time.Time) time.Time {
	if r.Session.Status.Broken != nil {
		return time.Time{}
	}
	var next time.Time
	for _, at := range []time.Time{deadline(r), outcomeDeadline(r)} {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// sentence says which hook failed where, and why.
func sentence(failed *record.Failed) string {
	spec := &failed.Run.Spec
	text := fmt.Sprintf("hook %q of %s failed in %s in %s: %s", spec.Hook.Name, record.PolicyOf(failed.Run), record.Where(failed.Result.Pod), spec.Stage, failed.Result.Reason)
	if failed.Result.Message != "" {
		text += ", " + failed.Result.Message
	}
	return text
}

// readyFor is the condition by which the tool learns that it may begin.
func readyFor(r *record.Record) string {
	if r.Session.Spec.Operation == v1alpha1.OperationRestore && r.Plan().Kinds != (plan.Kinds{Backup: true}) {
		return v1alpha1.ConditionReadyForRestore
	}
	return v1alpha1.ConditionReadyForSnapshot
}
