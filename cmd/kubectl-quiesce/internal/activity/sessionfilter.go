package activity

import (
	"slices"
	"time"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessionFilter is which sessions are wanted, as far as the API server does not know. What is empty wants all.
type sessionFilter struct {
	names  []string
	phases []v1alpha1.Phase
	policy *policySessions
	since  time.Time
}

func (f *sessionFilter) wants(session *v1alpha1.HookSession) bool {
	return (len(f.names) == 0 || slices.Contains(f.names, session.Name)) &&
		(len(f.phases) == 0 || slices.Contains(f.phases, phaseOf(session))) &&
		(f.since.IsZero() || !session.CreationTimestamp.Time.Before(f.since.Truncate(time.Second))) &&
		(f.policy == nil || f.policy.has(session))
}

// of are the sessions of a page that are wanted.
func (f *sessionFilter) of(page *v1alpha1.HookSessionList) []v1alpha1.HookSession {
	return slices.DeleteFunc(page.Items, func(session v1alpha1.HookSession) bool { return !f.wants(&session) })
}
