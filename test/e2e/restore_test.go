//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// shop is an application of testdata/restore.yaml, and the policy by which it is prepared.
type shop struct {
	*scene
	policy *v1alpha1.HookPolicy
	// withData backs up and restores what is in its volume as well.
	withData bool
}

func newShop(t *testing.T, withData bool) shop {
	t.Helper()
	s := shop{scene: newScene(t, map[string]string{
		v1alpha1.HooksLabel: v1alpha1.HooksEnabled, "pod-security.kubernetes.io/enforce": "restricted",
	}), withData: withData}
	s.policy = s.createPolicy(readPolicy(t, "testdata/restore-policy.yaml"))
	s.kubectl("create", "-f", "test/e2e/testdata/restore.yaml")
	s.waitRunning()
	return s
}

func (s shop) kubectl(args ...string) string {
	s.t.Helper()
	output, err := terminal.Run(s.t.Context(), "kubectl", append([]string{"-n", s.namespace}, args...)...)
	require.NoError(s.t, err)
	return output
}

func (s shop) waitRunning() { s.kubectl("wait", "--for=condition=Ready", "pod/shop", "--timeout=120s") }

// log is what has run in the volume, in its order.
func (s shop) log() []string {
	s.t.Helper()
	return strings.Split(strings.TrimSpace(s.kubectl("exec", "shop", "--", "cat", "/data/log")), "\n")
}

func (s shop) initContainers() []corev1.Container {
	s.t.Helper()
	var pod corev1.Pod
	require.NoError(s.t, api.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "shop"}, &pod))
	return pod.Spec.InitContainers
}

func (s shop) backUp(name string) {
	s.t.Helper()
	args := []string{"backup", "create", name, "--include-namespaces", s.namespace, "--snapshot-volumes=false", "--wait"}
	if s.withData {
		args = append(args, "--default-volumes-to-fs-backup")
	}
	_, err := terminal.Run(s.t.Context(), "velero", args...)
	require.NoError(s.t, err)
	s.requirePhase("backup", name, "Completed")
}

// restore deletes the namespace, and has it back from a backup.
func (s shop) restore(name, backup string, flags ...string) {
	s.t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	require.NoError(s.t, api.Delete(s.t.Context(), namespace))
	require.Eventually(s.t, func() bool {
		return apierrors.IsNotFound(api.Get(s.t.Context(), client.ObjectKeyFromObject(namespace), namespace))
	}, patience, tick)
	_, err := terminal.Run(s.t.Context(), "velero", append([]string{"restore", "create", name, "--from-backup", backup, "--wait"}, flags...)...)
	require.NoError(s.t, err)
}

func (s shop) requirePhase(kind, name, want string) {
	s.t.Helper()
	phase, err := terminal.Run(s.t.Context(), "kubectl", "-n", "velero", "get", kind, name, "-o", "jsonpath={.status.phase}")
	require.NoError(s.t, err)
	if phase != want {
		log, _ := terminal.Run(s.t.Context(), "velero", kind, "logs", name)
		require.Equal(s.t, want, phase, "%s", log[max(0, len(log)-4000):])
	}
}

func names(containers []corev1.Container) []string {
	var names []string
	for i := range containers {
		names = append(names, containers[i].Name)
	}
	return names
}

// Backed up, deleted and restored, three times over, each backup being one of the restored pod: it is prepared every time,
// once, and in order.
func TestARestoredPodIsPreparedEveryTimeBeforeItStarts(t *testing.T) {
	t.Parallel()
	for what, withData := range map[string]bool{"its objects alone": false, "with the data of its volume": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, withData)
			require.Equal(t, []string{"own", "app"}, s.log())
			var before []string
			for round := range 3 {
				backup, restore := fmt.Sprintf("%s-b%d", s.namespace, round), fmt.Sprintf("%s-r%d", s.namespace, round)
				if withData {
					before = s.log()
				}
				s.backUp(backup)
				s.restore(restore, backup)
				s.requirePhase("restore", restore, "Completed")
				s.waitRunning()

				want := []string{"quiesce-" + s.namespace + "-seed-load", "quiesce-" + s.namespace + "-fix-1", "own"}
				if withData {
					want = append([]string{"restore-wait"}, want...)
				}
				containers := s.initContainers()
				require.Equal(t, want, names(containers))
				require.Equal(t, slices.Concat(before, []string{
					strings.Join([]string{"load", restore, backup, s.namespace, "shop"}, " "), "fix /data/log", "own", "app",
				}), s.log(), "round %d", round)
				for i := range containers {
					token := func(mount corev1.VolumeMount) bool {
						return mount.MountPath == "/var/run/secrets/kubernetes.io/serviceaccount"
					}
					assert.True(t, slices.ContainsFunc(containers[i].VolumeMounts, token), "%s has the ServiceAccount's token, as the application has", containers[i].Name)
				}
				require.EventuallyWithT(t, func(c *assert.CollectT) {
					require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(s.policy), s.policy))
					require.EqualValues(c, 1, s.policy.Status.PreparedPods)
					require.NotNil(c, s.policy.Status.LastRestore)
					require.Equal(c, restore, s.policy.Status.LastRestore.Name)
				}, patience, tick)
			}
		})
	}
}

