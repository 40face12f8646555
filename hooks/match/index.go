package match

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"
)

// Index holds compiled policies so that a pod looks at few of them, however many there are. It does not change, and is
// safe to use from many goroutines.
//
// Policies for every namespace are filed once, under labels that a pod must have. The others are filed in the same way
// for each namespace that they select, when a pod of that namespace is first looked at.
type Index struct {
	policies   []*Policy
	everywhere file
	somewhere  []*Policy
	frequency  map[label]int
	namespaces *namespaceFiles
}

// NewIndex files policies, and gives each its Rank.
func NewIndex(policies []*Policy) *Index {
	policies = slices.Clone(policies)
	slices.SortFunc(policies, Compare)
	x := &Index{policies: policies, frequency: map[label]int{}, namespaces: &namespaceFiles{}}
	var everywhere []*Policy
	for rank, policy := range policies {
		policy.Rank = rank
		for _, demand := range demands(policy.labelSelector) {
			for _, l := range demand {
				x.frequency[l]++
			}
		}
		if policy.selectsEveryNamespace() {
			everywhere = append(everywhere, policy)
		} else {
			x.somewhere = append(x.somewhere, policy)
		}
	}
	x.everywhere = newFile(everywhere, x.frequency)
	return x
}

// Policies are all policies of the index, by Rank.
func (x *Index) Policies() []*Policy { return x.policies }

// Match returns the policies that select a pod with these labels in this namespace, by Rank. The caller has made sure
// that the namespace takes part.
func (x *Index) Match(namespace Namespace, podLabels map[string]string) []*Policy {
	matched := x.everywhere.appendMatches(nil, podLabels)
	if len(x.somewhere) > 0 {
		matched = x.namespaceFile(namespace).appendMatches(matched, podLabels)
	}
	slices.SortFunc(matched, func(a, b *Policy) int { return a.Rank - b.Rank })
	return matched
}

// namespaceFile has the policies that select this namespace and not every one.
func (x *Index) namespaceFile(namespace Namespace) file {
	return x.namespaces.get(namespace, func() file {
		var selecting []*Policy
		for _, policy := range x.somewhere {
			if policy.selectsNamespace(namespace) {
				selecting = append(selecting, policy)
			}
		}
		return newFile(selecting, x.frequency)
	})
}

// file holds policies by a label that a pod must have for the policy to apply: of several, the one that the fewest
// policies demand. Policies that demand none are under the empty label.
type file map[label][]*Policy

func newFile(policies []*Policy, frequency map[label]int) file {
	f := file{}
	for _, policy := range policies {
		for _, l := range rarest(demands(policy.labelSelector), frequency) {
			f[l] = append(f[l], policy)
		}
	}
	return f
}

// appendMatches appends those policies of the file that select a pod by its labels. None is met twice: it is under one
// label name, of which a pod has one value.
func (f file) appendMatches(matched []*Policy, podLabels map[string]string) []*Policy {
	look := func(l label) {
		for _, policy := range f[l] {
			if policy.labelSelector.Matches(labels.Set(podLabels)) {
				matched = append(matched, policy)
			}
		}
	}
	look(label{})
	for name, value := range podLabels {
		look(label{name: name, value: value})
		look(label{name: name, anyValue: true})
	}
	return matched
}
