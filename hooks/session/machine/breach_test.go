package machine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAHookThatIsEndedByACancellationIsNoFailure(t *testing.T) {
	for name, test := range map[string]struct {
		cancelled bool
		reason    string
		breaks    bool
	}{
		"it failed by itself":                      {false, "ExitCode", true},
		"it failed, and then came that":            {true, "ExitCode", true},
		"it was ended by that":                     {true, v1alpha1.ReasonCancelled, false},
		"it was ended, as another hook had failed": {false, v1alpha1.ReasonCancelled, true},
	} {
		t.Run(name, func(t *testing.T) {
			session := &v1alpha1.HookSession{Spec: v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup, Cancel: test.cancelled}}
			session.Status.Plan = &v1alpha1.SessionPlan{SnapshotHooks: true, BackupHooks: true}
			session.Status.Runs = new(int32(1))
			run := &v1alpha1.HookRun{Spec: v1alpha1.HookRunSpec{
				Stage: v1alpha1.PreSnapshot, PodCount: 1, Pods: []v1alpha1.RunPod{{Name: "db-0", UID: "u"}},
				Hook: v1alpha1.ResolvedHook{Name: "freeze", OnError: v1alpha1.Fail, Exec: &v1alpha1.ExecAction{Command: []string{"x"}}},
			}}
			run.Status = v1alpha1.HookRunStatus{Attempted: 1, Failed: 1, Results: []v1alpha1.PodResult{{Pod: "db-0", Outcome: v1alpha1.ResultFailed, Reason: test.reason}}}
			breach := machine.NewBreach(&record.Record{Session: session, Runs: []*v1alpha1.HookRun{run}}, time.Now())
			require.Equal(t, test.breaks, breach != nil)
			if test.breaks {
				assert.Equal(t, v1alpha1.ReasonHookFailed, breach.Reason)
			}
		})
	}
}
