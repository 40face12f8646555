//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// webhookName is the name of the webhook's Deployment, Service, ServiceAccount and configuration.
const webhookName = "quiesce-webhook"

var webhookKey = client.ObjectKey{Namespace: walkthrough.Release, Name: webhookName}

// mostPods bounds how many pods a test creates while it waits for something.
const mostPods = 10_000

// createPodsUntil creates one pod after another, without a pause, until done returns nil. It returns how many there were,
// and the names of those that got no stamp.
func (s *scene) createPodsUntil(done func() error) (created int, bare []string) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		pod := s.createPod()
		created++
		if !stamped(pod) {
			bare = append(bare, fmt.Sprintf("%s (number %d, at %s)", pod.Name, created, time.Now().Format("15:04:05.000")))
		}
		if created%10 == 0 {
			reason := done()
			if reason == nil {
				return created, bare
			}
			require.Less(s.t, created, mostPods, "%d pods, and still %v", created, reason)
			require.True(s.t, time.Now().Before(deadline), "after %s still %v", patience, reason)
		}
	}
}

func webhookPods(t *testing.T) []corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	require.NoError(t, api.List(t.Context(), &pods, client.InNamespace(walkthrough.Release),
		client.MatchingLabels{"app.kubernetes.io/component": "webhook"}))
	return pods.Items
}

func patchWebhook(t *testing.T, patch string) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = webhookKey.Namespace, webhookKey.Name
	require.NoError(t, api.Patch(t.Context(), deployment, client.RawPatch(types.MergePatchType, []byte(patch))))
}

func scaleWebhook(t *testing.T, replicas int32) {
	t.Helper()
	patchWebhook(t, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas))
}

// rolledOut is nil once all replicas of the webhook are there, of the latest template, and ready.
func rolledOut(t *testing.T) error {
	t.Helper()
	var deployment appsv1.Deployment
	require.NoError(t, api.Get(t.Context(), webhookKey, &deployment))
	wanted, status := *deployment.Spec.Replicas, deployment.Status
	if status.ObservedGeneration != deployment.Generation || status.UpdatedReplicas != wanted ||
		status.AvailableReplicas != wanted || status.Replicas != wanted {
		return fmt.Errorf("of %d replicas %d are updated and %d available, of %d in all",
			wanted, status.UpdatedReplicas, status.AvailableReplicas, status.Replicas)
	}
	return nil
}

func waitRolledOut(t *testing.T) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) { require.NoError(c, rolledOut(t)) }, patience, tick)
}

// endpoints counts the addresses behind the webhook's Service.
func endpoints(t *testing.T) int {
	t.Helper()
	var slices discoveryv1.EndpointSliceList
	require.NoError(t, api.List(t.Context(), &slices, client.InNamespace(walkthrough.Release),
		client.MatchingLabels{discoveryv1.LabelServiceName: webhookName}))
	count := 0
	for _, slice := range slices.Items {
		count += len(slice.Endpoints)
	}
	return count
}

// restoreReplicas has the webhook's replicas restored, and answering, when the test ends, and returns how many there are.
func restoreReplicas(t *testing.T) int32 {
	t.Helper()
	var deployment appsv1.Deployment
	require.NoError(t, api.Get(t.Context(), webhookKey, &deployment))
	replicas := *deployment.Spec.Replicas
	t.Cleanup(func() {
		patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
		if !assert.NoError(t, api.Patch(context.Background(), &deployment, patch)) {
			return
		}
		// The API server learns of the endpoints in its own time.
		assert.Eventually(t, func() bool { return answers(context.Background()) }, patience, tick)
	})
	return replicas
}

// answers tells whether the webhook is asked of policies, and takes a good one.
func answers(ctx context.Context) bool {
	policy := &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: "answers"}, Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{{
		Name: "try", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Exec: &v1alpha1.ExecAction{Command: []string{"true"}},
	}}}}
	return api.Create(ctx, policy, client.DryRunAll) == nil
}
