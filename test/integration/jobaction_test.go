package integration

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// There is no Job controller here, no kubelet and no garbage collector: the tests write what those would write.

// jobScene is a namespace in which hooks run Jobs, with the rights of the controller and no more.
type jobScene struct {
	t         *testing.T
	jobs      *action.Jobs
	namespace string
}

func newJobScene(t *testing.T, labels map[string]string) *jobScene {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "jobs-", Labels: labels}}
	create(t, namespace)
	var roles []client.Object
	for _, role := range generatedRoles(t, "quiesce-controller") {
		if role, is := role.(*rbacv1.ClusterRole); is {
			role.Name = namespace.Name
			roles = append(roles, role)
		}
	}
	access, err := clientcmd.BuildConfigFromFlags("", kubeconfig(t, namespace.Name, roles...))
	require.NoError(t, err)
	jobs, err := action.NewJobs(rest.CopyConfig(access), action.JobOptions{})
	require.NoError(t, err)
	return &jobScene{t, jobs, namespace.Name}
}

func (s *jobScene) request(changes ...func(*batchv1.JobTemplateSpec)) action.JobRequest {
	request := action.JobRequest{
		Namespace: s.namespace, Name: "upload", Timeout: time.Minute,
		Env: []corev1.EnvVar{{Name: v1alpha1.StageEnv, Value: string(v1alpha1.PostBackup)}}, Labels: map[string]string{v1alpha1.StageLabel: "PostBackup"},
		Owner: metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "HookRun", Name: "run", UID: "1b7e7e0c-run", BlockOwnerDeletion: new(true)},
	}
	request.Template.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "missing.example.com/tools:1"}}
	for _, change := range changes {
		change(&request.Template)
	}
	return request
}

func (s *jobScene) run(ctx context.Context, request action.JobRequest) <-chan action.Result {
	results := make(chan action.Result, 1)
	go func() { results <- s.jobs.Run(ctx, request) }()
	return results
}

func (s *jobScene) result(results <-chan action.Result) action.Result {
	s.t.Helper()
	select {
	case result := <-results:
		return result
	case <-time.After(patience):
		require.Fail(s.t, "the Job's result did not come")
		return action.Result{}
	}
}

// job is the Job, once it is as it is to be.
func (s *jobScene) job(is func(*batchv1.Job) bool) *batchv1.Job {
	s.t.Helper()
	job := &batchv1.Job{}
	require.Eventually(s.t, func() bool {
		err := api.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "upload"}, job)
		return err == nil && is(job)
	}, patience, tick)
	return job
}

func isThere(*batchv1.Job) bool { return true }

func isToEnd(job *batchv1.Job) bool { return *job.Spec.ActiveDeadlineSeconds == 0 }

// pod creates the Job's pod, with a state of its container.
func (s *jobScene) pod(job *batchv1.Job, phase corev1.PodPhase, state corev1.ContainerState) *corev1.Pod {
	s.t.Helper()
	pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: job.Spec.Template.Spec}
	pod.Namespace, pod.Name = s.namespace, "upload-x"
	create(s.t, pod)
	pod.Status = corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{Name: "main", State: state}}}
	require.NoError(s.t, api.Status().Update(s.t.Context(), pod))
	return pod
}

// end has the Job end as the Job controller does, in two steps.
func (s *jobScene) end(job *batchv1.Job, first, last batchv1.JobConditionType, reason string) {
	s.t.Helper()
	if job.Status.StartTime == nil {
		job.Status.StartTime = new(metav1.Now())
	}
	for _, kind := range []batchv1.JobConditionType{first, last} {
		now := metav1.Now()
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, LastTransitionTime: now, LastProbeTime: now})
		if kind == batchv1.JobComplete {
			job.Status.CompletionTime = &now
		}
		job.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
		require.NoError(s.t, api.Status().Update(s.t.Context(), job))
	}
}

