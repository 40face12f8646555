package action

import (
	"fmt"
	"maps"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// jobMargin is how much longer than its timeout a Job lives that nobody ends.
	jobMargin = 10 * time.Second
	// jobTTL is how many seconds a Job that has ended stays for people to look at, where its template does not say.
	jobTTL = 3600
	// podGrace is how many seconds a pod has to end, where its template does not say. The API server's default of 30 is
	// how long every program would take that runs as PID 1 and does not handle the signal, such as a shell.
	podGrace = 10
)

// serviceAccountsValue is the chart's value for JobOptions.ServiceAccounts.
const serviceAccountsValue = "sessions.jobServiceAccounts"

// build makes the Job of a request.
func (j *Jobs) build(request JobRequest) *batchv1.Job {
	template := request.Template.DeepCopy()
	spec := &template.Spec
	spec.BackoffLimit = orElse(spec.BackoffLimit, 0)
	spec.TTLSecondsAfterFinished = orElse(spec.TTLSecondsAfterFinished, jobTTL)
	// Whatever becomes of us, the Job controller ends the Job at its deadline, and the kubelet each pod at the pod's, should
	// it be cut off from the rest of the cluster.
	deadline := int64((request.Timeout + jobMargin + time.Second - 1) / time.Second)
	spec.ActiveDeadlineSeconds = least(spec.ActiveDeadlineSeconds, deadline)
	pod := &spec.Template.Spec
	pod.ActiveDeadlineSeconds = least(pod.ActiveDeadlineSeconds, deadline)
	pod.TerminationGracePeriodSeconds = orElse(pod.TerminationGracePeriodSeconds, podGrace)
	if !j.options.ServiceAccounts || pod.ServiceAccountName == "" {
		pod.AutomountServiceAccountToken = orElse(pod.AutomountServiceAccountToken, false)
	}
	if pod.RestartPolicy == "" {
		pod.RestartPolicy = corev1.RestartPolicyNever
	}
	for _, containers := range [][]corev1.Container{pod.InitContainers, pod.Containers} {
		for i := range containers {
			containers[i].Env = withVariables(containers[i].Env, request.Env)
		}
	}
	// A policy may well match the Job's own pods, and no backup is to run hooks there.
	annotations := merged(spec.Template.Annotations, map[string]string{v1alpha1.SkipAnnotation: "true"})
	spec.Template.ObjectMeta = metav1.ObjectMeta{Labels: merged(spec.Template.Labels, request.Labels), Annotations: annotations}
	owner := request.Owner
	owner.BlockOwnerDeletion = nil
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: request.Namespace, Name: request.Name,
			Labels: merged(template.Labels, request.Labels), Annotations: template.Annotations,
			OwnerReferences: []metav1.OwnerReference{owner},
		},
		Spec: *spec,
	}
}

// withVariables puts ours ahead, so that a container's own can refer to them.
func withVariables(own, ours []corev1.EnvVar) []corev1.EnvVar {
	own = slices.DeleteFunc(own, func(variable corev1.EnvVar) bool {
		return slices.ContainsFunc(ours, func(other corev1.EnvVar) bool { return other.Name == variable.Name })
	})
	return slices.Concat(ours, own)
}

func merged(theirs, ours map[string]string) map[string]string {
	all := maps.Clone(theirs)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, ours)
	return all
}

func orElse[T any](given *T, other T) *T {
	if given != nil {
		return given
	}
	return &other
}

func least(given *int64, most int64) *int64 {
	return new(min(*orElse(given, most), most))
}

// refuse says why a request is not allowed, whatever the API server says of it.
func (j *Jobs) refuse(request JobRequest) *Result {
	if j.options.ServiceAccounts {
		return nil
	}
	if what := identity(&request.Template.Spec.Template.Spec); what != "" {
		return refusal(Refused, fmt.Sprintf("%s: its template has %s, which hooks may not use here: leave it out, or have an administrator set the chart's value %s",
			request, what, serviceAccountsValue))
	}
	return nil
}

// identity is what would give a pod the rights of a ServiceAccount. The namespace's default one may be named: without a token it
// gives none.
func identity(pod *corev1.PodSpec) string {
	const spec = "spec.template.spec."
	switch {
	case pod.ServiceAccountName != "" && pod.ServiceAccountName != "default":
		return spec + "serviceAccountName " + pod.ServiceAccountName
	case pod.DeprecatedServiceAccount != "" && pod.DeprecatedServiceAccount != "default":
		return spec + "serviceAccount " + pod.DeprecatedServiceAccount
	case pod.AutomountServiceAccountToken != nil && *pod.AutomountServiceAccountToken:
		return spec + "automountServiceAccountToken true"
	}
	for i := range pod.Volumes {
		if projected := pod.Volumes[i].Projected; projected != nil && slices.ContainsFunc(projected.Sources, ofAnAccount) {
			return fmt.Sprintf("a ServiceAccount's token or certificate in %svolumes[%s]", spec, pod.Volumes[i].Name)
		}
	}
	return ""
}

func ofAnAccount(source corev1.VolumeProjection) bool {
	return source.ServiceAccountToken != nil || source.PodCertificate != nil
}
