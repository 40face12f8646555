package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// createPod has the API server judge a pod of a Deployment in the namespace that TestMain labelled enforce=restricted.
func createPod(t *testing.T, deployment appsv1.Deployment, change func(*corev1.PodSpec)) error {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: deployment.Name + "-",
			Namespace:    deployment.Namespace,
			Labels:       deployment.Spec.Template.Labels,
			Annotations:  deployment.Spec.Template.Annotations,
		},
		Spec: *deployment.Spec.Template.Spec.DeepCopy(),
	}
	change(&pod.Spec)
	return server.Create(t.Context(), pod, client.DryRunAll)
}

func TestPodsMeetPodSecurityRestricted(t *testing.T) {
	for _, values := range valueFiles(t) {
		all := render(t, values)
		for _, name := range []string{"quiesce-webhook", "quiesce-controller"} {
			t.Run(values+" "+name, func(t *testing.T) {
				deployment := find[appsv1.Deployment](t, all, "Deployment", name)
				require.NoError(t, createPod(t, deployment, func(*corev1.PodSpec) {}))
			})
		}
	}
}

func TestPodSecurityWouldRefuseLess(t *testing.T) {
	deployment := find[appsv1.Deployment](t, render(t, "defaults.yaml"), "Deployment", "quiesce-webhook")
	tests := map[string]struct {
		change func(*corev1.PodSpec)
		says   string
	}{
		"root":         {func(pod *corev1.PodSpec) { pod.SecurityContext.RunAsNonRoot = nil }, "runAsNonRoot != true"},
		"no seccomp":   {func(pod *corev1.PodSpec) { pod.SecurityContext.SeccompProfile = nil }, "seccompProfile"},
		"capabilities": {func(pod *corev1.PodSpec) { pod.Containers[0].SecurityContext.Capabilities = nil }, "unrestricted capabilities"},
		"escalation":   {func(pod *corev1.PodSpec) { pod.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil }, "allowPrivilegeEscalation != false"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, createPod(t, deployment, test.change), test.says)
		})
	}
}

// Pod Security does not ask for these.
func TestPodsAreClosedFurtherThanRestricted(t *testing.T) {
	all := render(t, "defaults.yaml")
	for _, name := range []string{"quiesce-webhook", "quiesce-controller"} {
		pod := find[appsv1.Deployment](t, all, "Deployment", name).Spec.Template.Spec
		require.Len(t, pod.Containers, 1)
		assert.True(t, *pod.Containers[0].SecurityContext.ReadOnlyRootFilesystem)
		assert.Equal(t, int64(65532), *pod.SecurityContext.RunAsUser)
		assert.Contains(t, pod.Containers[0].Resources.Limits, corev1.ResourceMemory)
		assert.NotContains(t, pod.Containers[0].Resources.Limits, corev1.ResourceCPU)
	}
}
