package run

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// selectorOf is a selector as kubectl's users write it, as ours has it.
func selectorOf(text string) (*v1alpha1.LabelSelector, error) {
	parsed, err := command.Selector(text)
	if err != nil {
		return nil, err
	}
	requirements, _ := parsed.Requirements()
	if len(requirements) == 0 {
		return nil, nil //nolint:nilnil // nil is a selector: of everything
	}
	narrowed := &v1alpha1.LabelSelector{}
	for _, requirement := range requirements {
		operator, err := operatorOf(requirement)
		if err != nil {
			return nil, err
		}
		ours := v1alpha1.LabelRequirement{Key: requirement.Key(), Operator: operator}
		for _, value := range slices.Sorted(slices.Values(requirement.ValuesUnsorted())) {
			ours.Values = append(ours.Values, v1alpha1.LabelValue(value))
		}
		narrowed.MatchExpressions = append(narrowed.MatchExpressions, ours)
	}
	return narrowed, nil
}

// operatorOf is an operator as ours has it: = and == are In with one value, != is NotIn.
func operatorOf(requirement labels.Requirement) (metav1.LabelSelectorOperator, error) {
	switch requirement.Operator() {
	case selection.In, selection.Equals, selection.DoubleEquals:
		return metav1.LabelSelectorOpIn, nil
	case selection.NotIn, selection.NotEquals:
		return metav1.LabelSelectorOpNotIn, nil
	case selection.Exists:
		return metav1.LabelSelectorOpExists, nil
	case selection.DoesNotExist:
		return metav1.LabelSelectorOpDoesNotExist, nil
	}
	return "", fmt.Errorf("%s: write =, !=, in, notin, or the label's name alone", requirement.Operator())
}
