package action

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// check says why nothing can be run in a container, or nil.
func (e *Executor) check(ctx context.Context, target Target) *Result {
	var pod corev1.Pod
	err := e.pods.Get(ctx, client.ObjectKey{Namespace: target.Namespace, Name: target.Pod}, &pod)
	switch {
	case apierrors.IsNotFound(err):
		return refusal(PodGone, fmt.Sprintf("pod %s/%s is gone", target.Namespace, target.Pod))
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return refusal(Forbidden, fmt.Sprintf("cannot look at pod %s/%s: %v", target.Namespace, target.Pod, err))
	case err != nil && ctx.Err() != nil:
		return refusal(interruption(ctx), fmt.Sprintf("looking at pod %s/%s took too long, or was cancelled: %v", target.Namespace, target.Pod, err))
	case err != nil:
		return refusal(Unreachable, fmt.Sprintf("cannot look at pod %s/%s: %v", target.Namespace, target.Pod, err))
	case pod.UID != target.UID:
		return refusal(PodGone, fmt.Sprintf("pod %s/%s was replaced by another of its name: its UID is %s, not %s",
			target.Namespace, target.Pod, pod.UID, target.UID))
	}
	return checkContainer(&pod, target)
}

func checkContainer(pod *corev1.Pod, target Target) *Result {
	if !hasContainer(&pod.Spec, target.Container) {
		return refusal(ContainerNotFound, fmt.Sprintf("pod %s/%s has no container %q", target.Namespace, target.Pod, target.Container))
	}
	for _, status := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		if status.Name == target.Container && status.State.Running != nil {
			return nil
		}
	}
	return refusal(NotRunning, fmt.Sprintf("%s does not run; the pod is %s%s", target, pod.Status.Phase, stateOf(pod, target.Container)))
}

func hasContainer(spec *corev1.PodSpec, name string) bool {
	named := func(container corev1.Container) bool { return container.Name == name }
	return slices.ContainsFunc(spec.Containers, named) || slices.ContainsFunc(spec.InitContainers, named) ||
		slices.ContainsFunc(spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool { return c.Name == name })
}

// stateOf says why a container does not run, as far as its status tells.
func stateOf(pod *corev1.Pod, container string) string {
	for _, status := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		if status.Name != container {
			continue
		}
		switch {
		case status.State.Waiting != nil && status.State.Waiting.Reason != "":
			return fmt.Sprintf(", the container waits (%s)", status.State.Waiting.Reason)
		case status.State.Terminated != nil:
			return fmt.Sprintf(", the container has ended with code %d", status.State.Terminated.ExitCode)
		}
	}
	return ""
}
