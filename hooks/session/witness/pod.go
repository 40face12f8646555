package witness

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Pod is a pod as sessions see it.
type Pod struct {
	plan.Pod
	CreatedAt time.Time
	// Claims are the PersistentVolumeClaims that it mounts, those of ephemeral volumes included.
	Claims []string
	// Ended: none of its containers runs any more, or will. Terminating: it is on its way there.
	Ended, Terminating bool
	// States of its containers, native sidecars included.
	States []State
	// IP and Node are empty before it has them.
	IP, Node string
	// Ports that its containers name.
	Ports []Port
}

// Port of a container that has a name.
type Port struct {
	Container, Name string
	Number          int
}

// Port is the number of a port by its name: one of a container, or, where that has none of the name, of any.
func (p *Pod) Port(container, name string) (number int, found bool) {
	for _, port := range p.Ports {
		if port.Name != name {
			continue
		}
		if port.Container == container {
			return port.Number, true
		}
		if !found {
			number, found = port.Number, true
		}
	}
	return number, found
}

// State of a container.
type State struct {
	Name    string
	Running bool
	// StartedAt is when it was started last, in whole seconds.
	StartedAt time.Time
}

// State of a container; the zero State where it is not known.
func (p *Pod) State(container string) State {
	for _, state := range p.States {
		if state.Name == container {
			return state
		}
	}
	return State{}
}

// texts makes equal ones of many pods one piece of memory.
type texts struct{ known map[string]string }

func (t *texts) one(text string) string {
	if known, found := t.known[text]; found {
		return known
	}
	if t.known == nil || len(t.known) > maxTexts {
		t.known = map[string]string{}
	}
	text = strings.Clone(text)
	t.known[text] = text
	return text
}

// maxTexts bounds what is remembered.
const maxTexts = 20_000

func (t *texts) all(values map[string]string) map[string]string {
	shared := make(map[string]string, len(values))
	for key, value := range values {
		shared[t.one(key)] = t.one(value)
	}
	return shared
}

// annotations are those that sessions look at.
func annotations(all map[string]string) map[string]string {
	kept := map[string]string{}
	for _, key := range []string{v1alpha1.SkipAnnotation, v1alpha1.SkipPoliciesAnnotation, v1alpha1.StampAnnotation} {
		if value, found := all[key]; found {
			kept[key] = value
		}
	}
	return kept
}

// read keeps of a pod what sessions look at. It is not safe for use from many goroutines.
func (t *texts) read(pod *corev1.Pod) *Pod {
	seen := &Pod{
		Pod: plan.Pod{
			Pod: match.Pod{Labels: t.all(pod.Labels)}, UID: types.UID(strings.Clone(string(pod.UID))), Name: strings.Clone(pod.Name),
			Annotations: annotations(pod.Annotations),
		},
		CreatedAt:   pod.CreationTimestamp.Time,
		Ended:       pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed,
		Terminating: pod.DeletionTimestamp != nil,
		IP:          strings.Clone(pod.Status.PodIP),
		Node:        t.one(pod.Spec.NodeName),
	}
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		for _, port := range container.Ports {
			if port.Name != "" {
				seen.Ports = append(seen.Ports, Port{t.one(container.Name), t.one(port.Name), int(port.ContainerPort)})
			}
		}
		seen.Containers = append(seen.Containers, match.Container{Name: t.one(container.Name), Image: t.one(container.Image)})
	}
	for i := range pod.Spec.InitContainers {
		if container := &pod.Spec.InitContainers[i]; container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			seen.Containers = append(seen.Containers, match.Container{Name: t.one(container.Name), Image: t.one(container.Image), Sidecar: true})
		}
	}
	for i := range pod.Spec.Volumes {
		if claim := pod.Spec.Volumes[i].PersistentVolumeClaim; claim != nil {
			seen.Claims = append(seen.Claims, strings.Clone(claim.ClaimName))
		}
		if pod.Spec.Volumes[i].Ephemeral != nil { // whose claim is made for the pod, and has this name
			seen.Claims = append(seen.Claims, pod.Name+"-"+pod.Spec.Volumes[i].Name)
		}
	}
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == corev1.PodReady {
			seen.Ready = c.Status == corev1.ConditionTrue
		}
	}
	for _, status := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses) {
		state := State{Name: t.one(status.Name)}
		if running := status.State.Running; running != nil {
			state.Running, state.StartedAt = true, running.StartedAt.Time
		}
		seen.States = append(seen.States, state)
	}
	return seen
}
