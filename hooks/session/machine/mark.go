package machine

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Mark notes in the status what is about to be done, before it is; true where there was anything to note, which then is to be
// made durable first.
func Mark(r *record.Record, d Decision, now time.Time) bool {
	status, at := &r.Session.Status, metav1.NewMicroTime(now)
	switch d.Action {
	case Open:
		status.Window = &v1alpha1.Window{OpenedAt: &at}
		if longest, quiesces := r.MaxQuiesce(); quiesces {
			deadline := metav1.NewMicroTime(now.Add(longest))
			status.Window.Deadline = &deadline
		}
		return true
	case Begin:
		status.BegunAt = &at
		if status.Window != nil {
			status.Window.QuiescedAt = &at
		}
		return true
	case Finish:
		finished := metav1.NewTime(now)
		status.FinishedAt = &finished
		return true
	case Run:
		if window := status.Window; window != nil && window.ThawingAt == nil && thaws(d.Jobs) {
			window.ThawingAt = &at
			return true
		}
	}
	return false
}

func thaws(jobs []Job) bool {
	for _, job := range jobs {
		if record.Thaws(job.Run) {
			return true
		}
	}
	return false
}

// MarkThawedAgain notes that everything was thawed once more.
func MarkThawedAgain(r *record.Record, now time.Time) {
	at := metav1.NewMicroTime(now)
	r.Session.Status.ThawedAgainAt = &at
}