func TestAJobOfAHookIsCreatedFollowedAndEnded(t *testing.T) {
	t.Run("one that is complete has succeeded", func(t *testing.T) {
		s := newJobScene(t, nil)
		results := s.run(t.Context(), s.request())
		job := s.job(isThere)
		assert.Equal(t, "PostBackup", job.Labels[v1alpha1.StageLabel])
		assert.Equal(t, []metav1.OwnerReference{{APIVersion: "quiesce.io/v1alpha1", Kind: "HookRun", Name: "run", UID: "1b7e7e0c-run"}}, job.OwnerReferences)
		assert.Equal(t, int64(70), *job.Spec.ActiveDeadlineSeconds)
		assert.Equal(t, "true", job.Spec.Template.Annotations[v1alpha1.SkipAnnotation])
		assert.Equal(t, []corev1.EnvVar{{Name: "QUIESCE_STAGE", Value: "PostBackup"}}, job.Spec.Template.Spec.Containers[0].Env)
		s.end(job, batchv1.JobSuccessCriteriaMet, batchv1.JobComplete, batchv1.JobReasonCompletionsReached)
		result := s.result(results)
		assert.Equal(t, action.Succeeded, result.Reason, result.Message)
		again := s.result(s.run(t.Context(), s.request()))
		assert.Equal(t, action.Succeeded, again.Reason, "a controller that comes later finds how it ended")
	})
	t.Run("one that failed tells its container's code", func(t *testing.T) {
		s := newJobScene(t, nil)
		results := s.run(t.Context(), s.request())
		job := s.job(isThere)
		now := metav1.Now()
		s.pod(job, corev1.PodFailed, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 7, Reason: "Error", StartedAt: now, FinishedAt: now}})
		s.end(job, batchv1.JobFailureTarget, batchv1.JobFailed, batchv1.JobReasonBackoffLimitExceeded)
		result := s.result(results)
		assert.Equal(t, action.ExitCode, result.Reason)
		assert.Equal(t, "7", result.CodeText())
		assert.Equal(t, action.HasEnded, result.Process)
		assert.Equal(t, "Job "+s.namespace+"/upload failed (BackoffLimitExceeded): container main of pod upload-x ended with code 7", result.Message)
	})
	t.Run("one whose image does not exist ends with its time, and names the image", func(t *testing.T) {
		s := newJobScene(t, nil)
		request := s.request()
		request.Timeout = 3 * time.Second
		results := s.run(t.Context(), request)
		pod := s.pod(s.job(isThere), corev1.PodPending, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image"}})
		job := s.job(isToEnd)
		require.NoError(t, api.Delete(t.Context(), pod, client.GracePeriodSeconds(0)))
		s.end(job, batchv1.JobFailureTarget, batchv1.JobFailed, batchv1.JobReasonDeadlineExceeded)
		result := s.result(results)
		assert.Equal(t, action.TimedOut, result.Reason)
		assert.Equal(t, action.HasEnded, result.Process)
		assert.Equal(t, "Job "+s.namespace+`/upload did not end within its timeout of 3s and was ended: container main of pod upload-x, `+
			`image "missing.example.com/tools:1", cannot be started: ImagePullBackOff: Back-off pulling image`, result.Message)
	})
	t.Run("one that got no pod tells what its events say", func(t *testing.T) {
		s := newJobScene(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		results := s.run(ctx, s.request())
		job := s.job(isThere)
		create(t, &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "upload.1"}, Type: corev1.EventTypeWarning, Reason: "FailedCreate", Message: "Error creating: exceeded quota",
			InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: s.namespace, Name: "upload", UID: job.UID}, LastTimestamp: metav1.Now(),
		})
		cancel()
		s.end(s.job(isToEnd), batchv1.JobFailureTarget, batchv1.JobFailed, batchv1.JobReasonDeadlineExceeded)
		result := s.result(results)
		assert.Equal(t, action.Cancelled, result.Reason)
		assert.Equal(t, "Job "+s.namespace+"/upload was cancelled and was ended: no pod could be created for it: FailedCreate: Error creating: exceeded quota", result.Message)
	})
	t.Run("one that another controller left is ended by its owner alone", func(t *testing.T) {
		s := newJobScene(t, nil)
		ctx, leave := context.WithCancel(t.Context())
		results := s.run(ctx, s.request())
		job := s.job(isThere)
		pod := s.pod(job, corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
		assert.Equal(t, action.HasEnded, s.jobs.End(t.Context(), s.namespace, "upload", "another"))
		assert.Equal(t, int64(70), *s.job(isThere).Spec.ActiveDeadlineSeconds)
		processes := make(chan action.Process, 1)
		go func() { processes <- s.jobs.End(t.Context(), s.namespace, "upload", "1b7e7e0c-run") }()
		job = s.job(isToEnd)
		require.NoError(t, api.Delete(t.Context(), pod, client.GracePeriodSeconds(0)))
		s.end(job, batchv1.JobFailureTarget, batchv1.JobFailed, batchv1.JobReasonDeadlineExceeded)
		assert.Equal(t, action.HasEnded, <-processes)
		leave()
		assert.Equal(t, action.HasEnded, s.result(results).Process)
		assert.Equal(t, action.HasEnded, s.jobs.End(t.Context(), s.namespace, "upload", "1b7e7e0c-run"), "as often as one likes")
	})
	t.Run("one that is deleted is not taken for one that ended", func(t *testing.T) {
		s := newJobScene(t, nil)
		results := s.run(t.Context(), s.request())
		require.NoError(t, api.Delete(t.Context(), s.job(isThere), client.PropagationPolicy(metav1.DeletePropagationBackground)))
		assert.Equal(t, action.Unknown, s.result(results).Reason)
	})
}

