// Package match decides which policies apply to a pod. It is pure: policies are compiled once into an immutable Index,
// which the webhook, the controller and the CLI ask alike.
package match

import (
	"cmp"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
}

// Compile parses the selectors of a policy. An error names the field and says what is wrong with it.
func Compile(policy *v1alpha1.HookPolicy) (*Policy, error) {
	selector := &policy.Spec.Selector
	namespaceSelector, err := compileSelector("spec.selector.namespaceSelector", selector.NamespaceSelector)
	if err != nil {
		return nil, err
	}
	labelSelector, err := compileSelector("spec.selector.labelSelector", selector.LabelSelector)
	if err != nil {
		return nil, err
	}
	included, err := compileGlobs("spec.selector.includedNamespaces", selector.IncludedNamespaces)
	if err != nil {
		return nil, err
	}
	excluded, err := compileGlobs("spec.selector.excludedNamespaces", selector.ExcludedNamespaces)
	if err != nil {
		return nil, err
	}
	return &Policy{
		HookPolicy:        policy,
		included:          included,
		excluded:          excluded,
		namespaceSelector: namespaceSelector,
		labelSelector:     labelSelector,
	}, nil
}

// compileSelector parses a label selector, of which nil and empty select everything.
func compileSelector(field string, selector *metav1.LabelSelector) (labels.Selector, error) {
	if selector == nil {
		return labels.Everything(), nil
	}
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return compiled, nil
}

// selectsNamespace tells whether the policy covers a namespace. Exclusion wins.
func (p *Policy) selectsNamespace(namespace Namespace) bool {
	return (len(p.included) == 0 || matchesAny(p.included, namespace.Name)) &&
		!matchesAny(p.excluded, namespace.Name) &&
		p.namespaceSelector.Matches(labels.Set(namespace.Labels))
}

// Compare orders policies as they apply: by priority, the highest first, then by name.
func Compare(a, b *Policy) int {
	return cmp.Or(
		cmp.Compare(b.Spec.Priority, a.Spec.Priority),
		strings.Compare(a.Name, b.Name),
	)
}
