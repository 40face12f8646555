// Package gate decides what becomes of a Backup or Restore of Velero that waits for its sessions, or has been let go. It is pure: all that
// it goes by is read from objects, and another controller that reads the same decides the same.
package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

const (
	// Stuck is how long Velero may leave a Backup in ReadyToStart before it is touched: a Velero that was started anew sees nothing of it
	// until something changes in it (velero: pkg/controller/backup_controller.go, SetupWithManager).
	Stuck = 10 * time.Second
	// longestPause is the longest between two attempts to quiesce the pods of one Backup.
	longestPause = 10 * time.Minute

	// lookAgain is when one that waits for others looks again though none of them has changed: their sessions may have.
	lookAgain = time.Minute

	// waiting begins whatever a held one says, and no other does.
	waiting = "waits"
	// quiesced is what one says that was let go since all its sessions were ready.
	quiesced = "its pods are quiesced"
)

// Settings of the gate.
type Settings struct {
	// Off: nothing is held, and what is held is let go.
	Off bool
	// StartGrace is how long Velero has, once it may go, before what was quiesced for it is thawed.
	StartGrace time.Duration
}

// Session is one of the sessions of a Backup or Restore, of the attempt that goes on.
type Session struct {
	Namespace, Name string
	// Held: Velero was to wait for it.
	Held bool
	// Begun: it has told that Velero may begin.
	Begun bool
	// Used: hooks have run, or may have, whose work is to be undone.
	Used bool
	// Quiesced: something is quiesced, or may be.
	Quiesced bool
	// Cancelled: somebody has cancelled or deleted it.
	Cancelled bool
	// Failed is why it has failed, in a sentence; empty where it has not.
	Failed string
	// Finished: all is over.
	Finished bool
	// Apart: its namespace takes no part any more, so that nothing of the Backup hangs on it.
	Apart bool
}

// View is what there is to know of a Backup or Restore.
type View struct {
	Now time.Time
	// Mark is the value of the gate's annotation, empty where Velero does not wait, and Since when it was written.
	Mark  string
	Since time.Time
	// Message is what was written beside the mark. Whoever lets it go by hand writes none.
	Message string
	// Returns: it was held again from ReadyToStart, and goes back there.
	Returns bool
	// Attempt counts from 1 how often it was held.
	Attempt int
	// Phase is Velero's, PhaseSince when it was first seen in it, and Touched when it was last touched.
	Phase               string
	PhaseSince, Touched time.Time
	// Deleting: it is being deleted.
	Deleting bool
	// Known: it is known what covers it.
	Known bool
	// Quiesces: policies that cover it have hooks for which Velero must wait.
	Quiesces bool
	// Sessions of this attempt, and Missing are namespaces that are to have one.
	Sessions []Session
	Missing  []string
	// Blocked is what it waits for before its pods may be quiesced, in a few words; empty where it is its turn.
	Blocked string
}

// Action is a step.
type Action string

const (
	// Wait for something that happens, or until Decision.Again.
	Wait Action = "Wait"
	// Quiesce: create sessions for which Velero waits, in the missing namespaces.
	Quiesce Action = "Quiesce"
	// Accompany: create sessions for which it does not wait.
	Accompany Action = "Accompany"
	// Open the gate.
	Open Action = "Open"
	// Refuse: write that it may never go on.
	Refuse Action = "Refuse"
	// Fail a refused one, once the sessions of Decision.Cancel are told.
	Fail Action = "Fail"
	// HoldAgain: it is held once more, in a further attempt, from the phase New. Its sessions are cancelled by that.
	HoldAgain Action = "HoldAgain"
	// Unqueue: a held one goes back from Queued to New, where it blocks nobody.
	Unqueue Action = "Unqueue"
	// Touch it, by which Velero sees it.
	Touch Action = "Touch"
	// Cancel the sessions of Decision.Cancel.
	Cancel Action = "Cancel"
)

// Decision is what is to be done next.
type Decision struct {
	Action Action
	// Message says why. Of one that is held or refused it goes on after the word it: the API server says so to whoever wants it to pass.
	Message string
	// Cancel are sessions, by their namespaces and names.
	Cancel []Session
	// Again is when to ask again though nothing has happened; the zero time for never.
	Again time.Time
}

// Next decides.
func Next(v *View, s Settings) Decision {
	switch {
	case velero.Ended(v.Phase): // what has begun is told so, and ends by itself
		return cancel(v.late(), "it ended before its pods were quiesced")
	case v.Deleting:
		return cancel(v.open(), "it is being deleted")
	case v.Mark == v1alpha1.GateRefused:
		return refused(v)
	case v.Mark == v1alpha1.GateHeld && s.Off:
		return Decision{Action: Open, Message: "the gate is switched off"}
	case v.Mark == v1alpha1.GateHeld:
		return held(v)
	}
	return loose(v, s)
}

// refused ends a Backup: first what runs for it, then the Backup itself.
func refused(v *View) Decision {
	if !velero.MayBeHeld(v.Phase) { // it has got by; nothing is to be quiesced for it all the same
		return cancel(v.open(), "it was refused")
	}
	return Decision{Action: Fail, Cancel: v.open()}
}

func held(v *View) Decision {
	switch {
	case !velero.MayBeHeld(v.Phase):
		return Decision{Action: Open, Message: "Velero has not waited"}
	case v.Phase == velero.Queued:
		return Decision{Action: Unqueue, Message: "waits ahead of Velero's queue, in which it would block others"}
	case !v.Known:
		return Decision{Action: Wait, Message: "waits for the policies to be read"}
	}
	if broken, found := v.broken(); found {
		return Decision{Action: Refuse, Message: "may not go on: " + broken}
	}
	if len(v.Sessions) == 0 {
		if wait, waits := notYet(v); waits {
			return wait
		}
	}
	if len(v.Missing) > 0 {
		return Decision{Action: Quiesce, Message: "waits until its pods are quiesced"}
	}
	if i := slices.IndexFunc(v.Sessions, func(s Session) bool { return !s.Begun && !s.Apart }); i >= 0 {
		return Decision{Action: Wait, Message: "waits until its pods are quiesced"}
	}
	return Decision{Action: Open, Message: ready(v)}
}

