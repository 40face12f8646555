package restore

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// plan gathers the init containers that a pod is to have.
type plan struct {
	pod     Pod
	volumes map[string]bool
	// taken are the names that our containers cannot have.
	taken  map[string]bool
	wanted []corev1.Container
	// room is how much may be added yet, in bytes of JSON.
	room int
	made Decision
}

func newPlan(pod Pod) *plan {
	p := &plan{pod: pod, volumes: map[string]bool{}, taken: map[string]bool{}, room: pod.Room}
	for i := range pod.Spec.Volumes {
		p.volumes[pod.Spec.Volumes[i].Name] = true
	}
	for i := range pod.Spec.Containers {
		p.taken[pod.Spec.Containers[i].Name] = true
	}
	for i := range pod.Spec.InitContainers {
		if container := &pod.Spec.InitContainers[i]; isOurs(container) {
			p.room += min(size(container), math.MaxInt-p.room) // it is added anew, or goes
		} else {
			p.taken[container.Name] = true
		}
	}
	return p
}

// add plans the init containers of a hook.
func (p *plan) add(policy *match.Policy, hook *v1alpha1.Hook) {
	from := target(policy, hook, p.pod)
	if from == nil {
		p.leaveOut(policy, hook, fmt.Sprintf("the pod has no container %q, from which its init containers inherit: "+
			"write one of its containers in container, or narrow the selector", hook.Container))
		return
	}
	for i := range hook.Init.Containers {
		source := &hook.Init.Containers[i]
		id := identityOf(policy.Ref, hook.Name, source.Name)
		if id.container == "" {
			id.container = strconv.Itoa(i + 1)
		}
		container := render(id, p.pod.Marker, hook.Init, source, from)
		plain := container.Name
		if p.taken[plain] {
			container.Name = id.hashedName()
		}
		if obstacle := p.obstacle(&container, id); obstacle != "" {
			p.leaveOut(policy, hook, obstacle)
			continue
		}
		if container.Name != plain {
			p.made.Notes = append(p.made.Notes, fmt.Sprintf("%s, hook %q: the pod has a container %q that Quiesce has not added and leaves alone, "+
				"or that another hook adds: the hook's is %q", policy, hook.Name, plain, container.Name))
		}
		if lowered(source.Resources, container.Resources) {
			p.made.Notes = append(p.made.Notes, fmt.Sprintf("%s, hook %q: its init container %q gets less than its resources say, "+
				"since the pod's container has no more", policy, hook.Name, id.container))
		}
		p.taken[container.Name] = true
		p.room -= size(&container)
		p.wanted = append(p.wanted, container)
		if !slices.Contains(p.made.Prepared, policy.Ref) {
			p.made.Prepared = append(p.made.Prepared, policy.Ref)
		}
	}
}

// obstacle is why a container cannot be added, or empty.
func (p *plan) obstacle(container *corev1.Container, id identity) string {
	missing := func(volume, where string) string {
		return fmt.Sprintf("its init container %q mounts volume %q at %s, and the pod has no such volume: write one of its volumes, or narrow the selector",
			id.container, volume, where)
	}
	for _, mount := range container.VolumeMounts {
		if !p.volumes[mount.Name] {
			return missing(mount.Name, mount.MountPath)
		}
	}
	for _, device := range container.VolumeDevices {
		if !p.volumes[device.Name] {
			return missing(device.Name, device.DevicePath)
		}
	}
	switch {
	case p.taken[container.Name]:
		return fmt.Sprintf("its init container %q would be called %q, as one of the pod's is that Quiesce has not added: rename that one",
			id.container, container.Name)
	case size(container) > p.room:
		return fmt.Sprintf("its init container %q would make the pod larger than the cluster stores: write a shorter command, such as a script in the image, "+
			"or inherit less", id.container)
	}
	return ""
}

// size is that of a container as JSON, in bytes.
func size(container *corev1.Container) int {
	encoded, err := json.Marshal(container)
	if err != nil {
		panic(err) // what was decoded always marshals
	}
	return len(encoded)
}

// leaveOut has a container left out, or the pod refused, as the hook says.
func (p *plan) leaveOut(policy *match.Policy, hook *v1alpha1.Hook, why string) {
	p.made.Obstacles = append(p.made.Obstacles, Obstacle{policy.Ref, hook.Name, why, hook.OnError != v1alpha1.Continue})
}

func (p *plan) decision() Decision {
	if len(p.made.Refusals()) == 0 {
		p.made.Edits = edits(p.pod.Spec.InitContainers, p.wanted)
	}
	return p.made
}
