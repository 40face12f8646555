package keeper

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Slimmer makes cache transforms. What it remembers makes equal texts of many pods one piece of memory.
type Slimmer struct {
	interned interner
}

// Pod is a cache transform that keeps of a pod what stamping reads: a cluster of ten thousand pods then costs the
// controller tens of megabytes instead of hundreds.
func (s *Slimmer) Pod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return nil, fmt.Errorf("got %T, want a pod", object)
	}
	pod.ObjectMeta = metav1.ObjectMeta{
		Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
		CreationTimestamp: pod.CreationTimestamp, DeletionTimestamp: pod.DeletionTimestamp,
		Labels: s.share(pod.Labels), Annotations: s.share(pod.Annotations),
	}
	slim := func(container corev1.Container) corev1.Container {
		return corev1.Container{
			Name: s.interned.of(container.Name), Image: s.interned.of(container.Image), RestartPolicy: container.RestartPolicy,
		}
	}
	spec := corev1.PodSpec{Containers: make([]corev1.Container, len(pod.Spec.Containers))}
	for i := range pod.Spec.Volumes {
		// The API server adds those of tokens, by a name that no policy can know.
		if name := pod.Spec.Volumes[i].Name; !strings.HasPrefix(name, "kube-api-access-") {
			spec.Volumes = append(spec.Volumes, corev1.Volume{Name: s.interned.of(name)})
		}
	}
	for i := range pod.Spec.Containers {
		spec.Containers[i] = slim(pod.Spec.Containers[i])
	}
	for i := range pod.Spec.InitContainers {
		container := &pod.Spec.InitContainers[i]
		if sidecar(container) {
			spec.InitContainers = append(spec.InitContainers, slim(*container))
		} else if ours, found := restore.Slim(container); found {
			spec.InitContainers = append(spec.InitContainers, ours)
		}
	}
	pod.Spec = spec
	pod.Status = corev1.PodStatus{Phase: pod.Status.Phase}
	return pod, nil
}

// share is a map whose texts are those of other pods where they are equal.
func (s *Slimmer) share(texts map[string]string) map[string]string {
	if texts == nil {
		return nil
	}
	shared := make(map[string]string, len(texts))
	for key, value := range texts {
		if len(value) <= maxShort || isHook(key) {
			value = s.interned.of(value)
		}
		shared[s.interned.of(key)] = value
	}
	return shared
}

// maxShort is how long a value may be that could be any pod's. Longer ones, but for hooks, tend to be one pod's alone.
const maxShort = 64

// isHook tells of annotations whose values are alike on many pods, and long.
func isHook(key string) bool {
	return key == v1alpha1.StampAnnotation ||
		strings.HasPrefix(key, v1alpha1.VeleroPrePrefix) || strings.HasPrefix(key, v1alpha1.VeleroPostPrefix)
}

// sidecar tells of native sidecars among init containers.
func sidecar(container *corev1.Container) bool {
	return container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// describe is a pod as stamping knows it.
func describe(pod *corev1.Pod) stamp.Pod {
	containers := make([]match.Container, 0, len(pod.Spec.Containers)+len(pod.Spec.InitContainers))
	for i := range pod.Spec.Containers {
		containers = append(containers, match.Container{Name: pod.Spec.Containers[i].Name, Image: pod.Spec.Containers[i].Image})
	}
	for i := range pod.Spec.InitContainers {
		if container := &pod.Spec.InitContainers[i]; sidecar(container) {
			containers = append(containers, match.Container{Name: container.Name, Image: container.Image, Sidecar: true})
		}
	}
	return stamp.Pod{Pod: match.Pod{Labels: pod.Labels, Containers: containers}, Annotations: pod.Annotations}
}

// ended tells of pods that Velero passes over as well (velero: internal/hook/item_hook_handler.go), and of those on
// their way out.
func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || !pod.DeletionTimestamp.IsZero()
}

// alike tells whether two states of a pod are the same to stamping.
func alike(a, b *corev1.Pod) bool {
	containers := func(a, b corev1.Container) bool { return a.Name == b.Name && a.Image == b.Image }
	return a.UID == b.UID && ended(a) == ended(b) &&
		maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations) &&
		slices.EqualFunc(a.Spec.Containers, b.Spec.Containers, containers) &&
		slices.EqualFunc(a.Spec.InitContainers, b.Spec.InitContainers, containers)
}

// overhead is what a text costs an interner beside its bytes.
const overhead = 64

// maxInterned bounds what an interner holds on to, in bytes. Past it everything is forgotten: strings in use stay.
const maxInterned = 16 << 20

// interner returns one string for all that are equal to it.
type interner struct {
	lock  sync.Mutex
	known map[string]string
	bytes int
}

func (i *interner) of(value string) string {
	i.lock.Lock()
	defer i.lock.Unlock()
	if known, found := i.known[value]; found {
		return known
	}
	if i.known == nil || i.bytes > maxInterned {
		i.known, i.bytes = map[string]string{}, 0
	}
	i.known[value] = value
	i.bytes += len(value) + overhead
	return value
}
