package thaw

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/quiesce-io/quiesce/hooks/match"
)

// scope is what is to be thawed. What is empty narrows nothing.
type scope struct {
	pods     []string
	selector labels.Selector
	policies []string
}

// narrow tells whether not all pods are meant.
func (s scope) narrow() bool {
	return len(s.pods) > 0 || s.selector != nil && !s.selector.Empty() || len(s.policies) > 0
}

// pod tells whether a pod is meant.
func (s scope) pod(pod *corev1.Pod) bool {
	return (len(s.pods) == 0 || slices.Contains(s.pods, pod.Name)) && (s.selector == nil || s.selector.Matches(labels.Set(pod.Labels)))
}

// policy tells whether a policy is meant.
func (s scope) policy(ref match.Ref) bool {
	return len(s.policies) == 0 || slices.Contains(s.policies, ref.Name)
}

// names tells of each name whether a pod with it is meant. One that is gone can only be so by its name.
func (s scope) names(pods []corev1.Pod) func(name string) bool {
	meant := map[string]bool{}
	for i := range pods {
		meant[pods[i].Name] = s.pod(&pods[i])
	}
	return func(name string) bool {
		is, there := meant[name]
		return is || !there && (slices.Contains(s.pods, name) || len(s.pods) == 0 && (s.selector == nil || s.selector.Empty()))
	}
}
