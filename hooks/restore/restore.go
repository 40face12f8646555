// Package restore decides which init containers a restored pod gets, so that it is prepared before its application starts.
// It is pure.
package restore

import (
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Policies is a compiled set of policies: immutable, and safe to use from many goroutines.
type Policies struct {
	index *match.Index
	// none is true where no policy has anything to do with restores.
	none bool
}

// New returns the policies of an index for restores.
func New(index *match.Index) *Policies {
	prepares := func(policy *match.Policy) bool {
		return slices.ContainsFunc(policy.Spec.Hooks, func(hook v1alpha1.Hook) bool { return hook.Init != nil })
	}
	return &Policies{index: index, none: !slices.ContainsFunc(index.Policies(), prepares)}
}

// Pod is what a restored pod is judged by.
type Pod struct {
	match.Pod
	Annotations map[string]string
	Marker      Marker
	// Room is how much larger the pod may become, in bytes of JSON.
	Room int
	// Spec as the pod has it; nothing of it is changed.
	Spec *corev1.PodSpec
}

// Decision is what is to become of a pod's init containers, and why.
type Decision struct {
	// Edits of the pod's init containers, to be made one after another; none when the pod has what it should.
	Edits []Edit
	// Prepared names the policies whose init containers the pod is to have, in their order.
	Prepared []match.Ref
	// Obstacles are why containers cannot be added.
	Obstacles []Obstacle
	// Notes are what else the pod's creator should know.
	Notes []string
}

// Decide says which init containers a pod of a namespace that takes part is to have. Those that we added to it in an
// earlier restore are replaced by today's, and go where no policy wants them any longer. Those of the pod's user are never
// touched.
func (p *Policies) Decide(namespace match.Namespace, pod Pod) Decision {
	return p.plan(namespace, pod).decision()
}

func (p *Policies) plan(namespace match.Namespace, pod Pod) *plan {
	plan := newPlan(pod)
	for _, policy := range p.index.Match(namespace, pod.Pod) {
		if match.OptedOut(pod.Annotations, policy.Name) {
			continue
		}
		for i := range policy.Spec.Hooks {
			hook := &policy.Spec.Hooks[i]
			if hook.Init != nil && policy.SelectsHook(i, pod.Labels) {
				plan.add(policy, hook)
			}
		}
	}
	return plan
}

// Forecast says what would stand in the way if a restore created a pod that there is. Of its spec, the names and images of its
// containers are read, and the names of its volumes.
func (p *Policies) Forecast(namespace match.Namespace, pod match.Pod, annotations map[string]string, spec *corev1.PodSpec) []Obstacle {
	if p == nil || p.none {
		return nil
	}
	return p.Decide(namespace, Pod{Pod: pod, Annotations: annotations, Room: math.MaxInt, Spec: spec}).Obstacles
}

// target is the pod's container from which a hook's init containers inherit; nil where the pod has none of the name.
func target(policy *match.Policy, hook *v1alpha1.Hook, pod Pod) *corev1.Container {
	name := hook.Container
	if name == "" {
		chosen, found := policy.DefaultContainer(pod.Pod)
		if !found {
			return nil
		}
		name = chosen.Name
	}
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		named := func(container corev1.Container) bool { return container.Name == name }
		if i := slices.IndexFunc(containers, named); i >= 0 {
			return &containers[i]
		}
	}
	return nil
}
