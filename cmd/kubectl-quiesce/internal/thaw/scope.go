package thaw

import (
	"fmt"
	"slices"
	"strings"

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

// String is the scope in a sentence; empty where it is not narrow.
func (s scope) String() string {
	var parts []string
	for _, pod := range s.pods {
		parts = append(parts, "pod/"+pod)
	}
	if s.selector != nil && !s.selector.Empty() {
		parts = append(parts, "pods with labels "+s.selector.String())
	}
	for _, policy := range s.policies {
		parts = append(parts, "policy "+policy)
	}
	return strings.Join(parts, ", ")
}

// within is a place in a sentence, with the scope where that is narrow.
func (s scope) within(place string) string {
	if !s.narrow() {
		return place
	}
	return fmt.Sprintf("%s of what was asked for: %s", place, s)
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
