package action

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// jobRequest is a good one, its template changed.
func jobRequest(changes ...func(*batchv1.JobTemplateSpec)) JobRequest {
	request := JobRequest{
		Namespace: "shop", Name: "upload-1", Timeout: 30 * time.Second,
		Owner: metav1.OwnerReference{APIVersion: "quiesce.io/v1alpha1", Kind: "HookRun", Name: "run", UID: "run-uid"},
	}
	request.Template.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "tools:1"}}
	for _, change := range changes {
		change(&request.Template)
	}
	return request
}

func TestAJobHasTheDefaultsOfHooks(t *testing.T) {
	request := jobRequest()
	request.Timeout = 1500 * time.Millisecond
	job := (&Jobs{}).build(request)
	assert.Equal(t, "shop", job.Namespace)
	assert.Equal(t, "upload-1", job.Name)
	assert.Equal(t, []metav1.OwnerReference{request.Owner}, job.OwnerReferences)
	assert.Equal(t, int32(0), *job.Spec.BackoffLimit)
	assert.Equal(t, int32(3600), *job.Spec.TTLSecondsAfterFinished)
	assert.Equal(t, int64(12), *job.Spec.ActiveDeadlineSeconds, "the timeout rounded up, and a margin")
	pod := job.Spec.Template.Spec
	assert.Equal(t, int64(12), *pod.ActiveDeadlineSeconds)
	assert.Equal(t, int64(10), *pod.TerminationGracePeriodSeconds)
	assert.Equal(t, corev1.RestartPolicyNever, pod.RestartPolicy)
	assert.False(t, *pod.AutomountServiceAccountToken)
	assert.Equal(t, map[string]string{v1alpha1.SkipAnnotation: "true"}, job.Spec.Template.Annotations)
	assert.Equal(t, jobRequest().Template, request.Template, "what was asked for is not changed")
}

func TestATemplateKeepsWhatItSays(t *testing.T) {
	request := jobRequest(func(template *batchv1.JobTemplateSpec) {
		template.Labels, template.Annotations = map[string]string{"team": "a", "ours": "no"}, map[string]string{"note": "x"}
		template.Name, template.Namespace, template.GenerateName = "other", "elsewhere", "other-"
		template.OwnerReferences, template.Finalizers = []metav1.OwnerReference{{UID: "other"}}, []string{"example.com/keep"}
		spec := &template.Spec
		spec.BackoffLimit, spec.TTLSecondsAfterFinished, spec.ActiveDeadlineSeconds = new(int32(2)), new(int32(600)), new(int64(5))
		spec.Parallelism, spec.Completions = new(int32(3)), new(int32(3))
		spec.Template.Labels = map[string]string{"tier": "b"}
		spec.Template.Annotations = map[string]string{v1alpha1.SkipAnnotation: "false", "note": "y"}
		spec.Template.Name, spec.Template.Finalizers = "pod", []string{"example.com/keep"}
		pod := &spec.Template.Spec
		pod.RestartPolicy, pod.TerminationGracePeriodSeconds, pod.ActiveDeadlineSeconds = corev1.RestartPolicyOnFailure, new(int64(1)), new(int64(4))
		pod.AutomountServiceAccountToken, pod.ServiceAccountName = new(true), "uploader"
	})
	request.Labels = map[string]string{"ours": "yes"}
	job := (&Jobs{options: JobOptions{ServiceAccounts: true}}).build(request)
	assert.Equal(t, metav1.ObjectMeta{
		Namespace: "shop", Name: "upload-1", OwnerReferences: []metav1.OwnerReference{request.Owner},
		Labels: map[string]string{"team": "a", "ours": "yes"}, Annotations: map[string]string{"note": "x"},
	}, job.ObjectMeta)
	assert.Equal(t, metav1.ObjectMeta{
		Labels: map[string]string{"tier": "b", "ours": "yes"}, Annotations: map[string]string{v1alpha1.SkipAnnotation: "true", "note": "y"},
	}, job.Spec.Template.ObjectMeta)
	want := request.Template.DeepCopy().Spec
	want.Template.ObjectMeta = job.Spec.Template.ObjectMeta
	assert.Equal(t, want, job.Spec)
}

