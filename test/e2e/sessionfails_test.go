//go:build e2e

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// timeout is a hook with another one.
func within(timeout time.Duration, hook v1alpha1.Hook) v1alpha1.Hook {
	hook.Timeout.Duration = timeout
	return hook
}

// A command that fails, hangs, or hangs and ignores that it is to end: what was frozen before it is thawed, in all pods, those included
// in which it was only tried.
func TestAFailedHookThawsEveryPod(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script, reason, code string
	}{
		"fails":        {"exit 3", "ExitCode", "3"},
		"hangs":        {"sleep 600", "TimedOut", "N/A"},
		"ignores TERM": {`trap "" TERM; while :; do sleep 1; done`, "TimedOut", "N/A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreezer(t, 2, 10*time.Minute, hooks(
				does("freeze", freeze, v1alpha1.PreSnapshot), within(2*time.Second, does("more", test.script, v1alpha1.PreSnapshot)),
				does("never", "echo never >>/tmp/log", v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)))
			session := f.begin()
			f.waitFinished(session, v1alpha1.PhaseFailed)
			f.requireThawed(0)
			f.requireUnguarded()
			for _, pod := range f.pods {
				assert.Equal(t, []string{"freeze", "thaw"}, f.log(pod))
			}
			// It fails in one of the pods, and may be cancelled in the other.
			at := slices.IndexFunc(session.Status.Failures, func(failure v1alpha1.HookFailure) bool { return failure.Reason == test.reason })
			require.GreaterOrEqual(t, at, 0, session.Status.Failures)
			assert.Equal(t, test.code, session.Status.Failures[at].ExitCode)
			requireCondition(t, session, v1alpha1.ConditionFailed, metav1.ConditionTrue, v1alpha1.ReasonHookFailed)
			requireCondition(t, session, v1alpha1.ConditionThawed, metav1.ConditionTrue, "Thawed")
			assert.Nil(t, session.Status.BegunAt)
		})
	}
}

func TestASessionWithoutAnOutcomeIsThawedAtItsDeadline(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 8*time.Second)
	session := f.begin()
	f.waitReady(session)
	f.waitFinished(session, v1alpha1.PhaseFailed)
	f.requireThawed(0)
	f.requireUnguarded()
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonDeadlineExceeded)
	window := session.Status.Window
	assert.Less(t, window.ThawedAt.Sub(window.OpenedAt.Time), 8*time.Second+2*time.Second)
	assert.Equal(t, []string{"freeze", "thaw"}, f.log(f.pods[0]), "the session was ahead of the watchdog")
	t.Log(describe(session))
}

func TestASessionThatIsDeletedThawsFirst(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 2, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	require.NoError(t, api.Delete(t.Context(), session))
	f.waitGone(session)
	f.requireThawed(0)
	f.requireUnguarded()
	var runs v1alpha1.HookRunList
	require.Eventually(t, func() bool {
		return api.List(t.Context(), &runs, client.InNamespace(f.namespace)) == nil && len(runs.Items) == 0
	}, patience, tick, "HookRuns go with their session")
}

func TestASessionIsCancelled(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	patch := client.MergeFrom(session.DeepCopy())
	session.Spec.Cancel = true
	require.NoError(t, api.Patch(t.Context(), session, patch))
	f.waitFinished(session, v1alpha1.PhaseCancelled)
	f.requireThawed(0)
	f.requireUnguarded()
}

// The policy is deleted, the pod's label and the namespace's are taken away, and the pod opts out: the session thaws by its record.
func TestASessionThawsByItsRecordWhateverIsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 10*time.Minute, func(spec *v1alpha1.HookPolicySpec) {
		spec.Selector.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"tier": "data"}}
	})
	f.kubectl("label", "pod", f.pods[0].Name, "tier=data")
	session := f.begin()
	f.waitReady(session)
	require.True(t, f.frozen(f.pods[0]))
	f.kubectl("label", "pod", f.pods[0].Name, "tier-")
	f.kubectl("annotate", "pod", f.pods[0].Name, v1alpha1.SkipAnnotation+"=true")
	f.kubectl("label", "namespace", f.namespace, v1alpha1.HooksLabel+"-")
	require.NoError(t, api.Delete(t.Context(), f.policies[0]))
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)
	f.requireThawed(0)
	f.requireUnguarded()
}

func (s *scene) kubectl(args ...string) string {
	s.t.Helper()
	output, err := terminal.Run(s.t.Context(), "kubectl", append([]string{"-n", s.namespace}, args...)...)
	require.NoError(s.t, err)
	return output
}

