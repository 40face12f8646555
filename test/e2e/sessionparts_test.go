//go:build e2e

package e2e

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// down kills a part of the cluster, which comes back when the function is called that is returned, and in any case when the test ends.
func down(t *testing.T, part string) (up func()) {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, cluster.Up(context.Background())) })
	require.NoError(t, cluster.Kill(t.Context(), part))
	return func() {
		t.Helper()
		require.NoError(t, cluster.Up(t.Context()))
		require.Eventually(t, func() bool { return leader(t.Context()) != "" }, patience, tick)
	}
}

func TestTheAPIServerDiesInAHook(t *testing.T) {
	f := newFreezer(t, 1, 10*time.Minute, hooks(
		does("freeze", freeze, v1alpha1.PreSnapshot), does("more", until("a"), v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)))
	session := f.begin()
	f.reach(f.pods[0], "a")
	up := down(t, "kube-apiserver")
	up()
	f.waitFinished(session, v1alpha1.PhaseFailed)
	f.requireThawed(patience)
	f.requireUnguarded()
	require.NotEmpty(t, session.Status.Failures)
	assert.Contains(t, []string{"ConnectionLost", "Interrupted"}, session.Status.Failures[0].Reason, "the connection is lost to the one that has waited for it")
	t.Log(describe(session))
}

// Nobody can reach the containers: what thaws them is in them.
func TestWithoutAnAPIServerTheWatchdogThaws(t *testing.T) {
	const maxQuiesce = 12 * time.Second
	f := newFreezer(t, 1, maxQuiesce)
	session := f.begin()
	f.waitReady(session)
	process := processOf(t, f.pods[0], "main")
	require.True(t, frozenOnDisk(process))
	begun := session.Status.Window.OpenedAt.Time
	up := down(t, "kube-apiserver")
	require.Eventually(t, func() bool { return !frozenOnDisk(process) }, maxQuiesce+10*time.Second, tick, "nobody has thawed it")
	t.Logf("thawed %s after the first hook, maxQuiesce %s", time.Since(begun).Round(100*time.Millisecond), maxQuiesce)
	up()
	f.waitFinished(session, v1alpha1.PhaseFailed)
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonDeadlineExceeded)
	requireCondition(t, session, v1alpha1.ConditionThawed, metav1.ConditionTrue, "Thawed")
	f.requireThawed(0)
	f.requireUnguarded()
}

func TestWithoutAControllerTheWatchdogThaws(t *testing.T) {
	const maxQuiesce = 12 * time.Second
	f := newFreezer(t, 1, maxQuiesce)
	session := f.begin()
	f.waitReady(session)
	begun, process := session.Status.Window.OpenedAt.Time, processOf(t, f.pods[0], "main")
	thawed := followFrozen(process)
	scaleController(t, 0)
	require.True(t, <-thawed)
	t.Logf("thawed %s after the first hook at most, maxQuiesce %s", time.Since(begun).Round(100*time.Millisecond), maxQuiesce)
	scaleController(t, 1)
	f.waitFinished(session, v1alpha1.PhaseFailed)
	f.requireThawed(0)
	f.requireUnguarded()
}

// scaleController sets how many controllers there are, and waits until it is so. When the test ends, there is one.
func scaleController(t *testing.T, replicas int) {
	t.Helper()
	scale := func(ctx context.Context, replicas int) error {
		_, err := terminal.Run(ctx, "kubectl", "scale", "-n", walkthrough.Release, "deployment/quiesce-controller", "--replicas", string(rune('0'+replicas)))
		return err
	}
	t.Cleanup(func() { assert.NoError(t, scale(context.Background(), 1)) })
	require.NoError(t, scale(t.Context(), replicas))
	require.Eventually(t, func() bool {
		ready := 0
		pods := controllerPods(t)
		for i := range pods {
			for _, condition := range pods[i].Status.Conditions {
				if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
					ready++
				}
			}
		}
		return ready == replicas && len(pods) == replicas
	}, patience, tick)
}

