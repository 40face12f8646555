package status

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// SlimPod is a cache transform that keeps of a pod what a survey reads: a cluster of ten thousand pods then costs the
// controller tens of megabytes instead of hundreds.
func SlimPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return nil, fmt.Errorf("got %T, want a pod", object)
	}
	pod.ManagedFields = nil
	containers := make([]corev1.Container, len(pod.Spec.Containers))
	for i := range pod.Spec.Containers {
		containers[i].Name = pod.Spec.Containers[i].Name
	}
	pod.Spec = corev1.PodSpec{Containers: containers}
	pod.Status = corev1.PodStatus{Phase: pod.Status.Phase}
	return pod, nil
}
