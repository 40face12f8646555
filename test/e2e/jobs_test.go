//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// job is a hook that runs a script in a Job of its own.
func job(name, image, script string, stage v1alpha1.Stage) v1alpha1.Hook {
	hook := v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{stage}, OnError: v1alpha1.Continue, Job: &v1alpha1.JobAction{}, Timeout: v1alpha1.Duration{Duration: time.Minute}}
	hook.Job.Template.Spec = batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "main", Image: image, Command: shell(script)}},
	}}}
	return hook
}

func TestAJobRunsInTheNamespaceAndIsToldWhatHappened(t *testing.T) {
	t.Parallel()
	const image = "quiesce.test/busybox:1.35"
	s := newScene(t, optedIn)
	s.busybox()
	once := job("once", image, `[ -z "$QUIESCE_POD_NAME" ]`, v1alpha1.PreBackup)
	once.RunOn = v1alpha1.OncePerSession
	hang := job("hang", image, "trap '' TERM; sleep 600 & wait; sleep 600", v1alpha1.PreSnapshot)
	hang.Timeout.Duration = 5 * time.Second
	missing := job("missing", "quiesce.test/nowhere:1", "true", v1alpha1.PreBackup)
	missing.Timeout.Duration = 8 * time.Second
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		once, missing, hang,
		job("pod", image, `echo $QUIESCE_STAGE $QUIESCE_POD_NAME $QUIESCE_OUTCOME; [ ! -e /var/run/secrets ]`, v1alpha1.PostBackup),
		job("fail", image, `echo "the outcome is $QUIESCE_OUTCOME"; exit 7`, v1alpha1.PostBackup),
	}}})
	session := s.begin()
	s.waitReady(session)
	s.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	s.waitFinished(session, v1alpha1.PhaseComplete)
	runs := s.runsOf(session)
	result := func(hook string) v1alpha1.PodResult {
		require.Len(t, runs[hook].Status.Results, 1)
		return runs[hook].Status.Results[0]
	}
	assert.Equal(t, v1alpha1.ResultSucceeded, result("once").Outcome, result("once"))
	assert.Equal(t, v1alpha1.ResultSucceeded, result("pod").Outcome, result("pod"))
	assert.Equal(t, "7", result("fail").ExitCode, result("fail"))
	assert.Contains(t, result("fail").Output, "the outcome is Succeeded")
	assert.Equal(t, "TimedOut", result("hang").Reason, result("hang"))
	assert.Nil(t, result("hang").MayRunUntil, "it was ended")
	assert.Contains(t, result("missing").Message, "quiesce.test/nowhere:1")

	var jobs batchv1.JobList
	require.NoError(t, api.List(t.Context(), &jobs, client.InNamespace(s.namespace)))
	require.Len(t, jobs.Items, 5)
	for _, made := range jobs.Items {
		assert.NotNil(t, made.Spec.TTLSecondsAfterFinished)
		require.Len(t, made.OwnerReferences, 1)
		assert.Equal(t, "HookRun", made.OwnerReferences[0].Kind)
	}
	require.NoError(t, api.Delete(t.Context(), session))
	require.Eventually(t, func() bool {
		return api.List(t.Context(), &jobs, client.InNamespace(s.namespace)) == nil && len(jobs.Items) == 0
	}, patience, tick, "they go with their session")
}

// What the API server would refuse is told before anything is quiesced.
func TestAJobThatTheAPIServerRefusesIsToldBeforeAnythingIsQuiesced(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, time.Minute, func(spec *v1alpha1.HookPolicySpec) {
		refused := job("refused", "quiesce.test/busybox:1.35", "true", v1alpha1.PostBackup)
		refused.Job.Template.Spec.Template.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "nowhere", MountPath: "/x"}}
		refused.OnError = v1alpha1.Fail
		spec.Hooks = append(spec.Hooks, refused)
	})
	session := f.begin()
	f.waitFinished(session, v1alpha1.PhaseFailed)
	requireCondition(t, session, v1alpha1.ConditionFailed, metav1.ConditionTrue, v1alpha1.ReasonNotPrepared)
	assert.Contains(t, session.Status.Message, `hook "refused"`)
	assert.Contains(t, session.Status.Message, "nowhere")
	assert.Empty(t, f.log(f.pods[0]))
}

// The next controller finds a Job that thaws, and waits for it: it is neither ended nor made again.
func TestAJobThatThawsGoesOnWhenTheControllerIsKilled(t *testing.T) {
	s := newScene(t, optedIn)
	pod := s.busybox()
	thaw := job("thaw", "quiesce.test/busybox:1.35", "sleep 20", v1alpha1.PostSnapshot)
	thaw.OnError = v1alpha1.Fail
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{does("freeze", "touch /tmp/frozen", v1alpha1.PreSnapshot), thaw}}})
	session := s.begin()
	s.waitReady(session)
	s.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	var jobs batchv1.JobList
	s.wait(patience, func() bool {
		require.NoError(t, api.List(t.Context(), &jobs, client.InNamespace(pod.Namespace)))
		return len(jobs.Items) == 1 && jobs.Items[0].Status.Active == 1
	}, "no Job runs")
	killController(t)
	s.waitFinished(session, v1alpha1.PhaseComplete)
	requireCondition(t, session, v1alpha1.ConditionThawed, metav1.ConditionTrue, "Thawed")
	require.NoError(t, api.List(t.Context(), &jobs, client.InNamespace(pod.Namespace)))
	require.Len(t, jobs.Items, 1)
	assert.EqualValues(t, 1, jobs.Items[0].Status.Succeeded)
}
