//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// newJobs has the rights of the controller.
func newJobs(t *testing.T) *action.Jobs {
	t.Helper()
	config := rest.CopyConfig(clusterConfig)
	config.Impersonate.UserName = "system:serviceaccount:" + walkthrough.Release + ":quiesce-controller"
	jobs, err := action.NewJobs(config, action.JobOptions{})
	require.NoError(t, err)
	return jobs
}

// jobRequest is a Job of one container. What owns it is there, or it would be deleted as garbage.
func (s *scene) jobRequest(name string, timeout time.Duration, command ...string) action.JobRequest {
	s.t.Helper()
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
	require.NoError(s.t, api.Create(s.t.Context(), owner))
	request := action.JobRequest{
		Namespace: s.namespace, Name: name, Timeout: timeout,
		Env:   []corev1.EnvVar{{Name: v1alpha1.StageEnv, Value: string(v1alpha1.PostBackup)}},
		Owner: metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: name, UID: owner.UID},
	}
	request.Template.Spec.Template.Spec.Containers = []corev1.Container{
		{Name: "main", Image: "quiesce.test/busybox:1.35", ImagePullPolicy: corev1.PullIfNotPresent, Command: command},
	}
	return request
}

func (s *scene) podsOf(job string) []corev1.Pod {
	s.t.Helper()
	var pods corev1.PodList
	require.NoError(s.t, api.List(s.t.Context(), &pods, client.InNamespace(s.namespace), client.MatchingLabels{batchv1.JobNameLabel: job}))
	return pods.Items
}

func TestJobsEndAsTheirContainersSay(t *testing.T) {
	t.Parallel()
	s, jobs := newScene(t, optedIn), newJobs(t)
	again := func(request action.JobRequest) action.JobRequest {
		request.Template.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
		return request
	}
	ahead := func(request action.JobRequest) action.JobRequest {
		pod := &request.Template.Spec.Template.Spec
		first := pod.Containers[0]
		first.Name, first.Command = "ahead", shell("echo ahead; exit 5")
		pod.InitContainers = []corev1.Container{first}
		return request
	}
	tests := map[string]struct {
		request action.JobRequest
		reason  action.Reason
		code    string
		output  string
		message string
	}{
		"success, with our variables and no token": {
			s.jobRequest("well", time.Minute, shell(`test "$QUIESCE_STAGE" = PostBackup && ! test -e /var/run/secrets/kubernetes.io/serviceaccount`)...),
			action.Succeeded, "0", "", "is complete",
		},
		"a code": {
			s.jobRequest("code", time.Minute, shell("echo out; echo err >&2; exit 3")...),
			action.ExitCode, "3", "out\nerr\n", "container main of pod code-",
		},
		"a code of a container that would be started again": {
			again(s.jobRequest("again", time.Minute, shell("exit 4")...)), action.ExitCode, "4", "", "container main of pod again-",
		},
		"a code of an init container": {
			ahead(s.jobRequest("ahead", time.Minute, "true")), action.ExitCode, "5", "ahead\n", "container ahead of pod ahead-",
		},
		"a program that is not there": {
			s.jobRequest("none", time.Minute, "no-such-program"), action.NotStarted, "N/A", "", "no-such-program",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := jobs.Run(t.Context(), test.request)
			assert.Equal(t, test.reason, result.Reason, result.Message)
			assert.Equal(t, test.code, result.CodeText())
			// What a program writes to two streams the container runtime takes from two pipes, in no certain order.
			assert.ElementsMatch(t, strings.Split(test.output, "\n"), strings.Split(result.Output, "\n"))
			assert.Contains(t, result.Message, test.message)
			assert.Equal(t, action.HasEnded, result.Process)
			for _, pod := range s.podsOf(test.request.Name) {
				assert.Empty(t, pod.Annotations[v1alpha1.StampAnnotation], "no hooks for the pod of a hook")
			}
		})
	}
}

func TestAJobThatDoesNotComeToItsEndIsEnded(t *testing.T) {
	t.Parallel()
	s, jobs := newScene(t, nil), newJobs(t)
	missing := s.jobRequest("missing", 10*time.Second, "true")
	missing.Template.Spec.Template.Spec.Containers[0].Image = "quiesce.test/no-such-image:1"
	large := s.jobRequest("large", 5*time.Second, "true")
	large.Template.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1000")}
	secret := s.jobRequest("secret", 10*time.Second, "true")
	secret.Template.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{
		{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "no-such-secret"}}},
	}
	tests := map[string]struct {
		request action.JobRequest
		within  time.Duration
		output  string
		message string
	}{
		"its image does not exist": {missing, 20 * time.Second, "", `image "quiesce.test/no-such-image:1", cannot be started`},
		"no node takes it":         {large, 15 * time.Second, "", "Unschedulable"},
		"a Secret is missing":      {secret, 20 * time.Second, "", "no-such-secret"},
		"it does not listen": {
			s.jobRequest("deaf", 10*time.Second, shell("trap '' TERM; echo begun; while :; do sleep 1; done")...), 40 * time.Second, "begun\n", "still ran",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := jobs.Run(t.Context(), test.request)
			assert.Equal(t, action.TimedOut, result.Reason)
			assert.Equal(t, action.HasEnded, result.Process, result.Message)
			assert.Contains(t, result.Message, test.message)
			assert.Equal(t, test.output, result.Output)
			assert.Less(t, result.Duration, test.within)
			job := &batchv1.Job{}
			require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: test.request.Name}, job), "it stays for people to look at")
			for _, pod := range s.podsOf(test.request.Name) {
				assert.Contains(t, []corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed}, pod.Status.Phase, "nothing runs")
			}
		})
	}
}

func TestAQuotaWithoutRoomForAJobsPodsIsTold(t *testing.T) {
	t.Parallel()
	s, jobs := newScene(t, nil), newJobs(t)
	require.NoError(t, api.Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "none"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}},
	}))
	request := s.jobRequest("crowded", 5*time.Second, "true")
	require.Eventually(t, func() bool { return jobs.Check(t.Context(), request) != nil }, patience, tick)
	ahead := jobs.Check(t.Context(), request)
	require.NotNil(t, ahead)
	assert.Equal(t, action.Forbidden, ahead.Reason)
	assert.Contains(t, ahead.Message, "exceeded quota: none")
	result := jobs.Run(t.Context(), request)
	assert.Equal(t, action.TimedOut, result.Reason)
	assert.Contains(t, result.Message, "exceeded quota: none")
	assert.Equal(t, action.HasEnded, result.Process)
}