// The node cannot be reached: the session says so, goes on trying, and is done when it can.
func TestTheKubeletIsAwayWhenItIsToBeThawed(t *testing.T) {
	const maxQuiesce = 20 * time.Second
	f := newFreezer(t, 1, maxQuiesce)
	session := f.begin()
	f.waitReady(session)
	process := processOf(t, f.pods[0], "main")
	up := down(t, "kubelet")
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitSession(session, "unreachable", func(s *v1alpha1.HookSession) bool {
		thawed := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionThawed)
		return thawed != nil && thawed.Reason == v1alpha1.ReasonUnreachable
	})
	t.Log(describe(session))
	assert.Equal(t, v1alpha1.PhaseThawing, session.Status.Phase)
	require.Eventually(t, func() bool { return !frozenOnDisk(process) }, maxQuiesce+15*time.Second, tick, "the watchdog has not thawed it")
	up()
	f.waitFinished(session, v1alpha1.PhaseComplete)
	requireCondition(t, session, v1alpha1.ConditionThawed, metav1.ConditionTrue, "Thawed")
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionUnknown, v1alpha1.ReasonNoClaims) // the tool was done by then
	f.requireThawed(0)
	f.requireUnguarded()
}

func TestSomebodyTakesOverTheThawOfANodeThatIsAway(t *testing.T) {
	f := newFreezer(t, 1, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	up := down(t, "kubelet")
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitSession(session, "thawing", func(s *v1alpha1.HookSession) bool { return s.Status.Phase == v1alpha1.PhaseThawing })
	f.kubectl("annotate", "hooksession", session.Name, v1alpha1.AbandonAnnotation+"="+f.pods[0].Name)
	f.waitFinished(session, v1alpha1.PhaseFailed)
	assert.Equal(t, v1alpha1.ReasonAbandoned, session.Status.Failures[0].Reason)
	up()
}

func TestAContainerIsStartedAnewWhileItIsFrozen(t *testing.T) {
	f := newFreezer(t, 0, 10*time.Minute, hooks(does("freeze", `touch /data/frozen`, v1alpha1.PreSnapshot), does("thaw", `rm -f /data/frozen; touch /data/thawed`, v1alpha1.PostSnapshot)))
	f.pods = append(f.pods, f.containerWith(func(spec *corev1.PodSpec) {
		spec.RestartPolicy = corev1.RestartPolicyAlways
		spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	}, "restarting", "quiesce.test/busybox:1.35", "sleep", "3600"))
	session := f.begin()
	f.waitReady(session)
	begun := time.Now()
	kill(t, f.pods[0], "main")
	f.waitFinished(session, v1alpha1.PhaseFailed)
	t.Logf("over %s after the kill: %s", time.Since(begun).Round(tick), describe(session))
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonRestarted)
	assert.Equal(t, "yes", f.in(f.pods[0], "[ -e /data/frozen ] && echo no; [ -e /data/thawed ] && echo yes"), "the new container was thawed")
}

func TestAPodIsDeletedWhileItIsFrozen(t *testing.T) {
	f := newFreezer(t, 2, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	require.NoError(t, api.Delete(t.Context(), f.pods[0]))
	f.pods = f.pods[1:]
	f.waitFinished(session, v1alpha1.PhaseFailed)
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonPodGone)
	f.requireThawed(0)
	f.requireUnguarded()
	t.Log(describe(session))
}

func TestAPodIsBornWhileOthersAreFrozen(t *testing.T) {
	f := newFreezer(t, 1, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	f.container("late", "quiesce.test/busybox:1.35", "sleep", "3600")
	f.waitSession(session, "inconsistent", func(s *v1alpha1.HookSession) bool {
		return meta.IsStatusConditionFalse(s.Status.Conditions, v1alpha1.ConditionConsistent)
	})
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonNewPod)
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)
}

func TestTheProcessOfAHoldDies(t *testing.T) {
	f := newFreezer(t, 1, 10*time.Minute, hooks(holding("echo $$ >/tmp/pid;")))
	session := f.begin()
	f.waitReady(session)
	begun := time.Now()
	f.in(f.pods[0], "kill -9 $(cat /tmp/pid)")
	f.waitFinished(session, v1alpha1.PhaseFailed)
	t.Logf("over %s after the kill: %s", time.Since(begun).Round(tick), describe(session))
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonHoldLost)
}

