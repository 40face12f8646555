package run

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Exit codes beside COMMAND's own. Those above 123 mean what they mean to timeout, env and docker run.
const (
	exitHooksBefore = 121
	exitHooks       = 122
	exitTimeout     = 124
	exitQuiesce     = 125
	exitCannotRun   = 126
	exitNotFound    = 127
	exitSignal      = 128 // and the signal's number
)

// Reasons in one word for how it all ended, for machines.
const (
	reasonSucceeded     = "Succeeded"
	reasonCommandFailed = "CommandFailed"
	reasonHooksBefore   = "HooksBeforeFailed"
	reasonHooks         = "HooksFailed"
	reasonCancelled     = "Cancelled"
	reasonTimeout       = "TimedOut"
	reasonDeleted       = "Deleted"
	reasonRefused       = "Refused"
	reasonCannotRun     = "CommandCannotRun"
)

// commandEnd is how COMMAND ended; nil where it was never run.
type commandEnd struct {
	// code is its exit code, or 128 and the number of the signal that ended it.
	code int
}

// ending is all that decides what to answer.
type ending struct {
	session *v1alpha1.HookSession // as it was last seen; nil where it never was
	gone    bool                  // it was deleted meanwhile
	command *commandEnd
	// signal is the number of the signal for which the session was cancelled, or this program ends early; 0 without one.
	signal int
	// timedOut: the hooks took longer than --timeout.
	timedOut bool
	// refused is why COMMAND could not be run at all, or nil.
	refused error
}

// verdict is the answer: a code, a word and a sentence.
type verdict struct {
	code     int
	reason   string
	sentence string
}

// judge says how it ended. COMMAND's own failure comes first, since its code is what scripts around it know; it is told apart from
// that of hooks by the reason.
func judge(e ending) verdict {
	switch {
	case e.refused != nil:
		return verdict{exitCannotRun, reasonCannotRun, e.refused.Error() + e.thaw()}
	case e.signal != 0:
		return verdict{exitSignal + e.signal, reasonCancelled, "cancelled" + e.thaw()}
	case e.timedOut && e.command == nil:
		return verdict{exitTimeout, reasonTimeout, "the hooks were not done within --timeout, and COMMAND was not run" + e.thaw()}
	case e.command == nil && e.cancelled():
		return verdict{exitHooksBefore, reasonCancelled, "somebody has cancelled the session, and COMMAND was not run" + e.thaw()}
	case e.command == nil:
		return verdict{exitHooksBefore, reasonHooksBefore, "COMMAND was not run: " + e.why()}
	case e.command.code != 0:
		return verdict{e.command.code, reasonCommandFailed, fmt.Sprintf("COMMAND ended with exit code %d%s", e.command.code, e.thaw())}
	case e.timedOut:
		return verdict{exitHooks, reasonTimeout, "COMMAND succeeded, but the hooks after it were not done within --timeout" + e.thaw()}
	case e.gone || e.session == nil:
		return verdict{exitHooks, reasonDeleted, "COMMAND succeeded, but the session was deleted meanwhile: what it ran on is not known to be consistent"}
	case e.cancelled():
		return verdict{exitHooks, reasonCancelled, "COMMAND succeeded, but somebody has cancelled the session meanwhile" + e.thaw()}
	case !is(e.session, v1alpha1.ConditionComplete):
		return verdict{exitHooks, reasonHooks, "COMMAND succeeded, but " + e.why()}
	}
	return verdict{0, reasonSucceeded, "done"}
}

func (e ending) cancelled() bool {
	return e.session != nil && (e.session.Spec.Cancel || e.session.Status.Phase == v1alpha1.PhaseCancelled)
}

// why is the session's own sentence.
func (e ending) why() string {
	switch {
	case e.gone || e.session == nil:
		return "the session was deleted meanwhile"
	case e.session.Status.Broken != nil:
		return e.session.Status.Broken.Message
	}
	if failed := condition(e.session, v1alpha1.ConditionFailed); failed != nil && failed.Message != "" {
		return failed.Message
	}
	if e.session.Status.Message != "" {
		return e.session.Status.Message
	}
	return "the session is " + string(e.session.Status.Phase)
}

// thaw adds to a sentence whether something is or may still be quiesced.
func (e ending) thaw() string {
	if e.session == nil || e.gone {
		return ""
	}
	if thawed := condition(e.session, v1alpha1.ConditionThawed); thawed != nil && thawed.Status == metav1.ConditionTrue {
		return "; nothing is quiesced"
	}
	return fmt.Sprintf("; what is quiesced is thawed by the controller: kubectl -n %s get hooksession %s -w", e.session.Namespace, e.session.Name)
}

func condition(session *v1alpha1.HookSession, kind string) *metav1.Condition {
	return meta.FindStatusCondition(session.Status.Conditions, kind)
}

func is(session *v1alpha1.HookSession, kind string) bool {
	return meta.IsStatusConditionTrue(session.Status.Conditions, kind)
}

// mayBegin tells that COMMAND may be run: everything is quiesced.
func mayBegin(session *v1alpha1.HookSession) bool {
	return is(session, v1alpha1.ConditionReadyForSnapshot) || is(session, v1alpha1.ConditionReadyForRestore)
}

// cannotBegin tells that it never may.
func cannotBegin(session *v1alpha1.HookSession) bool {
	return session.Spec.Cancel || session.DeletionTimestamp != nil || is(session, v1alpha1.ConditionFailed) || finished(session)
}

func finished(session *v1alpha1.HookSession) bool { return session.Status.FinishedAt != nil }

// lost tells, in a sentence, why COMMAND no longer runs on what is quiesced; empty while it does. What a snapshot has outlived is no
// loss: nobody but COMMAND could say that there is one.
func lost(session *v1alpha1.HookSession) string {
	switch {
	case session.DeletionTimestamp != nil:
		return "the session was deleted"
	case session.Spec.Cancel:
		return "the session was cancelled"
	case session.Status.Broken != nil:
		return session.Status.Broken.Message
	}
	if is(session, v1alpha1.ConditionFailed) {
		return condition(session, v1alpha1.ConditionFailed).Message
	}
	if consistent := condition(session, v1alpha1.ConditionConsistent); consistent != nil && consistent.Status == metav1.ConditionFalse {
		return consistent.Message
	}
	return ""
}