// setRestoreFailurePolicy changes what the API server does with restored pods while the webhook does not answer, as the
// chart's restore.failurePolicy says.
func setRestoreFailurePolicy(ctx context.Context, policy admissionregistrationv1.FailurePolicyType) error {
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	if err := api.Get(ctx, client.ObjectKey{Name: webhookName}, &configuration); err != nil {
		return err
	}
	for i := range configuration.Webhooks {
		if configuration.Webhooks[i].Name == "restored-pods.quiesce.io" {
			configuration.Webhooks[i].FailurePolicy = &policy
		}
	}
	return api.Update(ctx, &configuration)
}

func TestWithoutTheWebhookARestoredPodDoesNotStartUnpreparedUnlessToldTo(t *testing.T) {
	s := newShop(t, false)
	s.backUp(s.namespace)
	t.Cleanup(func() { assert.NoError(t, setRestoreFailurePolicy(context.Background(), admissionregistrationv1.Fail)) })
	restoreReplicas(t)
	scaleWebhook(t, 0)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Empty(c, webhookPods(t))
		assert.Zero(c, endpoints(t))
	}, patience, tick)

	failing := s.namespace + "-fail"
	s.restore(failing, s.namespace)
	s.requirePhase("restore", failing, "PartiallyFailed")
	log, err := terminal.Run(t.Context(), "velero", "restore", "logs", failing)
	require.NoError(t, err)
	assert.Contains(t, log, "failed calling webhook")
	assert.Contains(t, log, "restored-pods.quiesce.io")
	err = api.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "shop"}, &corev1.Pod{})
	assert.True(t, apierrors.IsNotFound(err), "%v", err)

	require.NoError(t, setRestoreFailurePolicy(t.Context(), admissionregistrationv1.Ignore))
	passing := s.namespace + "-pass"
	require.EventuallyWithT(t, func(c *assert.CollectT) { // the API server looks at its configuration some moments later
		assert.NoError(c, api.Create(t.Context(), s.restoredPod(), client.DryRunAll))
	}, patience, tick)
	s.restore(passing, s.namespace)
	s.requirePhase("restore", passing, "Completed")
	s.waitRunning()
	assert.Equal(t, []string{"own"}, names(s.initContainers()))
	assert.Equal(t, []string{"own", "app"}, s.log())
}

// restoredPod is a pod that the policy of the scene does not select, and that a restore seems to create.
func (s shop) restoredPod() *corev1.Pod {
	pod := s.pod()
	pod.Labels = map[string]string{v1alpha1.VeleroRestoreLabel: "x"}
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	pod.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	return pod
}

// A policy that goes with its namespace has to be back before the pods are: docs/restores.md has the two steps.
func TestANamespacesOwnPolicyIsRestoredAheadOfItsPods(t *testing.T) {
	s := newShop(t, false)
	require.NoError(t, api.Delete(t.Context(), s.policy))
	own := &v1alpha1.NamespacedHookPolicy{ObjectMeta: metav1.ObjectMeta{Name: "own", Namespace: s.namespace}, Spec: *s.policy.Spec.DeepCopy()}
	own.Spec.Selector.IncludedNamespaces = nil
	require.NoError(t, api.Create(t.Context(), own))
	s.backUp(s.namespace)

	policies := s.namespace + "-policies"
	s.restore(policies, s.namespace, "--include-resources", "namespaces,namespacedhookpolicies.quiesce.io,hookpolicies.quiesce.io",
		"--include-cluster-resources=true")
	s.requirePhase("restore", policies, "Completed")
	_, err := terminal.Run(t.Context(), "velero", "restore", "create", s.namespace, "--from-backup", s.namespace, "--wait")
	require.NoError(t, err)
	s.requirePhase("restore", s.namespace, "Completed")
	s.waitRunning()
	assert.Equal(t, []string{"quiesce-own-seed-load", "quiesce-own-fix-1", "own"}, names(s.initContainers()))
	assert.Equal(t, []string{"load " + strings.Join([]string{s.namespace, s.namespace, s.namespace, "shop"}, " "), "fix /data/log", "own", "app"}, s.log())
}
