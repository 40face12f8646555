//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestPodsAreCreatedWhileThereIsNoWebhook(t *testing.T) {
	s := newScene(t, optedIn)
	policy := s.addPolicy("main")
	gated := newFreezer(t, 1, 10*time.Minute, inSessions)
	replicas := restoreReplicas(t)
	scaleWebhook(t, 0)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Empty(c, webhookPods(t))
		assert.Zero(c, endpoints(t))
	}, patience, tick)
	var missed []*corev1.Pod
	for range 3 {
		pod := s.createPod()
		assert.Empty(t, pod.Annotations, "expected a pod without hooks while the webhook is away")
		missed = append(missed, pod)
	}
	// A backup that nobody has made wait is not quiesced, and says so.
	backup := gated.backUp()
	backup.waitEnded("Completed")
	assert.Empty(t, backup.gate())
	backup.waitConsistent("False", "")
	assert.Contains(t, backup.events(), "Warning "+v1alpha1.ReasonGateMissed)
	assert.Empty(t, gated.log(gated.pods[0]))
	begun := time.Now()
	for _, pod := range missed {
		s.waitStamp(pod, policy, echoes)
	}
	t.Logf("stamped by the controller after %s", time.Since(begun).Round(tick))

	scaleWebhook(t, replicas)
	waitRolledOut(t)
	// The API server learns of the endpoints in its own time.
	require.Eventually(t, func() bool { return stamped(s.createPod()) }, patience, tick)
	for range 10 {
		requireStamp(t, s.createPod(), policy, echoes)
	}
}

func TestEveryPodIsStampedThroughARollingRestart(t *testing.T) {
	s := newScene(t, optedIn)
	s.addPolicy("main")
	waitRolledOut(t)
	require.True(t, stamped(s.createPod()))
	before := webhookPods(t)

	patchWebhook(t, fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`,
		time.Now().Format(time.RFC3339Nano)))
	created, bare := s.createPodsUntil(func() error {
		if err := rolledOut(t); err != nil {
			return err
		}
		// Those that drain still serve, so the restart ends with the last of them.
		for _, pod := range webhookPods(t) {
			if slices.ContainsFunc(before, func(old corev1.Pod) bool { return old.UID == pod.UID }) {
				return fmt.Errorf("pod %s of before the restart is there", pod.Name)
			}
		}
		return nil
	})

	t.Logf("%d pods during the restart", created)
	assert.Empty(t, bare, "expected a stamp on each of %d pods", created)
}
