package session

import (
	"github.com/quiesce-io/quiesce/hooks/plan"
)

// planningBefore is the session as it is planned before the tool may begin. Where a restore does not wait for that, no hook runs in the pods
// of before: they are not claimed, so that others may quiesce them.
func (o *open) planningBefore() plan.Session {
	if source := o.record.Session.Spec.Velero; source != nil && !source.Held {
		return o.planningRestored()
	}
	return o.planning()
}

// planningRestored is the session as it is planned when the restore is over. What a restore has brought is its selection, whatever
// selectors it went by: they are for objects as the backup has them.
func (o *open) planningRestored() plan.Session {
	session := o.planning()
	if session.Takes = o.record.Restored(); session.Takes != nil {
		session.LabelSelector, session.OrLabelSelectors = nil, nil
	}
	return session
}
