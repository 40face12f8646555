package run

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessionThat is one of phase and with conditions, each True.
func sessionThat(phase v1alpha1.Phase, conditions ...string) *v1alpha1.HookSession {
	session := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "run-tar-x"}}
	session.Status.Phase = phase
	for _, kind := range conditions {
		session.Status.Conditions = append(session.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Message: "said of " + kind})
	}
	return session
}

func TestTheExitCodeTellsHooksFromCommand(t *testing.T) {
	var (
		complete = sessionThat(v1alpha1.PhaseComplete, v1alpha1.ConditionComplete, v1alpha1.ConditionThawed)
		failed   = sessionThat(v1alpha1.PhaseFailed, v1alpha1.ConditionFailed, v1alpha1.ConditionThawed)
		frozen   = sessionThat(v1alpha1.PhaseQuiescing)
		cancel   = sessionThat(v1alpha1.PhaseCancelled, v1alpha1.ConditionThawed)
		went     = &commandEnd{}
		wrong    = &commandEnd{code: 3}
	)
	for name, row := range map[string]struct {
		ending ending
		want   verdict
	}{
		"all went well":               {ending{session: complete, command: went}, verdict{0, "Succeeded", "done"}},
		"COMMAND failed":              {ending{session: failed, command: wrong}, verdict{3, "CommandFailed", "COMMAND ended with exit code 3; nothing is quiesced"}},
		"and so did hooks, or nobody": {ending{session: failed, command: wrong, timedOut: true}, verdict{3, "CommandFailed", "COMMAND ended with exit code 3; nothing is quiesced"}},
		"hooks of before failed":      {ending{session: failed}, verdict{121, "HooksBeforeFailed", "COMMAND was not run: said of Failed"}},
		"hooks of after failed":       {ending{session: failed, command: went}, verdict{122, "HooksFailed", "COMMAND succeeded, but said of Failed"}},
		"Ctrl-C":                      {ending{session: cancel, signal: 2}, verdict{130, "Cancelled", "cancelled; nothing is quiesced"}},
		"Ctrl-C twice": {ending{session: frozen, signal: 2}, verdict{130, "Cancelled",
			"cancelled; what is quiesced is thawed by the controller: kubectl -n shop get hooksession run-tar-x -w"}},
		"cancelled by somebody else before": {ending{session: cancel}, verdict{121, "Cancelled", "somebody has cancelled the session, and COMMAND was not run; nothing is quiesced"}},
		"and while COMMAND ran":             {ending{session: cancel, command: went}, verdict{122, "Cancelled", "COMMAND succeeded, but somebody has cancelled the session meanwhile; nothing is quiesced"}},
		"hooks of before take too long":     {ending{session: cancel, timedOut: true}, verdict{124, "TimedOut", "the hooks were not done within --timeout, and COMMAND was not run; nothing is quiesced"}},
		"hooks of after do": {ending{session: frozen, command: went, timedOut: true}, verdict{122, "TimedOut",
			"COMMAND succeeded, but the hooks after it were not done within --timeout; what is quiesced is thawed by the controller: kubectl -n shop get hooksession run-tar-x -w"}},
		"the session was deleted": {ending{session: frozen, gone: true, command: went}, verdict{122, "Deleted",
			"COMMAND succeeded, but the session was deleted meanwhile: what it ran on is not known to be consistent"}},
		"before COMMAND":         {ending{session: frozen, gone: true}, verdict{121, "HooksBeforeFailed", "COMMAND was not run: the session was deleted meanwhile"}},
		"nobody took it up":      {ending{timedOut: true}, verdict{124, "TimedOut", "the hooks were not done within --timeout, and COMMAND was not run"}},
		"COMMAND does not start": {ending{session: cancel, refused: errors.New("no format")}, verdict{126, "CommandCannotRun", "no format; nothing is quiesced"}},
	} {
		assert.Equal(t, row.want, judge(row.ending), name)
	}
}

func TestCommandIsToldWhenItNoLongerRunsOnWhatIsQuiesced(t *testing.T) {
	quiesced := sessionThat(v1alpha1.PhaseQuiesced, v1alpha1.ConditionReadyForSnapshot)
	assert.Empty(t, lost(quiesced))
	unknown := quiesced.DeepCopy()
	unknown.Status.Conditions = append(unknown.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionConsistent, Status: metav1.ConditionUnknown})
	assert.Empty(t, lost(unknown))
	inconsistent := quiesced.DeepCopy()
	inconsistent.Status.Conditions = append(inconsistent.Status.Conditions,
		metav1.Condition{Type: v1alpha1.ConditionConsistent, Status: metav1.ConditionFalse, Message: "pod db-1 is new"})
	assert.Equal(t, "pod db-1 is new", lost(inconsistent))
	broken := quiesced.DeepCopy()
	broken.Status.Broken = &v1alpha1.Breach{Message: "maxQuiesce has passed"}
	assert.Equal(t, "maxQuiesce has passed", lost(broken))
	assert.Equal(t, "said of Failed", lost(sessionThat(v1alpha1.PhaseThawing, v1alpha1.ConditionFailed)))
	deleted := quiesced.DeepCopy()
	deleted.DeletionTimestamp = new(metav1.Now())
	assert.Equal(t, "the session was deleted", lost(deleted))
	cancelled := quiesced.DeepCopy()
	cancelled.Spec.Cancel = true
	assert.Equal(t, "the session was cancelled", lost(cancelled))
}
