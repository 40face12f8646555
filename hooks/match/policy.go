// Package match decides which policies apply to a pod. It is pure: policies are compiled once into an Index, which the
// webhook and the controller ask alike.
package match

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Ref names a policy.
type Ref struct {
	// Namespace of a NamespacedHookPolicy; empty for a HookPolicy.
	Namespace string
	Name      string
}

// Kind is that of the policy's object.
func (r Ref) Kind() string {
	if r.Namespace == "" {
		return "HookPolicy"
	}
	return "NamespacedHookPolicy"
}

// String is the policy in a sentence, such as HookPolicy "postgres".
func (r Ref) String() string { return fmt.Sprintf("%s %q", r.Kind(), r.Name) }

// Policy is a policy whose selectors have been parsed.
type Policy struct {
	Ref
	Spec *v1alpha1.HookPolicySpec

	// Rank is the policy's place in the order in which policies apply, from 0: see Compare.
	Rank int

	included, excluded []glob
	namespaceSelector  labels.Selector
	labelSelector      labels.Selector
	images             images
	hookSelectors      []labels.Selector // by the hook's place; nil selects every pod
	// readsLabels is true when the namespaceSelector looks at a label that is not known of every namespace.
	readsLabels bool
}

// Compile parses the selectors of a policy. An error names the field and says what is wrong with it. The spec must not be
// changed afterwards.
func Compile(ref Ref, spec *v1alpha1.HookPolicySpec) (*Policy, error) {
	policy, mistakes := compile(ref, spec)
	if len(mistakes) > 0 {
		return nil, mistakes[0]
	}
	return policy, nil
}

// compile is Compile with all mistakes; the policy can be used where there are none.
func compile(ref Ref, spec *v1alpha1.HookPolicySpec) (policy *Policy, mistakes []error) {
	selector := &spec.Selector
	namespaceSelector, err := selector.NamespaceSelector.Compile()
	if err != nil {
		mistakes = append(mistakes, fmt.Errorf("spec.selector.namespaceSelector: %w", err))
	}
	labelSelector, err := selector.LabelSelector.Compile()
	if err != nil {
		mistakes = append(mistakes, fmt.Errorf("spec.selector.labelSelector: %w", err))
	}
	included, inIncluded := compileGlobs("spec.selector.includedNamespaces", selector.IncludedNamespaces)
	excluded, inExcluded := compileGlobs("spec.selector.excludedNamespaces", selector.ExcludedNamespaces)
	images, inImages := compileImages(selector)
	hookSelectors, inHooks := compileHookSelectors(spec.Hooks)
	mistakes = slices.Concat(mistakes, inIncluded, inExcluded, inImages, inHooks)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	if ref.Namespace != "" {
		included = []glob{glob(ref.Namespace)}
	}
	requirements, _ := namespaceSelector.Requirements()
	return &Policy{
		Ref:               ref,
		Spec:              spec,
		included:          included,
		excluded:          excluded,
		namespaceSelector: namespaceSelector,
		labelSelector:     labelSelector,
		images:            images,
		hookSelectors:     hookSelectors,
		readsLabels:       slices.ContainsFunc(requirements, readsLabel),
	}, nil
}

// compileHookSelectors returns nil where no hook narrows the policy's pods.
func compileHookSelectors(hooks []v1alpha1.Hook) (selectors []labels.Selector, mistakes []error) {
	for i := range hooks {
		if hooks[i].LabelSelector == nil {
			continue
		}
		selector, err := hooks[i].LabelSelector.Compile()
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("spec.hooks[%s].labelSelector: %w", hooks[i].Name, err))
			continue
		}
		if selectors == nil {
			selectors = make([]labels.Selector, len(hooks))
		}
		selectors[i] = selector
	}
	return selectors, mistakes
}

// SelectsHook tells whether a hook of the policy, by its place in the spec, is for a pod that the policy selects.
func (p *Policy) SelectsHook(hook int, podLabels map[string]string) bool {
	if len(p.hookSelectors) == 0 || p.hookSelectors[hook] == nil {
		return true
	}
	return p.hookSelectors[hook].Matches(labels.Set(podLabels))
}

// Prepares tells whether the policy has init containers for a pod that it selects, when a restore creates it.
func (p *Policy) Prepares(podLabels map[string]string) bool {
	for i := range p.Spec.Hooks {
		if p.Spec.Hooks[i].Init != nil && p.SelectsHook(i, podLabels) {
			return true
		}
	}
	return false
}

// HasHooksFor tells whether the policy has hooks in one of some stages for a pod that it selects, init containers aside, and those that run
// in no pod.
func (p *Policy) HasHooksFor(podLabels map[string]string, stages ...v1alpha1.Stage) bool {
	for i := range p.Spec.Hooks {
		hook := &p.Spec.Hooks[i]
		if hook.Init == nil && hook.RunOn != v1alpha1.OncePerSession && slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool { return slices.Contains(stages, stage) }) &&
			p.SelectsHook(i, podLabels) {
			return true
		}
	}
	return false
}

// Covers tells whether the policy may select pods of a namespace, if there are any. The caller has made sure that the
// namespace takes part.
func (p *Policy) Covers(namespace Namespace) bool { return p.selectsNamespace(namespace) }

// readsLabel tells whether a requirement looks at a label that is not known of every namespace.
func readsLabel(requirement labels.Requirement) bool {
	return requirement.Key() != v1alpha1.NamespaceNameLabel && requirement.Key() != v1alpha1.HooksLabel
}

// selectsNamespace tells whether the policy covers a namespace. Exclusion wins. Explain takes the same steps.
func (p *Policy) selectsNamespace(namespace Namespace) bool {
	if namespace.unknown && p.readsLabels {
		return false
	}
	return p.includes(namespace) && !p.excludes(namespace) && p.namespaceSelector.Matches(labels.Set(namespace.Labels))
}

func (p *Policy) includes(namespace Namespace) bool {
	return len(p.included) == 0 || matchesAny(p.included, namespace.Name)
}

func (p *Policy) excludes(namespace Namespace) bool { return matchesAny(p.excluded, namespace.Name) }

// selectsPod tells whether the policy selects a pod of a namespace that it covers. Explain takes the same steps.
func (p *Policy) selectsPod(pod Pod) bool {
	return p.labelSelector.Matches(labels.Set(pod.Labels)) && p.images.selects(pod)
}

// selectsEveryNamespace tells whether the policy covers all of them, those to come included.
func (p *Policy) selectsEveryNamespace() bool {
	return (len(p.included) == 0 || slices.Contains(p.included, "*")) && len(p.excluded) == 0 && p.namespaceSelector.Empty()
}

// Compare orders policies as they apply: by priority, the highest first; HookPolicies ahead of NamespacedHookPolicies;
// then by name.
func Compare(a, b *Policy) int {
	return cmp.Or(
		cmp.Compare(b.Spec.Priority, a.Spec.Priority),
		strings.Compare(a.Namespace, b.Namespace),
		strings.Compare(a.Name, b.Name),
	)
}
