package integration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAViewHasAllPodsOfItsMomentAndFollowsThem(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "witness-"}}
	create(t, namespace)
	pod := func(name string) *corev1.Pod {
		always := corev1.ContainerRestartPolicyAlways
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: name, Labels: map[string]string{"app": "db"}, Annotations: map[string]string{
				v1alpha1.SkipPoliciesAnnotation: "audit", "example.com/large": string(make([]byte, 0, 1)) + "x",
			}},
			Spec: corev1.PodSpec{
				InitContainers: []corev1.Container{{Name: "once", Image: "a"}, {Name: "sidecar", Image: "b", RestartPolicy: &always}},
				Containers:     []corev1.Container{{Name: "main", Image: "c"}},
				Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "claim"}}}},
			},
		}
		create(t, pod)
		return pod
	}
	first := pod("first")
	pods, err := witness.New(config)
	require.NoError(t, err)
	view, err := pods.Open(t.Context(), namespace.Name)
	require.NoError(t, err)
	t.Cleanup(view.Close)
	seen, there := view.Pod(first.UID)
	require.True(t, there, "what was there before is there at once")
	assert.Equal(t, []match.Container{{Name: "main", Image: "c"}, {Name: "sidecar", Image: "b", Sidecar: true}}, seen.Containers)
	assert.Equal(t, map[string]string{v1alpha1.SkipPoliciesAnnotation: "audit"}, seen.Annotations, "no more than is looked at")
	assert.Equal(t, []string{"claim"}, seen.Claims)
	assert.False(t, seen.Ready)
	assert.False(t, seen.State("main").Running)

	told := make(chan struct{}, 100)
	view.Subscribe(func() { told <- struct{}{} })
	changed, done := view.Changed(first.UID)
	defer done()
	started := metav1.NewTime(time.Now().Truncate(time.Second))
	first.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}}},
	}
	require.NoError(t, api.Status().Update(t.Context(), first))
	select {
	case <-changed:
	case <-time.After(patience):
		require.Fail(t, "the change was not told")
	}
	<-told
	seen, _ = view.Pod(first.UID)
	assert.True(t, seen.Ready)
	assert.True(t, seen.State("main").Running)
	assert.True(t, started.Time.Equal(seen.State("main").StartedAt))

	second := pod("second")
	require.Eventually(t, func() bool { return len(view.Pods()) == 2 }, patience, tick)
	gone, stop := view.Changed(second.UID)
	defer stop()
	require.NoError(t, api.Delete(t.Context(), second, client.GracePeriodSeconds(0)))
	select {
	case <-gone:
	case <-time.After(patience):
		require.Fail(t, "the end was not told")
	}
	require.Eventually(t, func() bool { return len(view.Pods()) == 1 }, patience, tick)
	again := pod("second")
	require.Eventually(t, func() bool { _, there := view.Pod(again.UID); return there }, patience, tick)
	_, there = view.Pod(second.UID)
	assert.False(t, there, "another of its name is another")
}
