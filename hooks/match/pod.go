package match

// Pod is what matching needs to know of a pod.
type Pod struct {
	Labels map[string]string
	// Containers in the pod's order, native sidecars after the others; other init containers are not among them.
	Containers []Container
}

// Container is one in which hooks may run.
type Container struct {
	Name, Image string
	// Sidecar is true for a native sidecar: an init container with restartPolicy Always
	// (https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/).
	Sidecar bool
}

// DefaultContainer is the one in which a policy's hooks run that name none: the first whose image matches the policy's
// containerImages; without those, the pod's first. It is false where the policy does not select the pod.
func (p *Policy) DefaultContainer(pod Pod) (Container, bool) {
	for _, container := range pod.Containers {
		if p.images.match(container.Image) {
			return container, true
		}
	}
	return Container{}, false
}

// SelectsByImage tells whether the policy has patterns for images, so that they name the default container.
func (p *Policy) SelectsByImage() bool { return !p.images.any() }
