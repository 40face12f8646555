package session

import (
	"time"

	"github.com/quiesce-io/quiesce/hooks/session/tell"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// shown is what the metrics say of a session.
type shown struct {
	phase    v1alpha1.Phase
	quiesced int
	due      time.Time // by when what is quiesced is to be thawed
}

// show takes down for the metrics how the session stands. Whoever reads them does not wait for it.
func (o *open) show() {
	status := &o.record.Session.Status
	s := &shown{phase: status.Phase, quiesced: int(status.QuiescedPods)}
	if status.FinishedAt != nil && abandoned(o.record.Session, "") {
		s.quiesced = 0
	}
	if w := status.Window; w != nil && w.Deadline != nil {
		s.due = w.Deadline.Time
	}
	o.shown.Store(s)
}

// Open counts the sessions for the metrics.
func (r *Reconciler) Open() []tell.Open {
	r.lock.Lock()
	defer r.lock.Unlock()
	counted := make([]tell.Open, 0, len(r.sessions))
	for _, o := range r.sessions {
		s := o.shown.Load()
		if s == nil {
			continue
		}
		c := tell.Open{Phase: s.phase, Quiesced: s.quiesced}
		if s.phase.Finished() || !s.due.IsZero() && time.Now().After(s.due) {
			c.Overdue = s.quiesced
		}
		counted = append(counted, c)
	}
	return counted
}
