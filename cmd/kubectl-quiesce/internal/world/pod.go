package world

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
)

// PodOf is a pod as matching, stamping and planning know it.
func PodOf(pod *corev1.Pod) plan.Pod {
	known := plan.Pod{Pod: match.Pod{Labels: pod.Labels}, UID: pod.UID, Name: pod.Name, Annotations: pod.Annotations}
	for i := range pod.Spec.Containers {
		known.Containers = append(known.Containers, match.Container{Name: pod.Spec.Containers[i].Name, Image: pod.Spec.Containers[i].Image})
	}
	for i := range pod.Spec.InitContainers {
		container := &pod.Spec.InitContainers[i]
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways { // a native sidecar
			known.Containers = append(known.Containers, match.Container{Name: container.Name, Image: container.Image, Sidecar: true})
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			known.Ready = condition.Status == corev1.ConditionTrue
		}
	}
	return known
}

// Ended tells of pods that hooks pass over: those that have ended, and those on their way out.
func Ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || !pod.DeletionTimestamp.IsZero()
}

// AddClaims gives a pod of a StatefulSet's template the volumes of its volumeClaimTemplates, as the StatefulSet's controller does: a volume of
// the template that has the name of one gives way (kubernetes: pkg/controller/statefulset/stateful_set_utils.go, updateStorage).
func AddClaims(pod *corev1.Pod, claims []corev1.PersistentVolumeClaim) {
	for i := range claims {
		name := claims[i].Name
		pod.Spec.Volumes = append(slices.DeleteFunc(pod.Spec.Volumes, func(volume corev1.Volume) bool { return volume.Name == name }),
			corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name + "-" + pod.Name},
			}})
	}
}