func TestWhatTheAPIServerWouldRefuseOfAJobIsKnownAheadOfIt(t *testing.T) {
	pod := func(change func(*corev1.PodSpec)) func(*batchv1.JobTemplateSpec) {
		return func(template *batchv1.JobTemplateSpec) { change(&template.Spec.Template.Spec) }
	}
	quota := func(what corev1.ResourceName) client.Object {
		hard := corev1.ResourceList{what: resource.MustParse("0")}
		return &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "none"}, Spec: corev1.ResourceQuotaSpec{Hard: hard},
			// As the quota controller would write it.
			Status: corev1.ResourceQuotaStatus{Hard: hard, Used: corev1.ResourceList{what: resource.MustParse("0")}},
		}
	}
	restricted := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	tests := map[string]struct {
		labels  map[string]string
		there   client.Object
		change  func(*batchv1.JobTemplateSpec)
		reason  action.Reason
		message string
	}{
		"nothing": {reason: ""},
		"a mistake in the Job": {
			change: func(template *batchv1.JobTemplateSpec) { template.Spec.BackoffLimit = new(int32(-1)) },
			reason: action.Refused, message: "spec.backoffLimit",
		},
		"a mistake in its pods": {
			change: pod(func(spec *corev1.PodSpec) {
				spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "none", MountPath: "/x"}}
			}),
			reason: action.Refused, message: "spec.template.spec.containers[0].volumeMounts[0].name",
		},
		"Pod Security": {labels: restricted, reason: action.Forbidden, message: `violates PodSecurity "restricted:latest"`},
		"Pod Security, and nothing against it": {labels: restricted, change: pod(func(spec *corev1.PodSpec) {
			spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
			spec.Containers[0].SecurityContext = &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
		})},
		"a quota of Jobs": {there: quota("count/jobs.batch"), reason: action.Forbidden, message: "exceeded quota: none, requested: count/jobs.batch=1"},
		"a quota of pods": {there: quota(corev1.ResourcePods), reason: action.Forbidden, message: "exceeded quota: none, requested: pods=1"},
		"a LimitRange": {
			there: &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "least"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{
				{Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}},
			}}},
			change: pod(func(spec *corev1.PodSpec) {
				spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")}
			}),
			reason: action.Forbidden, message: "maximum memory usage per Container is 1Gi",
		},
		"a ServiceAccount": {
			change: pod(func(spec *corev1.PodSpec) { spec.ServiceAccountName = "root" }),
			reason: action.Refused, message: "sessions.jobServiceAccounts",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newJobScene(t, test.labels)
			if test.there != nil {
				test.there.SetNamespace(s.namespace)
				before, err := json.Marshal(test.there)
				require.NoError(t, err)
				create(t, test.there)
				if quota, is := test.there.(*corev1.ResourceQuota); is {
					version := quota.ResourceVersion
					require.NoError(t, json.Unmarshal(before, quota))
					quota.ResourceVersion = version
					require.NoError(t, api.Status().Update(t.Context(), quota))
				}
			}
			request := s.request()
			if test.change != nil {
				test.change(&request.Template)
			}
			found := func() *action.Result { return s.jobs.Check(t.Context(), request) }
			if test.message == "" {
				assert.Nil(t, found())
			} else {
				// Admission hears of quotas and the like a moment after they are there.
				require.Eventually(t, func() bool { return found() != nil }, patience, tick)
				assert.Equal(t, test.reason, found().Reason)
				assert.Equal(t, action.NeverRan, found().Process)
				assert.Contains(t, found().Message, test.message)
			}
			var jobs batchv1.JobList
			require.NoError(t, api.List(t.Context(), &jobs, client.InNamespace(s.namespace)))
			assert.Empty(t, jobs.Items, "it was only asked")
		})
	}
}
