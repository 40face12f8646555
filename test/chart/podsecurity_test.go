package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// createPod has the API server judge a pod of a template in the namespace that TestMain labelled enforce=restricted.
func createPod(t *testing.T, template corev1.PodTemplateSpec, change func(*corev1.PodSpec)) error {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "of-a-template-",
			Namespace:    namespace,
			Labels:       template.Labels,
			Annotations:  template.Annotations,
		},
		Spec: *template.Spec.DeepCopy(),
	}
	change(&pod.Spec)
	return server.Create(t.Context(), pod, client.DryRunAll)
}

// templates are those of all pods that the chart has run, by the names of their owners.
func templates(t *testing.T, all []*unstructured.Unstructured) map[string]corev1.PodTemplateSpec {
	t.Helper()
	found := map[string]corev1.PodTemplateSpec{}
	for _, name := range names(all, "Deployment") {
		found[name] = find[appsv1.Deployment](t, all, "Deployment", name).Spec.Template
	}
	for _, name := range names(all, "Job") {
		found[name] = find[batchv1.Job](t, all, "Job", name).Spec.Template
	}
	return found
}

func TestPodsMeetPodSecurityRestricted(t *testing.T) {
	for _, values := range valueFiles(t) {
		for name, template := range templates(t, render(t, values)) {
			t.Run(values+" "+name, func(t *testing.T) {
				require.NoError(t, createPod(t, template, func(*corev1.PodSpec) {}))
			})
		}
	}
}

func TestPodSecurityWouldRefuseLess(t *testing.T) {
	template := templates(t, render(t, "defaults.yaml"))["quiesce-webhook"]
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
			assert.ErrorContains(t, createPod(t, template, test.change), test.says)
		})
	}
}

// Pod Security does not ask for these.
func TestPodsAreClosedFurtherThanRestricted(t *testing.T) {
	all := templates(t, render(t, "defaults.yaml"))
	require.Len(t, all, 3)
	for _, template := range all {
		pod := template.Spec
		require.Len(t, pod.Containers, 1)
		assert.True(t, *pod.Containers[0].SecurityContext.ReadOnlyRootFilesystem)
		assert.Equal(t, int64(65532), *pod.SecurityContext.RunAsUser)
		assert.Contains(t, pod.Containers[0].Resources.Limits, corev1.ResourceMemory)
		assert.NotContains(t, pod.Containers[0].Resources.Limits, corev1.ResourceCPU)
	}
}
