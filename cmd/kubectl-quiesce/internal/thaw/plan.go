package thaw

import (
	"slices"
	"time"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// theSession is one that may have quiesced something, or may yet.
type theSession struct {
	record.Record
	// cancels: it is not over, so that its controller is told to thaw it.
	cancels bool
	// uncancelled: it could not be told, so that nobody need be waited for.
	uncancelled bool
	// steps are what is done from here where the controller does not.
	steps []step
}

// thawPlan is what is going to be done.
type thawPlan struct {
	namespace string
	timeout   time.Duration
	sessions  []*theSession
	stamped   []*stampedPod // that are quiesced, or are taken for it
	forced    []step
	// idle are the pods in which nothing is quiesced, unknown those of which nobody knows.
	idle, unknown []*stampedPod
	// policies are the names that --policy may have; nil where they are not known.
	policies []string
	// warnings are what to know before.
	warnings []string
}

// empty tells whether there is nothing to be done.
func (p *thawPlan) empty() bool { return len(p.sessions)+len(p.stamped)+len(p.forced) == 0 }

// mayQuiesce tells whether a session that is not over may have something quiesced, or quiesce it yet. Before a restore nothing is that
// has to be thawed in time, and one whose operation goes on with everything thawed is let go on.
func mayQuiesce(session *v1alpha1.HookSession) bool {
	switch session.Status.Phase {
	case "", v1alpha1.PhasePending, v1alpha1.PhaseQuiescing, v1alpha1.PhaseQuiesced, v1alpha1.PhaseThawing:
		return session.Spec.Operation != v1alpha1.OperationRestore
	}
	return session.Status.QuiescedPods > 0
}

// planSessions chooses the sessions that are concerned.
func planSessions(records []record.Record, narrow bool, wanted wants, now time.Time) []*theSession {
	var chosen []*theSession
	for _, r := range records {
		s := &theSession{Record: r, steps: steps(&r, wanted, now)}
		open := !r.Session.Status.Phase.Finished()
		s.cancels = open && (len(s.steps) > 0 || !narrow && mayQuiesce(r.Session) || narrow && mayQuiesce(r.Session) && concerns(r.Runs, wanted))
		if s.cancels || len(s.steps) > 0 {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// concerns tells whether a session has hooks in what is wanted.
func concerns(all []*v1alpha1.HookRun, wanted wants) bool {
	return slices.ContainsFunc(all, func(run *v1alpha1.HookRun) bool {
		return slices.ContainsFunc(run.Spec.Pods, func(pod v1alpha1.RunPod) bool { return wanted(record.PolicyOf(run), pod.Name) })
	})
}

// planStamped parts stamped pods by whether anything is quiesced in them.
func (p *thawPlan) planStamped(pods []*stampedPod, force bool) {
	for _, pod := range pods {
		if pod.edited && (pod.quiesced() || force) {
			pod.unknown = "its user has written another post hook, which is to be run by hand: kubectl exec; what a watchdog waits for it does at its deadline"
			p.unknown = append(p.unknown, pod)
			continue
		}
		switch {
		case pod.quiesced() || force:
			p.stamped = append(p.stamped, pod)
		case pod.unknown != "":
			p.unknown = append(p.unknown, pod)
		case !p.thaws(pod.Pod): // else it is quiesced all the same, by a session
			p.idle = append(p.idle, pod)
		}
	}
}

// thaws tells whether a session owes a pod something.
func (p *thawPlan) thaws(pod string) bool {
	return slices.ContainsFunc(p.sessions, func(s *theSession) bool {
		return slices.ContainsFunc(s.steps, func(s step) bool { return s.pod.Name == pod })
	})
}
