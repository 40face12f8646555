package machine

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Settle brings the parts of the status up to date that follow from the rest, for the decision that was taken last.
func Settle(r *record.Record, d Decision, now time.Time) {
	status := &r.Session.Status
	quiesced := r.Quiesced()
	status.QuiescedPods = int32(len(quiesced)) //nolint:gosec // pods of a namespace
	status.Hooks, status.Failures = r.Tally()
	_, doubt := thawAgain(r, now)
	if w := status.Window; w != nil && w.ThawingAt != nil && w.ThawedAt == nil && len(quiesced) == 0 && !doubt {
		at := metav1.NewMicroTime(now)
		w.ThawedAt, w.Duration = &at, now.Sub(w.OpenedAt.Time).Round(time.Millisecond).String()
	}
	if at := r.Doubtful(); !at.IsZero() {
		again := metav1.NewMicroTime(at)
		status.ThawAgainAt = &again
	}
	if r.Sightings != nil {
		status.SnapshotCounts, status.Snapshots = r.CountSnapshots()
	}
	v := view{r: r, decision: d, quiesced: quiesced, doubt: doubt}
	status.Phase = later(status.Phase, v.phase())
	status.Message = Shorten(v.message())
	for _, condition := range v.conditions() {
		condition.ObservedGeneration = r.Session.Generation
		condition.Message = Shorten(condition.Message)
		meta.SetStatusCondition(&status.Conditions, condition)
	}
}

// MarkInconsistent notes why what is backed up is not consistent. The first reason stays.
func MarkInconsistent(session *v1alpha1.HookSession, reason, message string) {
	if meta.IsStatusConditionFalse(session.Status.Conditions, v1alpha1.ConditionConsistent) {
		return
	}
	meta.SetStatusCondition(&session.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionConsistent, Status: metav1.ConditionFalse, Reason: reason, Message: Shorten(message),
		ObservedGeneration: session.Generation,
	})
}

// order of the phases. Those in which a session ends come alike.
var order = []v1alpha1.Phase{
	"", v1alpha1.PhasePending, v1alpha1.PhaseQuiescing, v1alpha1.PhaseQuiesced, v1alpha1.PhaseThawing, v1alpha1.PhaseThawed,
	v1alpha1.PhaseFinishing, v1alpha1.PhaseComplete, v1alpha1.PhaseFailed, v1alpha1.PhaseCancelled,
}

// later is the phase that comes later: a session does not go back.
func later(before, now v1alpha1.Phase) v1alpha1.Phase {
	if before.Finished() || slices.Index(order, before) > slices.Index(order, now) {
		return before
	}
	return now
}

// view is what phase, message and conditions are made of.
type view struct {
	r        *record.Record
	decision Decision
	quiesced map[types.UID]string
	doubt    bool
}