func TestTwoSessionsOfTheSamePodsTakeTurns(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 2, 10*time.Minute)
	first := f.begin()
	f.waitReady(first)
	second := f.begin()
	f.waitSession(second, "waiting", func(s *v1alpha1.HookSession) bool { return s.Status.Message != "" })
	assert.Equal(t, v1alpha1.PhasePending, second.Status.Phase)
	assert.Contains(t, second.Status.Message, `HookSession "`+first.Name+`", which has claimed pods pod-0, pod-1`)
	f.report(first, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded})
	f.waitReady(second)
	f.report(second, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(second, v1alpha1.PhaseComplete)
	f.report(first, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Succeeded})
	f.waitFinished(first, v1alpha1.PhaseComplete)
	for _, pod := range f.pods {
		assert.Equal(t, []string{"freeze", "thaw", "freeze", "thaw"}, f.log(pod))
	}
}

func TestASessionAndAStampedBackupKeepClearOfEachOther(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	pod := f.pods[0]
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(pod), pod))
	require.True(t, stamped(pod))
	// As Velero does with what is stamped on the pod.
	result := f.runStamped(pod, v1alpha1.VeleroPrePrefix)
	assert.Equal(t, "75", result.CodeText(), result)
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)

	require.Equal(t, "0", f.runStamped(pod, v1alpha1.VeleroPrePrefix).CodeText())
	busy := f.begin()
	f.waitFinished(busy, v1alpha1.PhaseFailed)
	assert.Equal(t, "Busy", busy.Status.Failures[0].Reason)
	assert.True(t, f.frozen(pod), "what another backup has quiesced is not thawed")
	require.Equal(t, "0", f.runStamped(pod, v1alpha1.VeleroPostPrefix).CodeText())
	f.requireThawed(0)
	f.requireUnguarded()
}

func TestANamespaceThatIsDeletedIsThawedFirst(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 0, 10*time.Minute)
	f.pods = append(f.pods, f.containerWith(func(spec *corev1.PodSpec) { spec.TerminationGracePeriodSeconds = new(int64(20)) },
		"slow", "quiesce.test/busybox:1.35", "sleep", "3600")) // which does not hear TERM
	session := f.begin()
	f.waitReady(session)
	process := processOf(t, f.pods[0], "main")
	require.True(t, frozenOnDisk(process))
	thawed := followFrozen(process)
	f.kubectl("delete", "namespace", f.namespace, "--wait=false")
	f.waitGone(session)
	assert.True(t, <-thawed, "thawed while the pod still ran")
	f.waitNamespaceGone()
}

// A hook runs only where its condition says so, once where one pod is enough, and the pods that are not ready wait or are passed over.
func TestHooksRunWhereTheyAreTo(t *testing.T) {
	t.Parallel()
	standby := does("standby", "echo standby >>/tmp/log", v1alpha1.PreSnapshot)
	standby.OnlyIf = &v1alpha1.ExecAction{Command: shell(`[ "$HOSTNAME" = pod-1 ]`)}
	once := does("once", "echo once >>/tmp/log", v1alpha1.PreSnapshot, v1alpha1.PostSnapshot)
	once.RunOn = v1alpha1.OnePod
	flaky := does("flaky", "echo try >>/tmp/log; [ $(grep -c try /tmp/log) -ge 3 ]", v1alpha1.PreSnapshot)
	flaky.MaxRetries = 2
	onSuccess := does("success", "echo success >>/tmp/log", v1alpha1.PostBackup)
	onSuccess.ExecutionPolicy = v1alpha1.OnSuccess
	onFailure := does("failure", "echo failure >>/tmp/log", v1alpha1.PostBackup)
	onFailure.ExecutionPolicy = v1alpha1.OnFailure
	soft := does("soft", "exit 1", v1alpha1.PostBackup)
	soft.OnError = v1alpha1.Continue
	f := newFreezer(t, 2, 10*time.Minute, hooks(standby, once, flaky, onSuccess, onFailure, soft))
	session := f.begin()
	f.waitReady(session)
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)
	assert.Equal(t, []string{"once", "try", "try", "try", "once", "success"}, f.log(f.pods[0]))
	assert.Equal(t, []string{"standby", "try", "try", "try", "success"}, f.log(f.pods[1]))
	assert.EqualValues(t, 2, session.Status.Hooks.Failed, "soft failures are counted")
	assert.NotNil(t, session.Status.FinishedAt)
}