func TestAJobNeverOutlivesItsTimeoutByItsTemplate(t *testing.T) {
	job := (&Jobs{}).build(jobRequest(func(template *batchv1.JobTemplateSpec) {
		template.Spec.ActiveDeadlineSeconds, template.Spec.Template.Spec.ActiveDeadlineSeconds = new(int64(900)), new(int64(900))
	}))
	assert.Equal(t, int64(40), *job.Spec.ActiveDeadlineSeconds)
	assert.Equal(t, int64(40), *job.Spec.Template.Spec.ActiveDeadlineSeconds)
}

func TestEveryContainerOfAJobHasOurVariablesAheadOfItsOwn(t *testing.T) {
	request := jobRequest(func(template *batchv1.JobTemplateSpec) {
		pod := &template.Spec.Template.Spec
		pod.Containers[0].Env = []corev1.EnvVar{{Name: "STAGE", Value: "theirs"}, {Name: "TO", Value: "$(STAGE).tar"}}
		pod.InitContainers = []corev1.Container{{Name: "setup", Image: "tools:1"}}
	})
	request.Env = []corev1.EnvVar{{Name: "STAGE", Value: "PreBackup"}, {Name: "HOOK", Value: "upload"}}
	pod := (&Jobs{}).build(request).Spec.Template.Spec
	assert.Equal(t, []corev1.EnvVar{{Name: "STAGE", Value: "PreBackup"}, {Name: "HOOK", Value: "upload"}, {Name: "TO", Value: "$(STAGE).tar"}}, pod.Containers[0].Env)
	assert.Equal(t, request.Env, pod.InitContainers[0].Env)
}

func TestAServiceAccountIsOnlyForJobsThatMayHaveOne(t *testing.T) {
	pod := func(change func(*corev1.PodSpec)) JobRequest {
		return jobRequest(func(template *batchv1.JobTemplateSpec) { change(&template.Spec.Template.Spec) })
	}
	projected := func(source corev1.VolumeProjection) func(*corev1.PodSpec) {
		return func(spec *corev1.PodSpec) {
			spec.Volumes = []corev1.Volume{{Name: "identity", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{source}}}}}
		}
	}
	tests := map[string]struct {
		request JobRequest
		refused string
	}{
		"none":                         {jobRequest(), ""},
		"the default one, by its name": {pod(func(s *corev1.PodSpec) { s.ServiceAccountName = "default" }), ""},
		"no token, in so many words":   {pod(func(s *corev1.PodSpec) { s.AutomountServiceAccountToken = new(false) }), ""},
		"a ConfigMap in a volume":      {pod(projected(corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{}})), ""},
		"one of its own":               {pod(func(s *corev1.PodSpec) { s.ServiceAccountName = "root" }), "spec.template.spec.serviceAccountName root"},
		"one by the old field":         {pod(func(s *corev1.PodSpec) { s.DeprecatedServiceAccount = "root" }), "spec.template.spec.serviceAccount root"},
		"the default one's token":      {pod(func(s *corev1.PodSpec) { s.AutomountServiceAccountToken = new(true) }), "spec.template.spec.automountServiceAccountToken true"},
		"a token in a volume":          {pod(projected(corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{}})), "a ServiceAccount's token or certificate in spec.template.spec.volumes[identity]"},
		"a certificate in a volume":    {pod(projected(corev1.VolumeProjection{PodCertificate: &corev1.PodCertificateProjection{}})), "a ServiceAccount's token or certificate in spec.template.spec.volumes[identity]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Nil(t, (&Jobs{options: JobOptions{ServiceAccounts: true}}).refuse(test.request))
			refused := (&Jobs{}).refuse(test.request)
			if test.refused == "" {
				assert.Nil(t, refused)
				return
			}
			require.NotNil(t, refused)
			assert.Equal(t, Refused, refused.Reason)
			assert.Equal(t, NeverRan, refused.Process)
			assert.Equal(t, "Job shop/upload-1: its template has "+test.refused+", which hooks may not use here: leave it out, "+
				"or have an administrator set the chart's value sessions.jobServiceAccounts", refused.Message)
		})
	}
}
