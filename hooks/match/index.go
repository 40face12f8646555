package match

import (
	"slices"
)

// Index holds compiled policies so that a pod looks at few of them, however many there are. It does not change, and is
// safe to use from many goroutines.
//
// Policies for every namespace are filed once, under what a pod must have. The others are filed in the same way for each
// namespace that they select, when a pod of that namespace is first looked at.
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

// Match returns the policies that select a pod of this namespace, by Rank. The caller has made sure that the namespace
// takes part.
func (x *Index) Match(namespace Namespace, pod Pod) []*Policy {
	matched := x.everywhere.appendMatches(nil, pod)
	if len(x.somewhere) > 0 {
		matched = x.namespaceFile(namespace).appendMatches(matched, pod)
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
