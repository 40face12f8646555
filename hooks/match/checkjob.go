package match

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// maxJobContainers is how many a Job's pod may have, init containers included.
	maxJobContainers = 16
	// maxJobTemplate bounds what every HookRun of the hook takes with it.
	maxJobTemplate = 64 << 10
	// minJobTTL is how many seconds a Job is to stay at least, so that a controller that comes later finds it.
	minJobTTL = 300
	// ownVariables is what the names of our variables begin with.
	ownVariables = "QUIESCE_"
)

// checkJob finds what would keep a Job from running, and what would keep it from being followed. What else the API server may refuse
// is found by a dry run before anything is quiesced.
func checkJob(job *v1alpha1.JobAction) error {
	template, err := json.Marshal(job.Template)
	switch {
	case err != nil:
		return fmt.Errorf(".job.template: %w", err)
	case len(template) > maxJobTemplate:
		return fmt.Errorf(".job.template: it has %d bytes: write at most %d, and put large texts in a ConfigMap that a volume mounts", len(template), maxJobTemplate)
	}
	if err := checkJobSpec(&job.Template.Spec); err != nil {
		return fmt.Errorf(".job.template.spec%w", err)
	}
	if err := checkJobPod(&job.Template.Spec.Template.Spec); err != nil {
		return fmt.Errorf(".job.template.spec.template.spec%w", err)
	}
	return nil
}

func checkJobSpec(spec *batchv1.JobSpec) error {
	const maxDeadline = int64(v1alpha1.MaxTimeout / time.Second)
	switch {
	case spec.Suspend != nil && *spec.Suspend:
		return errors.New(".suspend: true: the Job would not begin, and the hook would wait for it: leave it out")
	case spec.ManagedBy != nil && *spec.ManagedBy != batchv1.JobControllerName:
		return fmt.Errorf(".managedBy: %q: who runs the Job then could not be followed: leave it out", *spec.ManagedBy)
	case spec.Parallelism != nil && *spec.Parallelism < 1:
		return fmt.Errorf(".parallelism: %d: the Job would not begin, and the hook would wait for it: write 1 or more, or leave it out", *spec.Parallelism)
	case spec.Selector != nil || spec.ManualSelector != nil && *spec.ManualSelector:
		return errors.New(".selector: it could select the pods of others: leave selector and manualSelector out, and the API server writes one that does not")
	case spec.ActiveDeadlineSeconds != nil && (*spec.ActiveDeadlineSeconds < 1 || *spec.ActiveDeadlineSeconds > maxDeadline):
		return fmt.Errorf(".activeDeadlineSeconds: %d: write 1 to %d, or leave it out for the hook's timeout", *spec.ActiveDeadlineSeconds, maxDeadline)
	case spec.TTLSecondsAfterFinished != nil && *spec.TTLSecondsAfterFinished < minJobTTL:
		return fmt.Errorf(".ttlSecondsAfterFinished: %d: write %d or more, so that a controller that was away still finds how the Job ended, or leave it out for an hour",
			*spec.TTLSecondsAfterFinished, minJobTTL)
	}
	return nil
}

func checkJobPod(pod *corev1.PodSpec) error {
	switch count := len(pod.Containers) + len(pod.InitContainers); {
	case len(pod.Containers) == 0:
		return errors.New(".containers: write at least one container, with a name, an image and a command, such as {name: upload, image: curlimages/curl:8.10.1, command: [curl, …]}")
	case count > maxJobContainers:
		return fmt.Errorf(".containers: with initContainers there are %d: write at most %d", count, maxJobContainers)
	case !slices.Contains([]corev1.RestartPolicy{"", corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure}, pod.RestartPolicy):
		return fmt.Errorf(".restartPolicy: %q: the pods of a Job come to an end: write Never or OnFailure, or leave it out for Never", pod.RestartPolicy)
	}
	var names []string
	for _, list := range []struct {
		field      string
		containers []corev1.Container
	}{{".initContainers", pod.InitContainers}, {".containers", pod.Containers}} {
		for i := range list.containers {
			container := &list.containers[i]
			if err := checkJobContainer(container, names); err != nil {
				return fmt.Errorf("%s[%d]%w", list.field, i, err)
			}
			names = append(names, container.Name)
		}
	}
	return nil
}

func checkJobContainer(container *corev1.Container, taken []string) error {
	switch {
	case len(validation.IsDNS1123Label(container.Name)) > 0:
		return fmt.Errorf(".name: %q: write lower-case letters, digits and hyphens, such as upload", container.Name)
	case slices.Contains(taken, container.Name):
		return fmt.Errorf(".name: %q is taken: give each container a name of its own, init containers included", container.Name)
	case container.Image == "":
		return errors.New(".image: write the image that the container is to run, such as busybox:1.36")
	}
	if _, err := reference.ParseNormalizedNamed(container.Image); err != nil {
		return fmt.Errorf(".image: %q is no reference of an image (%w): write one such as busybox:1.36 or registry.example.com/team/tool@sha256:…", container.Image, err)
	}
	for i := range container.Env {
		if name := container.Env[i].Name; strings.HasPrefix(name, ownVariables) {
			return fmt.Errorf(".env[%d].name: %s: names that begin with %s are Quiesce's own, which sets what there is of them: write another name", i, name, ownVariables)
		}
	}
	return nil
}
