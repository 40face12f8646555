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

// Policy is a HookPolicy whose selectors have been parsed.
type Policy struct {
	*v1alpha1.HookPolicy

	// Rank is the policy's place in the order in which policies apply, from 0: by priority, the highest first, then by
	// name.
	Rank int

	included, excluded []glob
	namespaceSelector  labels.Selector
	labelSelector      labels.Selector
	// readsLabels is true when the namespaceSelector looks at a label that is not known of every namespace.
	readsLabels bool
}

// Compile parses the selectors of a policy. An error names the field and says what is wrong with it.
func Compile(policy *v1alpha1.HookPolicy) (*Policy, error) {
	selector := &policy.Spec.Selector
	namespaceSelector, err := selector.NamespaceSelector.Compile()
	if err != nil {
		return nil, fmt.Errorf("spec.selector.namespaceSelector: %w", err)
	}
	labelSelector, err := selector.LabelSelector.Compile()
	if err != nil {
		return nil, fmt.Errorf("spec.selector.labelSelector: %w", err)
	}
	included, err := compileGlobs("spec.selector.includedNamespaces", selector.IncludedNamespaces)
	if err != nil {
		return nil, err
	}
	excluded, err := compileGlobs("spec.selector.excludedNamespaces", selector.ExcludedNamespaces)
	if err != nil {
		return nil, err
	}
	requirements, _ := namespaceSelector.Requirements()
	return &Policy{
		HookPolicy:        policy,
		included:          included,
		excluded:          excluded,
		namespaceSelector: namespaceSelector,
		labelSelector:     labelSelector,
		readsLabels: slices.ContainsFunc(requirements, func(r labels.Requirement) bool {
			return r.Key() != v1alpha1.NamespaceNameLabel && r.Key() != v1alpha1.HooksLabel
		}),
	}, nil
}

// selectsNamespace tells whether the policy covers a namespace. Exclusion wins.
func (p *Policy) selectsNamespace(namespace Namespace) bool {
	if namespace.unknown && p.readsLabels {
		return false
	}
	return (len(p.included) == 0 || matchesAny(p.included, namespace.Name)) &&
		!matchesAny(p.excluded, namespace.Name) &&
		p.namespaceSelector.Matches(labels.Set(namespace.Labels))
}

// selectsEveryNamespace tells whether the policy covers all of them, those to come included.
func (p *Policy) selectsEveryNamespace() bool {
	return (len(p.included) == 0 || slices.Contains(p.included, "*")) && len(p.excluded) == 0 && p.namespaceSelector.Empty()
}

// Compare orders policies as they apply: by priority, the highest first, then by name.
func Compare(a, b *Policy) int {
	return cmp.Or(
		cmp.Compare(b.Spec.Priority, a.Spec.Priority),
		strings.Compare(a.Name, b.Name),
	)
}
