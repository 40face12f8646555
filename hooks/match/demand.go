package match

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// label is what a pod must have: a label with a value, or with any.
type label struct {
	name, value string
	anyValue    bool
}

// demands lists the requirements of a selector that a pod can only meet by having a label, each as the labels of which
// it must have one.
func demands(selector labels.Selector) [][]label {
	requirements, _ := selector.Requirements()
	var demanded [][]label
	for _, requirement := range requirements {
		switch requirement.Operator() {
		case selection.In, selection.Equals, selection.DoubleEquals:
			values := requirement.ValuesUnsorted()
			slices.Sort(values)
			var choice []label
			for _, value := range slices.Compact(values) { // a value named twice is one
				choice = append(choice, label{name: requirement.Key(), value: value})
			}
			demanded = append(demanded, choice)
		case selection.Exists:
			demanded = append(demanded, []label{{name: requirement.Key(), anyValue: true}})
		}
	}
	return demanded
}

// rarest picks, of several demands, the one whose labels the fewest policies demand; without any, the empty label.
func rarest(demands [][]label, frequency map[label]int) []label {
	if len(demands) == 0 {
		return []label{{}}
	}
	count := func(demand []label) (total int) {
		for _, l := range demand {
			total += frequency[l]
		}
		return total
	}
	return slices.MinFunc(demands, func(a, b []label) int { return count(a) - count(b) })
}
