package restore

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Trace is what a pod shows of its preparation.
type Trace struct {
	// Policies whose init containers the pod has, each once.
	Policies []match.Ref
	// Restore that created the pod, by name, and when it did.
	Restore string
	At      metav1.Time
}

// TraceOf looks at a pod, which may have been slimmed.
func TraceOf(pod *corev1.Pod) Trace {
	var trace Trace
	for i := range pod.Spec.InitContainers {
		container := &pod.Spec.InitContainers[i]
		id, ours := identify(container)
		if !ours {
			continue
		}
		if policy := id.ref(pod.Namespace); !slices.Contains(trace.Policies, policy) {
			trace.Policies = append(trace.Policies, policy)
		}
		trace.Restore, trace.At = bounded(restoreName(container, pod)), pod.CreationTimestamp
	}
	return trace
}

// maxRestoreName is how long the name of an object may be
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names). An annotation may say more.
const maxRestoreName = 253

func bounded(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxRestoreName)], "")
}

// Slim is an init container of ours with no more than TraceOf reads; false for any other.
func Slim(container *corev1.Container) (corev1.Container, bool) {
	if !isOurs(container) {
		return corev1.Container{}, false
	}
	slim := corev1.Container{Name: container.Name}
	for _, variable := range container.Env {
		if variable.Name == v1alpha1.InitEnv || variable.Name == v1alpha1.RestoreNameEnv {
			slim.Env = append(slim.Env, variable)
		}
	}
	return slim, true
}

// restoreName follows the container's variable to the marker by which the pod was known.
func restoreName(container *corev1.Container, pod *corev1.Pod) string {
	for _, variable := range container.Env {
		if variable.Name != v1alpha1.RestoreNameEnv || variable.ValueFrom == nil || variable.ValueFrom.FieldRef == nil {
			continue
		}
		for key, value := range pod.Labels {
			if (Marker{Key: key}).fieldPath() == variable.ValueFrom.FieldRef.FieldPath {
				return value
			}
		}
		for key, value := range pod.Annotations {
			if (Marker{Key: key, annotation: true}).fieldPath() == variable.ValueFrom.FieldRef.FieldPath {
				return value
			}
		}
	}
	return ""
}
