package match

import (
	"fmt"
	"math/rand/v2"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// chance makes policies, namespaces and pods of few words, so that they often match. It makes the same ones each time.
type chance struct{ *rand.Rand }

func newChance() chance {
	const seed = 20261121
	return chance{rand.New(rand.NewPCG(seed, seed))}
}

func (c chance) pick(choices ...string) string { return choices[c.IntN(len(choices))] }

func (c chance) policies(count int) []*v1alpha1.HookPolicy {
	policies := make([]*v1alpha1.HookPolicy, count)
	for i := range policies {
		policies[i] = policy(fmt.Sprintf("p%03d", i), int32(c.IntN(5)), v1alpha1.PolicySelector{
			IncludedNamespaces: c.globs(), ExcludedNamespaces: c.globs(),
			NamespaceSelector: c.selector(), LabelSelector: c.selector(),
			ContainerImages: c.patterns(), ExcludedContainerImages: c.patterns(),
		})
		if c.IntN(4) == 0 {
			policies[i].Namespace = c.pick("a", "b", "ab")
		}
		for h := range c.IntN(3) {
			policies[i].Spec.Hooks = append(policies[i].Spec.Hooks, v1alpha1.Hook{Name: fmt.Sprintf("h%d", h), LabelSelector: c.selector()})
		}
	}
	return policies
}

func (c chance) globs() (globs []v1alpha1.NamespaceGlob) {
	for range c.IntN(3) {
		globs = append(globs, v1alpha1.NamespaceGlob(c.pick("a", "b", "c", "a*", "?", "*", "b?")))
	}
	return globs
}

func (c chance) selector() *v1alpha1.LabelSelector {
	value := func(choices ...string) v1alpha1.LabelValue { return v1alpha1.LabelValue(c.pick(choices...)) }
	selector := &v1alpha1.LabelSelector{}
	for range c.IntN(3) {
		switch key := c.pick("k", "l", "m"); c.IntN(4) {
		case 0:
			selector.MatchExpressions = append(selector.MatchExpressions, v1alpha1.LabelRequirement{
				Key: key, Operator: metav1.LabelSelectorOpIn, Values: []v1alpha1.LabelValue{value("1", "2"), value("2", "3")}})
		case 1:
			selector.MatchExpressions = append(selector.MatchExpressions, v1alpha1.LabelRequirement{
				Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []v1alpha1.LabelValue{value("1", "2", "3")}})
		case 2:
			selector.MatchExpressions = append(selector.MatchExpressions, v1alpha1.LabelRequirement{
				Key: key, Operator: metav1.LabelSelectorOperator(c.pick("Exists", "DoesNotExist"))})
		case 3:
			selector.MatchLabels = map[string]v1alpha1.LabelValue{key: value("1", "2", "3")}
		}
	}
	return selector
}

func (c chance) patterns() (patterns []v1alpha1.ImagePattern) {
	for range c.IntN(3) - 1 {
		patterns = append(patterns, v1alpha1.ImagePattern(c.pick("^a", "b", "a|c", ":2$")))
	}
	return patterns
}

// namespace is one whose labels change now and then; what is remembered of it must not outlive them.
func (c chance) namespace() Namespace {
	namespace := Namespace{Name: c.pick("a", "b", "c", "ab", "bc"), Labels: map[string]string{"k": c.pick("1", "2"), "l": c.pick("1", "2", "3")}}
	if c.IntN(10) == 0 {
		return UnknownNamespace(namespace.Name)
	}
	return namespace
}

func (c chance) pod() Pod {
	pod := Pod{Labels: map[string]string{}}
	for range c.IntN(4) {
		pod.Labels[c.pick("k", "l", "m")] = c.pick("1", "2", "3")
	}
	for i := range c.IntN(4) {
		pod.Containers = append(pod.Containers, Container{Name: fmt.Sprintf("c%d", i), Image: c.pick("a:1", "a:2", "b:1", "c:2", "d:3")})
	}
	return pod
}
