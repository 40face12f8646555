package match

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// Index holds compiled policies so that a pod looks at few of them, however many there are. It is immutable, and safe to
// use from many goroutines.
//
// Every policy is filed under what a pod must have for the policy to apply: the name of a namespace, where the policy
// names some without a glob, and one label, the rarest of those that its labelSelector demands. A pod looks only under
// its own namespace and its own labels.
type Index struct {
	policies []*Policy
	files    map[key][]*Policy
}

// key is what a pod must have. An empty namespace means any, an empty label means none in particular.
type key struct {
	namespace string
	label     label
}

type label struct{ name, value string }

// NewIndex files policies, and gives each its Rank.
func NewIndex(policies []*Policy) *Index {
	policies = slices.Clone(policies)
	slices.SortFunc(policies, Compare)
	frequency := map[label]int{}
	for rank, policy := range policies {
		policy.Rank = rank
		for _, choice := range demandedLabels(policy.labelSelector) {
			for _, l := range choice {
				frequency[l]++
			}
		}
	}
	files := map[key][]*Policy{}
	for _, policy := range policies {
		for _, namespace := range demandedNamespaces(policy) {
			for _, l := range rarest(demandedLabels(policy.labelSelector), frequency) {
				k := key{namespace, l}
				files[k] = append(files[k], policy)
			}
		}
	}
	return &Index{policies: policies, files: files}
}

// Policies are all policies of the index, by Rank.
func (x *Index) Policies() []*Policy { return x.policies }

// Match returns the policies that select a pod with these labels in this namespace, by Rank. The caller has made sure
// that the namespace takes part.
func (x *Index) Match(namespace Namespace, podLabels map[string]string) []*Policy {
	var matched []*Policy
	for _, name := range [...]string{namespace.Name, ""} {
		matched = x.appendFile(matched, key{namespace: name}, namespace, podLabels)
		for k, v := range podLabels {
			matched = x.appendFile(matched, key{name, label{k, v}}, namespace, podLabels)
		}
	}
	slices.SortFunc(matched, func(a, b *Policy) int { return a.Rank - b.Rank })
	return matched
}

// appendFile appends those policies filed under a key that do select the pod. No policy is met twice: it is filed under
// one label name, of which a pod has one value, and under either names of namespaces or none.
func (x *Index) appendFile(matched []*Policy, k key, namespace Namespace, podLabels map[string]string) []*Policy {
	for _, policy := range x.files[k] {
		if policy.labelSelector.Matches(labels.Set(podLabels)) && policy.selectsNamespace(namespace) {
			matched = append(matched, policy)
		}
	}
	return matched
}

// demandedNamespaces are the names under which to file a policy: those it includes when none is a glob, else "".
func demandedNamespaces(policy *Policy) []string {
	names := make([]string, 0, len(policy.included))
	for _, g := range policy.included {
		if !g.literal() {
			return []string{""}
		}
		names = append(names, string(g))
	}
	if len(names) == 0 {
		return []string{""}
	}
	return distinct(names)
}

// distinct values: a policy that names one twice is filed, and found, once.
func distinct(values []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}

// demandedLabels lists the requirements of a selector that name values, each as the labels of which a pod must have one.
func demandedLabels(selector labels.Selector) [][]label {
	requirements, _ := selector.Requirements()
	var demanded [][]label
	for _, requirement := range requirements {
		switch requirement.Operator() {
		case selection.In, selection.Equals, selection.DoubleEquals:
			var choice []label
			for _, value := range distinct(requirement.ValuesUnsorted()) {
				choice = append(choice, label{requirement.Key(), value})
			}
			demanded = append(demanded, choice)
		}
	}
	return demanded
}

// rarest picks, of several demands, the one under whose labels the fewest policies come; without any, the empty label.
func rarest(demands [][]label, frequency map[label]int) []label {
	if len(demands) == 0 {
		return []label{{}}
	}
	count := func(choice []label) (total int) {
		for _, l := range choice {
			total += frequency[l]
		}
		return total
	}
	return slices.MinFunc(demands, func(a, b []label) int { return count(a) - count(b) })
}