// A controller that is told to end waits for its holds; another then leads.
func TestARollOutWaitsForHolds(t *testing.T) {
	f := newFreezer(t, 1, 10*time.Minute, hooks(holding("")))
	session := f.begin()
	f.waitReady(session)
	before := leader(t.Context())
	_, err := terminal.Run(t.Context(), "kubectl", "rollout", "restart", "-n", walkthrough.Release, "deployment/quiesce-controller")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		pods := controllerPods(t)
		for i := range pods {
			if pods[i].DeletionTimestamp != nil {
				return true
			}
		}
		return false
	}, patience, tick, "the old controller was not told to end")
	time.Sleep(3 * time.Second) // in which it could have let go
	assert.True(t, f.frozen(f.pods[0]))
	assert.Equal(t, before, leader(t.Context()))
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)
	f.requireThawed(0)
	waitLeader(t, before)
	assert.Equal(t, []string{"hold", "released"}, f.log(f.pods[0]))
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionUnknown, v1alpha1.ReasonNoClaims)
}

// Two controllers: the one that does not lead takes over when the other is killed.
func TestTheLeaderIsKilledAndTheOtherThaws(t *testing.T) {
	scaleController(t, 2)
	f := newFreezer(t, 2, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	before := leader(t.Context())
	for _, pod := range controllerPods(t) {
		if len(before) > len(pod.Name) && before[:len(pod.Name)] == pod.Name {
			require.NoError(t, syscall.Kill(processOf(t, &pod, "controller"), syscall.SIGKILL))
		}
	}
	begun := time.Now()
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)
	t.Logf("thawed %s after the kill", time.Since(begun).Round(tick))
	f.requireThawed(0)
	f.requireUnguarded()
	assert.NotEqual(t, before, leader(t.Context()))
}

// In a container without a shell there is no watchdog: the session's own deadline remains.
func TestWithoutAShellTheDeadlineRemains(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 8*time.Second, func(spec *v1alpha1.HookPolicySpec) {
		spec.Shell = v1alpha1.NoShell
		spec.Hooks[0].Exec.Command = []string{"touch", "/tmp/frozen"}
		spec.Hooks[1].Exec.Command = []string{"rm", "/tmp/frozen"}
	})
	session := f.begin()
	f.waitReady(session)
	f.waitFinished(session, v1alpha1.PhaseFailed)
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonDeadlineExceeded)
	f.requireThawed(0)
}

func TestAfterARestoreHooksRunOnceInEveryPodThatItHasBrought(t *testing.T) {
	verify := does("verify", "echo verify >>/tmp/log; [ -e /tmp/ready ]", v1alpha1.PostRestore)
	verify.WaitFor, verify.WaitTimeout = v1alpha1.PodReady, v1alpha1.Duration{Duration: time.Minute}
	f := newFreezer(t, 0, 10*time.Minute, hooks(does("before", "echo before >>/tmp/log", v1alpha1.PreRestore), verify))
	old := f.container("old", "quiesce.test/busybox:1.35", "sleep", "3600")
	session := f.begin(func(spec *v1alpha1.HookSessionSpec) {
		spec.Operation, spec.DataSource = v1alpha1.OperationRestore, v1alpha1.SourceBackup
	})
	f.waitSession(session, "ready for the restore", isTrue(v1alpha1.ConditionReadyForRestore))
	assert.Equal(t, []string{"before"}, f.log(old))
	require.NoError(t, api.Delete(t.Context(), old))
	pod := f.containerWith(func(spec *corev1.PodSpec) {
		spec.Containers[0].ReadinessProbe = &corev1.Probe{
			ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "-e", "/tmp/ready"}}}, PeriodSeconds: 1,
		}
	}, "restored", "quiesce.test/busybox:1.35", "sleep", "3600")
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitSession(session, "at its restored pods", func(s *v1alpha1.HookSession) bool { return s.Status.RestoreRuns != nil })
	assert.Empty(t, f.log(pod), "the pod is not ready yet")
	killController(t)
	f.in(pod, "touch /tmp/ready")
	f.waitFinished(session, v1alpha1.PhaseComplete)
	assert.Equal(t, []string{"verify"}, f.log(pod), "once, though the controller was killed in between")
	require.NoError(t, client.IgnoreNotFound(api.Delete(t.Context(), session)))
}
