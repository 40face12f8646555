package match

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// jobHook is a good one, its Job changed.
func jobHook(changes ...func(*batchv1.JobSpec)) v1alpha1.Hook {
	job := &v1alpha1.JobAction{}
	job.Template.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "tools:1"}}
	for _, change := range changes {
		change(&job.Template.Spec)
	}
	return v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PostBackup}, Job: job}
}

func jobPod(change func(*corev1.PodSpec)) v1alpha1.Hook {
	return jobHook(func(job *batchv1.JobSpec) { change(&job.Template.Spec) })
}

// jobContainers are as many good ones, from a first letter on.
func jobContainers(first rune, count int) []corev1.Container {
	all := make([]corev1.Container, count)
	for i := range all {
		all[i] = corev1.Container{Name: string(first + rune(i)), Image: "tools:1"}
	}
	return all
}

func TestAJobThatCouldNotRunOrBeFollowedIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	tests := map[string]struct {
		hook v1alpha1.Hook
		want string // after spec.hooks[a].job.template
	}{
		"no container": {jobPod(func(s *corev1.PodSpec) { s.Containers = nil }), ".spec.template.spec.containers: write at least one container, with a name, an image and a command"},
		"none but one that comes first": {jobPod(func(s *corev1.PodSpec) { s.InitContainers, s.Containers = s.Containers, nil }),
			".spec.template.spec.containers: write at least one container"},
		"too many": {jobPod(func(s *corev1.PodSpec) { s.InitContainers, s.Containers = jobContainers('a', 9), jobContainers('j', 8) }),
			".spec.template.spec.containers: with initContainers there are 17: write at most 16"},
		"no name": {jobPod(func(s *corev1.PodSpec) { s.Containers[0].Name = "" }),
			`.spec.template.spec.containers[0].name: "": write lower-case letters, digits and hyphens, such as upload`},
		"a name that can be none": {jobPod(func(s *corev1.PodSpec) { s.Containers[0].Name = "Main" }),
			`.spec.template.spec.containers[0].name: "Main": write lower-case letters`},
		"two of a name": {jobPod(func(s *corev1.PodSpec) { s.InitContainers = jobContainers('a', 2); s.Containers[0].Name = "b" }),
			`.spec.template.spec.containers[0].name: "b" is taken: give each container a name of its own, init containers included`},
		"no image": {jobPod(func(s *corev1.PodSpec) { s.Containers[0].Image = "" }),
			".spec.template.spec.containers[0].image: write the image that the container is to run, such as busybox:1.36"},
		"an image that can be none": {jobPod(func(s *corev1.PodSpec) { s.Containers[0].Image = "a b" }),
			`.spec.template.spec.containers[0].image: "a b" is no reference of an image`},
		"pods that never end": {jobPod(func(s *corev1.PodSpec) { s.RestartPolicy = corev1.RestartPolicyAlways }),
			`.spec.template.spec.restartPolicy: "Always": the pods of a Job come to an end: write Never or OnFailure, or leave it out for Never`},
		"a variable of ours": {jobPod(func(s *corev1.PodSpec) {
			s.InitContainers = jobContainers('a', 2)
			s.InitContainers[1].Env = []corev1.EnvVar{{Name: "A"}, {Name: "QUIESCE_STAGE"}}
		}), ".spec.template.spec.initContainers[1].env[1].name: QUIESCE_STAGE: names that begin with QUIESCE_ are Quiesce's own"},
		"one that is held back": {jobHook(func(s *batchv1.JobSpec) { s.Suspend = new(true) }), ".spec.suspend: true: the Job would not begin"},
		"no pod at a time":      {jobHook(func(s *batchv1.JobSpec) { s.Parallelism = new(int32(0)) }), ".spec.parallelism: 0: the Job would not begin"},
		"a selector":            {jobHook(func(s *batchv1.JobSpec) { s.Selector = &metav1.LabelSelector{} }), ".spec.selector: it could select the pods of others: leave selector and manualSelector out"},
		"the wish for a selector": {jobHook(func(s *batchv1.JobSpec) { s.ManualSelector = new(true) }),
			".spec.selector: it could select the pods of others"},
		"a late deadline": {jobHook(func(s *batchv1.JobSpec) { s.ActiveDeadlineSeconds = new(int64(1501)) }),
			".spec.activeDeadlineSeconds: 1501: write 1 to 1500, or leave it out for the hook's timeout"},
		"a deadline that has passed": {jobHook(func(s *batchv1.JobSpec) { s.ActiveDeadlineSeconds = new(int64(0)) }),
			".spec.activeDeadlineSeconds: 0: write 1 to 1500"},
		"one that is deleted at once": {jobHook(func(s *batchv1.JobSpec) { s.TTLSecondsAfterFinished = new(int32(0)) }),
			".spec.ttlSecondsAfterFinished: 0: write 300 or more"},
		"a large one": {jobPod(func(s *corev1.PodSpec) { s.Containers[0].Args = []string{strings.Repeat("x", 64<<10)} }), ": it has 65"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(test.hook)
			err := Check(policy.Ref, policy.Spec)
			require.ErrorContains(t, err, "spec.hooks[a].job.template"+test.want)
		})
	}
}

func TestAJobMayBeLikeAnyOther(t *testing.T) {
	for name, hook := range map[string]v1alpha1.Hook{
		"as little as there can be": jobHook(),
		"as many containers as there may be": jobPod(func(s *corev1.PodSpec) {
			s.InitContainers, s.Containers = jobContainers('a', 8), jobContainers('i', 8)
		}),
		"several pods, some of which fail": jobHook(func(s *batchv1.JobSpec) {
			s.Parallelism, s.Completions, s.BackoffLimit, s.Suspend, s.ManualSelector = new(int32(2)), new(int32(4)), new(int32(3)), new(false), new(false)
		}),
		"times": jobHook(func(s *batchv1.JobSpec) {
			s.ActiveDeadlineSeconds, s.TTLSecondsAfterFinished = new(int64(1500)), new(int32(300))
		}),
		"containers that are started again": jobPod(func(s *corev1.PodSpec) { s.RestartPolicy = corev1.RestartPolicyOnFailure }),
		"variables of its own": jobPod(func(s *corev1.PodSpec) {
			s.Containers[0].Env = []corev1.EnvVar{{Name: "TARGET", Value: "$(QUIESCE_SESSION)"}}
		}),
		"before the backup": func() v1alpha1.Hook {
			hook := jobHook()
			hook.Stages = slices.Clone(v1alpha1.BackupStages)
			return hook
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(hook)
			assert.NoError(t, Check(policy.Ref, policy.Spec))
		})
	}
}
