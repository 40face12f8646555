package action

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A dry run needs the right of a true creation. It gives nothing that creating Jobs does not give: whoever may create a Job has the
// Job controller create any pod. Where an administrator takes it away, Check says nothing of pods.
// +kubebuilder:rbac:groups="",resources=pods,verbs=create

// Check asks the API server by a dry run what it would refuse, so that it is known before anything is quiesced; nil when it
// is not known to refuse anything. The Job alone does not tell: Pod Security, a LimitRange and most quotas speak when its pods are
// created, of which people see nothing but the Job controller's events. So a pod is asked for as well, one, however many the Job is
// to have. It is asked for by us and not by the Job controller: admission that goes by who asks may answer otherwise then.
func (j *Jobs) Check(ctx context.Context, request JobRequest) *Result {
	if refused := j.refuse(request); refused != nil {
		return refused
	}
	ctx = quiet(ctx)
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	job := j.build(request)
	err := persist(ctx, jobPatience, func() error {
		_, err := j.jobs.Jobs(request.Namespace).Create(ctx, job, dry)
		return err
	})
	if known := objection(request.String(), err); known != nil {
		return known
	}
	pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: job.Spec.Template.Spec}
	pod.Namespace, pod.GenerateName = request.Namespace, request.Name+"-"
	err = persist(ctx, jobPatience, func() error {
		_, err := j.core.Pods(request.Namespace).Create(ctx, pod, dry)
		return err
	})
	return objection("a pod of "+request.String(), err)
}

// objection is what an answer to a dry run says of the true creation. That the Job is there already says nothing against it, and
// neither does a webhook that takes no part in dry runs.
func objection(what string, err error) *Result {
	switch {
	case err == nil, apierrors.IsAlreadyExists(err),
		strings.Contains(err.Error(), "does not support dry run"), strings.Contains(err.Error(), `cannot create resource "pods" in`):
		return nil
	}
	if refused := refusedJob(what, err); refused != nil {
		return refused
	}
	return refusal(Unreachable, fmt.Sprintf("%s could not be tried: %s", what, plain(err)))
}
