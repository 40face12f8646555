package machine

import (
	"github.com/quiesce-io/quiesce/hooks/session/record"
)

// Claims tells whether a session keeps its pods to itself: from its resolution until everything that it has quiesced is thawed. A
// restore keeps them until all is over.
func Claims(r *record.Record) bool {
	status := &r.Session.Status
	switch {
	case status.FinishedAt != nil:
		return false
	case r.Plan().Kinds.Restore, status.Runs == nil:
		return true
	case status.BegunAt == nil && status.Broken == nil && !r.Session.Spec.Cancel && !r.Deleting():
		return true
	case status.BegunAt != nil && status.Window != nil && status.Window.ThawingAt == nil && status.Broken == nil && !r.Session.Spec.Cancel && !reported(r):
		return true // the tool takes its snapshot
	}
	return len(r.Quiesced()) > 0 || !r.Doubtful().IsZero() && status.ThawedAgainAt == nil
}
