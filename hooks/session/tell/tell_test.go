package tell

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// ear hears events.
type ear struct {
	heard []string
	// about is what the recorder tells events by: of those for which it is the same it keeps the first, and counts the others.
	about []string
}

// Eventf implements events.EventRecorder.
func (e *ear) Eventf(regarding, related runtime.Object, kind, reason, _, note string, args ...any) {
	whose := "session"
	if pod, is := regarding.(*corev1.Pod); is {
		whose = "pod " + pod.Name
	}
	of := ""
	if run, is := related.(*v1alpha1.HookRun); is {
		of = run.Name
	}
	e.about = append(e.about, strings.Join([]string{whose, kind, reason, of}, " | "))
	e.heard = append(e.heard, strings.Join([]string{whose, kind, reason, fmt.Sprintf(note, args...)}, " | "))
}

func sessionOf(trigger v1alpha1.Trigger) *v1alpha1.HookSession {
	return &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nightly", UID: "u"},
		Spec:       v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationBackup, Trigger: trigger},
	}
}

func runOf(pods int) *v1alpha1.HookRun {
	run := &v1alpha1.HookRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "run"}}
	run.Spec.Stage, run.Spec.Policy = v1alpha1.PreSnapshot, v1alpha1.PolicyRef{Kind: "NamespacedHookPolicy", Name: "db"}
	run.Spec.Hook.Name = "flush"
	for i := range pods {
		run.Spec.Pods = append(run.Spec.Pods, v1alpha1.RunPod{Name: fmt.Sprintf("pod-%04d", i)})
	}
	return run
}

func with(run *v1alpha1.HookRun, results ...v1alpha1.PodResult) *v1alpha1.HookRun {
	done := run.DeepCopy()
	for i := range results {
		results[i].Pod = done.Spec.Pods[i].Name
	}
	record.SetResults(done, results)
	return done
}

var (
	well   = v1alpha1.PodResult{Outcome: v1alpha1.ResultSucceeded, ExitCode: "0", Duration: "60ms"}
	badly  = v1alpha1.PodResult{Outcome: v1alpha1.ResultFailed, Reason: "ExitCode", ExitCode: "3", Duration: "60ms", Message: "the command ended with code 3"}
	passed = v1alpha1.PodResult{Outcome: v1alpha1.ResultSkipped, Reason: "OnlyIf", NotRun: true}
)

func TestNoHookIsTakenForARepetitionOfAnother(t *testing.T) {
	e := &ear{}
	teller := &Teller{Recorder: e}
	first, second := runOf(1), runOf(1)
	second.Name, second.Spec.Hook.Name = "run-2", "lock"
	for _, run := range []*v1alpha1.HookRun{first, second} {
		teller.Results(sessionOf(v1alpha1.AdHoc), run, with(run, well))
	}
	assert.ElementsMatch(t, []string{
		"pod pod-0000 | Normal | HookSucceeded | run", "session | Normal | HookSucceeded | run",
		"pod pod-0000 | Normal | HookSucceeded | run-2", "session | Normal | HookSucceeded | run-2",
	}, e.about)
}

func TestEveryHookIsAnEventAndOnlyFailuresOfWhatIsScheduled(t *testing.T) {
	const failure = `hook "flush" of policy "shop/db" in PreSnapshot`
	tests := map[v1alpha1.Trigger][]string{
		v1alpha1.AdHoc: {
			`pod pod-0000 | Normal | HookSucceeded | Succeeded: ` + failure + `, of HookSession "nightly"`,
			`pod pod-0001 | Warning | HookFailed | Failed: ` + failure + `, of HookSession "nightly": ExitCode (exit code 3): the command ended with code 3`,
			`session | Warning | HookFailed | ` + failure + `: 1 succeeded, 1 failed, 1 skipped; first in pod "pod-0001": ExitCode (exit code 3): the command ended with code 3`,
			`session | Normal | Quiesced | the session is Quiesced`,
			`session | Warning | Failed | why`,
		},
		v1alpha1.Scheduled: {
			`pod pod-0001 | Warning | HookFailed | Failed: ` + failure + `, of HookSession "nightly": ExitCode (exit code 3): the command ended with code 3`,
			`session | Warning | HookFailed | ` + failure + `: 1 succeeded, 1 failed, 1 skipped; first in pod "pod-0001": ExitCode (exit code 3): the command ended with code 3`,
			`session | Warning | Failed | why`,
		},
	}
	for trigger, want := range tests {
		t.Run(string(trigger), func(t *testing.T) {
			e := &ear{}
			teller := &Teller{Recorder: e}
			session, run := sessionOf(trigger), runOf(3)
			some := with(run, well)
			teller.Results(session, run, some)
			all := with(run, well, badly, passed)
			teller.Results(session, some, all)
			teller.Results(session, all, all.DeepCopy())
			session.Status.Phase = v1alpha1.PhaseQuiesced
			teller.Phase(session, v1alpha1.PhaseQuiescing)
			session.Status.Phase, session.Status.Message = v1alpha1.PhaseFailed, "why"
			teller.Phase(session, v1alpha1.PhaseQuiesced)
			teller.Phase(session, v1alpha1.PhaseFailed)
			assert.Equal(t, want, e.heard)
		})
	}
}