func ready(v *View) string {
	if slices.ContainsFunc(v.Sessions, func(s Session) bool { return s.Used }) {
		return quiesced
	}
	return "nothing is to be quiesced"
}

// notYet decides about a held one for which nothing is being quiesced yet.
func notYet(v *View) (Decision, bool) {
	switch next := v.Since.Add(Pause(v.Attempt)); {
	case !v.Quiesces || len(v.Missing) == 0:
		return Decision{Action: Open, Message: "nothing is to be quiesced"}, true
	case v.Attempt > 1 && v.Now.Before(next):
		return Decision{Action: Wait, Again: next, Message: "waits to be quiesced again, since Velero did not begin in time"}, true
	case v.Blocked != "":
		return Decision{Action: Wait, Again: v.Now.Add(lookAgain), Message: "waits for " + v.Blocked}, true
	}
	return Decision{}, false
}

// Pause is how long nothing is quiesced for a Backup whose attempt is another than the first: a Velero that is down would have the pods
// quiesced in vain over and over.
func Pause(attempt int) time.Duration {
	if attempt < 2 {
		return 0
	}
	return min(longestPause, 15*time.Second<<min(attempt-2, 8))
}

// loose decides about one for which nobody waits: it was let go, or never held.
func loose(v *View, s Settings) Decision {
	if late := v.late(); len(late) > 0 {
		return cancel(late, "it was let go before its pods were quiesced")
	}
	if v.byHand() {
		return Decision{Action: Open, Message: "it was let go by hand"}
	}
	again, stuck := v.stuck()
	if v.Mark == v1alpha1.GateOpen && velero.Ahead(v.Phase) && v.used() {
		grace := v.Since.Add(s.StartGrace)
		switch open := v.open(); {
		case v.Now.Before(grace):
			again = earlier(again, grace)
		case v.comesBack() && !s.Off:
			return Decision{Action: HoldAgain, Message: "waits to be quiesced again, since Velero did not begin in time"}
		case len(open) > 0:
			return cancel(open, "Velero did not begin in time")
		}
	}
	switch {
	case stuck:
		return Decision{Action: Touch, Again: again}
	case v.Known && len(v.Missing) > 0:
		return Decision{Action: Accompany, Again: again}
	}
	return Decision{Action: Wait, Again: again}
}

// byHand tells whether somebody has let it go who has written nothing but the mark. It is written as the gate would have: since when it may
// go counts from then, and one that returns to Velero's slot has to be brought there.
func (v *View) byHand() bool {
	return v.Mark == v1alpha1.GateOpen && velero.Ahead(v.Phase) && (strings.HasPrefix(v.Message, waiting) || v.Returns && velero.MayBeHeld(v.Phase))
}

// comesBack tells whether one that was let go is to be held again: what the gate itself has let go, and nothing that anybody else has, or
// to whose sessions anybody has put an end.
func (v *View) comesBack() bool {
	return v.Message == quiesced && !slices.ContainsFunc(v.Sessions, func(s Session) bool { return s.Cancelled })
}

// stuck tells whether Velero does not see that it may begin a Backup, or when to look for that.
func (v *View) stuck() (again time.Time, now bool) {
	if v.Phase != velero.ReadyToStart {
		return time.Time{}, false
	}
	last := v.PhaseSince
	if v.Touched.After(last) {
		last = v.Touched
	}
	at := last.Add(Stuck)
	if v.Now.Before(at) {
		return at, false
	}
	return v.Now.Add(Stuck), true
}

func cancel(sessions []Session, why string) Decision {
	if len(sessions) == 0 {
		return Decision{Action: Wait}
	}
	return Decision{Action: Cancel, Cancel: sessions, Message: why}
}

// open are the sessions that are to be told yet that they are over.
func (v *View) open() []Session {
	return v.sessions(func(s Session) bool { return !s.Finished && !s.Cancelled })
}

// late are those for which Velero does not wait any more before they have begun.
func (v *View) late() []Session {
	return v.sessions(func(s Session) bool { return s.Held && !s.Begun && !s.Finished && !s.Cancelled })
}

// Late tells whether Velero was let go before its pods were quiesced.
func (v *View) Late() bool { return len(v.late()) > 0 }

func (v *View) sessions(which func(Session) bool) []Session {
	var sessions []Session
	for _, session := range v.Sessions {
		if which(session) {
			sessions = append(sessions, session)
		}
	}
	return sessions
}

// used tells whether anything was quiesced for which Velero was to wait.
func (v *View) used() bool {
	return slices.ContainsFunc(v.Sessions, func(s Session) bool { return s.Held && s.Used })
}

// broken is why a held one cannot go on.
func (v *View) broken() (string, bool) {
	var reasons []string
	for _, session := range v.Sessions {
		switch {
		case session.Apart:
		case session.Failed != "":
			reasons = append(reasons, fmt.Sprintf("HookSession %s/%s: %s", session.Namespace, session.Name, session.Failed))
		case session.Cancelled || session.Finished:
			reasons = append(reasons, fmt.Sprintf("HookSession %s/%s was cancelled", session.Namespace, session.Name))
		}
	}
	slices.Sort(reasons)
	return strings.Join(reasons, "; "), len(reasons) > 0
}

// earlier of two times, of which the zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
