//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const timeoutKey = "pre.hook.backup.velero.io/timeout"

// runPods runs pods that policies select, and waits until they do.
func (s *scene) runPods(count int) {
	s.t.Helper()
	var group errgroup.Group
	for i := range count {
		group.Go(func() error {
			pod := s.pod()
			pod.GenerateName, pod.Name = "", fmt.Sprintf("running-%d", i)
			pod.Spec.SchedulingGates = nil
			pod.Spec.TerminationGracePeriodSeconds = new(int64)
			pod.Spec.Containers[0].Command = []string{"sleep", "3600"}
			pod.Spec.Containers[0].ImagePullPolicy = corev1.PullIfNotPresent
			return api.Create(s.t.Context(), pod)
		})
	}
	require.NoError(s.t, group.Wait())
	s.waitPods(2*patience, func(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodRunning })
}

// waitPods waits until something holds for all pods of the scene, and returns how long it took.
func (s *scene) waitPods(most time.Duration, holds func(*corev1.Pod) bool) time.Duration {
	s.t.Helper()
	begun := time.Now()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		var pods corev1.PodList
		require.NoError(c, api.List(s.t.Context(), &pods, client.InNamespace(s.namespace)))
		require.NotEmpty(c, pods.Items)
		not := 0
		for i := range pods.Items {
			if !holds(&pods.Items[i]) {
				not++
			}
		}
		assert.Zero(c, not, "of %d pods", len(pods.Items))
	}, most, tick)
	return time.Since(begun)
}

func TestRunningPodsFollowTheirPolicy(t *testing.T) {
	s := newScene(t, optedIn)
	s.runPods(50)
	begun := time.Now()
	policy := s.addPolicy("main")
	s.waitPods(patience, stamped)
	t.Logf("50 running pods carry a new policy after %s", time.Since(begun).Round(tick))

	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
	policy.Spec.Hooks[0].Timeout = v1alpha1.Duration{Duration: 42 * time.Second}
	require.NoError(t, api.Update(t.Context(), policy))
	took := s.waitPods(patience, func(pod *corev1.Pod) bool { return pod.Annotations[timeoutKey] == "42s" })
	t.Logf("50 running pods carry an edit of it after %s", took.Round(tick))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
		assert.EqualValues(c, 50, policy.Status.MatchedPods)
		assert.EqualValues(c, 50, policy.Status.StampedPods)
		assert.Equal(c, "PreSnapshot,PostSnapshot", policy.Status.Stages)
	}, patience, tick)

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	patchLabel := func(value string) {
		require.NoError(t, api.Patch(t.Context(), namespace, client.RawPatch("application/merge-patch+json",
			fmt.Appendf(nil, `{"metadata":{"labels":{%q:%s}}}`, v1alpha1.HooksLabel, value))))
	}
	bare := func(pod *corev1.Pod) bool { return len(stamp.Unstamp(pod.Annotations)) == 0 }
	patchLabel("null")
	t.Logf("they are bare %s after their namespace has opted out", s.waitPods(patience, bare).Round(tick))
	patchLabel(`"enabled"`)
	s.waitPods(patience, stamped)
	require.NoError(t, api.Delete(t.Context(), policy))
	t.Logf("they are bare %s after their policy was deleted", s.waitPods(patience, bare).Round(tick))
}

func TestPodsOfASchedulesOwnHooksStayUnstampedAndThePolicySaysSo(t *testing.T) {
	s := newScene(t, optedIn)
	policy := s.addPolicy("main")
	pod := s.createPod()
	require.True(t, stamped(pod))
	schedule := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "velero.io/v1", "kind": "Schedule",
		"metadata": map[string]any{"namespace": "velero", "name": s.namespace},
		"spec": map[string]any{"schedule": "0 0 1 1 *", "paused": true, "template": map[string]any{
			"includedNamespaces": []any{s.namespace},
			"hooks": map[string]any{"resources": []any{map[string]any{
				"name": "theirs", "pre": []any{map[string]any{"exec": map[string]any{"command": []any{"true"}}}},
			}}},
		}},
	}}
	require.NoError(t, api.Create(t.Context(), schedule))
	t.Cleanup(func() { assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), schedule))) })

	s.waitBare(pod)
	s.waitCondition(policy, v1alpha1.ConditionConflicted, metav1.ConditionTrue, v1alpha1.ReasonBackupHooks, "Schedule velero/"+s.namespace)
	require.Eventually(t, func() bool { return !stamped(s.createPod()) }, patience, tick, "new pods are left alone as well")

	require.NoError(t, api.Delete(t.Context(), schedule))
	s.waitStamp(pod, policy, echoes)
	s.waitCondition(policy, v1alpha1.ConditionConflicted, metav1.ConditionFalse, v1alpha1.ReasonNoConflict, "")
}
