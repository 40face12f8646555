package integration

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

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
			{APIGroups: []string{"quiesce.io"}, Resources: []string{"hooksessions", "hookruns", "hookscripts", "hooktemplates"}, Verbs: []string{"list", "patch"}},
			{APIGroups: []string{"quiesce.io"}, Resources: []string{"hooktemplates"}, Verbs: []string{"delete"}},
			{APIGroups: []string{"quiesce.io"}, Resources: []string{"hookpolicies", "namespacedhookpolicies"}, Verbs: []string{"list"}},
			{APIGroups: []string{"velero.io"}, Resources: []string{"backups", "restores"}, Verbs: []string{"get", "list", "patch"}},
			{APIGroups: []string{"velero.io"}, Resources: []string{"backupstoragelocations"}, Verbs: []string{"list"}},
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

// A controller that does not start, or a node that never comes back, does not keep Quiesce in the cluster for ever.
func TestAnUninstallGoesOnWithoutSessionsThatDoNotEnd(t *testing.T) {
	namespace := optedIn(t, nil)
	create(t, controllerDeployment()) // which nobody runs
	script, template := newScript("leaving"), newTemplate("leaving", scriptHook("flush", "leaving", v1alpha1.PreSnapshot))
	for _, object := range []client.Object{script, template} {
		object.SetFinalizers([]string{"example.com/kept", v1alpha1.InUseFinalizer})
		keepInLibrary(t, object)
	}
	session := &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Name: "stuck", Namespace: namespace, Finalizers: []string{v1alpha1.ThawFinalizer}},
		Spec:       v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationSnapshot},
	}
	create(t, session)
	session.Status = v1alpha1.HookSessionStatus{
		Phase: v1alpha1.PhaseThawing, Message: "waits for node n1",
		Window: &v1alpha1.Window{Deadline: &metav1.MicroTime{Time: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}},
	}
	require.NoError(t, api.Status().Update(t.Context(), session))
	var runs []*v1alpha1.HookRun
	for i, stage := range []v1alpha1.Stage{v1alpha1.PreSnapshot, v1alpha1.PostSnapshot} {
		run := &v1alpha1.HookRun{
			ObjectMeta: metav1.ObjectMeta{
				Name: "stuck-" + strings.ToLower(string(stage)), Namespace: namespace, Finalizers: []string{v1alpha1.ThawFinalizer},
				Labels: map[string]string{v1alpha1.SessionUIDLabel: string(session.UID)},
			},
			Spec: v1alpha1.HookRunSpec{
				Session: v1alpha1.ObjectRef{Name: session.Name, UID: session.UID}, Policy: v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "fs"},
				Stage: stage, Order: int32(i),
				Hook: v1alpha1.ResolvedHook{
					Name: "fs", Exec: &v1alpha1.ExecAction{Command: []string{"fsfreeze", string(stage)}}, OnError: v1alpha1.Fail,
					Timeout:     v1alpha1.Duration{Duration: time.Minute},
					HookConduct: v1alpha1.HookConduct{ExecutionPolicy: v1alpha1.Always, RunOn: v1alpha1.EachPod, WaitTimeout: v1alpha1.Duration{Duration: time.Minute}},
				},
				PodCount: 1, Pods: []v1alpha1.RunPod{{Name: "db-0", UID: "1", Container: "db"}},
			},
		}
		create(t, run)
		runs = append(runs, run)
	}
	runs[0].Status.State = v1alpha1.RunSucceeded
	runs[0].Status.Results = []v1alpha1.PodResult{{Pod: "db-0", Outcome: v1alpha1.ResultSucceeded}}
	require.NoError(t, api.Status().Update(t.Context(), runs[0]))

	started := time.Now()
	program := run(t, "quiesce-controller", "uninstall", "--kubeconfig="+uninstaller(t), "--namespace="+release, "--timeout=20s")
	<-program.exited
	assert.Zero(t, program.ProcessState.ExitCode(), program.told())
	assert.GreaterOrEqual(t, time.Since(started), 10*time.Second, "the sessions have half of the time")
	for _, says := range []string{
		"Cancelling sessions that are not over", "Half of the time has passed, and sessions are not over, such as HookSessions " + namespace + `/stuck, which says "waits for node n1"`,
		"HookSession " + namespace + "/stuck is not over, and may leave pods db-0 of namespace " + namespace + " quiesced. Their watchdogs thaw them at 2026-06-01T12:00:00Z",
		"  kubectl -n " + namespace + " exec db-0 -c db -- fsfreeze PostSnapshot",
		"Released sessions and their records, so that they can be deleted: 3",
		"Released scripts and templates, so that they can be deleted: ",
	} {
		assert.Contains(t, program.told(), says)
	}
	for _, object := range []client.Object{session, runs[0], runs[1]} {
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
		assert.Empty(t, object.GetFinalizers())
	}
	for _, object := range []client.Object{script, template} {
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
		assert.Equal(t, []string{"example.com/kept"}, object.GetFinalizers())
	}

	// And once more it does not wait at all.
	again := run(t, "quiesce-controller", "uninstall", "--kubeconfig="+program.Args[2][len("--kubeconfig="):], "--namespace="+release, "--timeout=20s")
	<-again.exited
	assert.Zero(t, again.ProcessState.ExitCode(), again.told())
	assert.Contains(t, again.told(), "There is no controller to end these sessions: HookSessions "+namespace+"/stuck")
}