func TestAThousandPodsAreToldOfAndThenWhereTheRestIs(t *testing.T) {
	e := &ear{}
	teller := &Teller{Recorder: e}
	run := runOf(maxPodEvents + 50)
	var results []v1alpha1.PodResult
	for range run.Spec.Pods {
		results = append(results, well)
	}
	session := sessionOf(v1alpha1.AdHoc)
	teller.Results(session, run, with(run, results...))
	assert.Len(t, e.heard, maxPodEvents+2)
	assert.Contains(t, strings.Join(e.heard, "\n"), "what became of all hooks is in the HookRuns with label quiesce.io/session-uid=u")
	teller.Forget(session.UID)
	assert.Empty(t, teller.told)
}

func TestNoEventIsTooLong(t *testing.T) {
	e := &ear{}
	(&Teller{Recorder: e}).event(sessionOf(v1alpha1.AdHoc), nil, corev1.EventTypeNormal, "A", "B", strings.Repeat("ü", maxNote))
	require.Len(t, e.heard, 1)
	assert.LessOrEqual(t, len(e.heard[0])-len("session | Normal | A | "), maxNote)
}

func TestWhatIsGoneIsNotToldOf(t *testing.T) {
	e := &ear{}
	session := sessionOf(v1alpha1.AdHoc)
	session.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	run := runOf(1)
	(&Teller{Recorder: e}).Results(session, run, with(run, badly))
	assert.Empty(t, e.heard)
}

func TestTheGaugesCountWhatIsOpenAndWhatIsOverdue(t *testing.T) {
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(Gauges{Sessions: func() []Open {
		return []Open{
			{Phase: v1alpha1.PhaseQuiesced, Quiesced: 3}, {Phase: v1alpha1.PhaseThawing, Quiesced: 2, Overdue: 2}, {Phase: v1alpha1.PhaseFailed, Quiesced: 1, Overdue: 1},
		}
	}}))
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP quiesce_overdue_thaws Pods that should be thawed by now and are not.
# TYPE quiesce_overdue_thaws gauge
quiesce_overdue_thaws 3
# HELP quiesce_quiesced_pods Pods that are quiesced, or may be.
# TYPE quiesce_quiesced_pods gauge
quiesce_quiesced_pods 6
# HELP quiesce_sessions_open Sessions that are not over, by phase.
# TYPE quiesce_sessions_open gauge
quiesce_sessions_open{phase="Finishing"} 0
quiesce_sessions_open{phase="Pending"} 0
quiesce_sessions_open{phase="Quiesced"} 1
quiesce_sessions_open{phase="Quiescing"} 0
quiesce_sessions_open{phase="Thawed"} 0
quiesce_sessions_open{phase="Thawing"} 1
`)))
}

func TestHooksAndWindowsAreMeasuredByPolicyAndStage(t *testing.T) {
	run := runOf(2)
	run.Spec.Policy.Name = "measured"
	done := with(run, well, badly)
	started := metav1.NewMicroTime(time.Unix(1000, 0))
	done.Status.Results[0].StartedAt = &started
	before := testutil.CollectAndCount(hookSeconds)
	(&Teller{Recorder: &ear{}}).Results(sessionOf(v1alpha1.Scheduled), run, done)
	assert.Equal(t, before+2, testutil.CollectAndCount(hookSeconds), "one series for each outcome")

	thawed := metav1.NewMicroTime(time.Unix(1042, 0))
	session := sessionOf(v1alpha1.Scheduled)
	session.Status.Window = &v1alpha1.Window{ThawedAt: &thawed}
	(&Teller{}).Thawed(&record.Record{Session: session, Runs: []*v1alpha1.HookRun{done}})
	metric, err := quiescedSeconds.GetMetricWithLabelValues("shop/measured", "PreSnapshot")
	require.NoError(t, err)
	histogram, is := metric.(prometheus.Histogram)
	require.True(t, is)
	assert.Equal(t, 1, testutil.CollectAndCount(histogram))
}

func TestThatASnapshotIsNotConsistentIsToldOnce(t *testing.T) {
	e := &ear{}
	teller := &Teller{Recorder: e}
	session := sessionOf(v1alpha1.Scheduled)
	condition := func(status metav1.ConditionStatus) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionConsistent, Status: status, Reason: v1alpha1.ReasonSnapshotOutside, Message: "why"}}
	}
	for _, status := range []metav1.ConditionStatus{metav1.ConditionUnknown, metav1.ConditionFalse, metav1.ConditionFalse} {
		before := session.Status.Conditions
		session.Status.Conditions = condition(status)
		teller.Consistent(session, before)
	}
	assert.Equal(t, []string{"session | Warning | NotConsistent | SnapshotOutside: why"}, e.heard)
}

func TestSessionsAreCountedByWhatIsKnownOfTheirSnapshots(t *testing.T) {
	for _, status := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
		counted := consistentTotal.WithLabelValues("Backup", strings.ToLower(string(status)))
		before := testutil.ToFloat64(counted)
		session := sessionOf(v1alpha1.Scheduled)
		session.Status.Phase = v1alpha1.PhaseComplete
		session.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionConsistent, Status: status}}
		(&Teller{Recorder: &ear{}}).Phase(session, v1alpha1.PhaseFinishing)
		assert.InDelta(t, before+1, testutil.ToFloat64(counted), 0, status)
	}
}
