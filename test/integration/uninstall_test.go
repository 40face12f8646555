package integration

import (
	"context"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// uninstaller is a kubeconfig with the rights that the chart gives the Job that uninstalls.
func uninstaller(t *testing.T) string {
	t.Helper()
	return kubeconfig(t, "quiesce-uninstall",
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-uninstall"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list", "patch"}},
			{APIGroups: []string{"quiesce.io"}, Resources: []string{"hooksessions", "hookruns"}, Verbs: []string{"list", "patch"}},
			{APIGroups: []string{"admissionregistration.k8s.io"}, Verbs: []string{"delete"}, ResourceNames: []string{"quiesce-webhook"},
				Resources: []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}},
		}},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-uninstall", Namespace: release}, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"apps"}, Resources: []string{"deployments", "deployments/scale"},
			ResourceNames: []string{"quiesce-controller"}, Verbs: []string{"get", "patch"},
		}}},
	)
}

// controllerDeployment is what the chart makes. Nobody runs it here but the test.
func controllerDeployment() *appsv1.Deployment {
	labels := map[string]string{"app.kubernetes.io/component": "controller"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "quiesce-controller", Namespace: release},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "controller", Image: "x"}}},
			},
		},
	}
}

func TestUninstallLeavesNothingOfOursAndAllOfTheUsers(t *testing.T) {
	namespace := optedIn(t, nil)
	create(t, bothSides("leaving"))
	controller := startController(t)
	users := map[string]string{"example.com/note": "\n~/ ü <&>", "hook.restore.velero.io/x": "his", v1alpha1.SkipPoliciesAnnotation: "another"}
	var pods []*corev1.Pod
	for range 20 {
		pod := appPod(namespace, "leaving")
		pod.Annotations = maps.Clone(users)
		create(t, pod)
		pods = append(pods, pod)
	}
	waitCommands(t, namespace, "leaving", map[string]int{`["flush","leaving"]`: 20})
	edited := pods[0]
	change(t, edited, `{"metadata":{"annotations":{"post.hook.backup.velero.io/timeout":"9s"}}}`)
	waitCommands(t, namespace, "leaving", map[string]int{`["flush","leaving"]`: 19, "": 1})
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(edited), edited))
	ended := pods[1]
	change := client.MergeFrom(ended.DeepCopy())
	ended.Status.Phase = corev1.PodSucceeded
	require.NoError(t, api.Status().Patch(t.Context(), ended, change))
	for _, object := range []client.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook"}},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook"}},
	} {
		create(t, object)
	}
	deployment := controllerDeployment()
	create(t, deployment)
	replica := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "quiesce-controller-0", Namespace: release, Labels: deployment.Spec.Selector.MatchLabels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "controller", Image: "x"}}},
	}
	create(t, replica)

	account := uninstaller(t)
	arguments := []string{"uninstall", "--kubeconfig=" + account, "--namespace=" + release}
	impatient := run(t, "quiesce-controller", append(arguments, "--timeout=1s")...)
	<-impatient.exited
	assert.Equal(t, 1, impatient.ProcessState.ExitCode())
	assert.Contains(t, impatient.told(), "the time limit has passed, and the controller still runs in pods "+release+"/quiesce-controller-0")
	counts, err := commands(t.Context(), namespace, "leaving")
	require.NoError(t, err)
	assert.Equal(t, 19, counts[`["flush","leaving"]`], "while the controller runs, it would stamp again")

	patient := run(t, "quiesce-controller", arguments...)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment))
		require.Zero(c, *deployment.Spec.Replicas)
	}, patience, tick)
	require.NoError(t, controller.Process.Kill())
	<-controller.exited
	require.NoError(t, api.Delete(t.Context(), replica, client.GracePeriodSeconds(0)))
	<-patient.exited
	assert.Zero(t, patient.ProcessState.ExitCode(), patient.told())
	for _, pod := range pods[1:] {
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(pod), pod))
		assert.Equal(t, users, pod.Annotations)
	}
	before := maps.Clone(edited.Annotations)
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(edited), edited))
	assert.Equal(t, before, edited.Annotations)
	for _, configuration := range []client.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{}} {
		assert.True(t, apierrors.IsNotFound(api.Get(context.Background(), client.ObjectKey{Name: "quiesce-webhook"}, configuration)))
	}

	// And once more, where there is nothing left to do, not even the Deployment.
	require.NoError(t, api.Delete(t.Context(), deployment))
	again := run(t, "quiesce-controller", arguments...)
	<-again.exited
	assert.Zero(t, again.ProcessState.ExitCode(), again.told())
	assert.Contains(t, again.told(), "No pod carries annotations of Quiesce")
}

func TestAnUninstallThatCannotFinishSaysWhatIsLeft(t *testing.T) {
	namespace := optedIn(t, nil)
	create(t, bothSides("stuck"))
	controller := startController(t)
	pod := appPod(namespace, "stuck")
	create(t, pod)
	waitCommand(t, pod, `["flush","stuck"]`)
	require.NoError(t, controller.Process.Kill())
	<-controller.exited
	forbidUpdates(t, namespace)
	stuck := run(t, "quiesce-controller", "uninstall", "--kubeconfig="+uninstaller(t), "--namespace="+release, "--timeout=5s")
	<-stuck.exited
	assert.Equal(t, 1, stuck.ProcessState.ExitCode())
	assert.Contains(t, stuck.told(), "annotations of Quiesce are left on pods "+namespace+"/"+pod.Name)
	assert.Contains(t, stuck.told(), "nobody touches pods here")
}
