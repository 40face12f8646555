package convert

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The bounds of a policy's labelSelector, as the schema has them.
const (
	maxMatchLabels = 32
	maxExpressions = 16
	maxValues      = 32
)

// selectLabels joins selectors, of which all must hold.
func selectLabels(selectors ...*metav1.LabelSelector) (*v1alpha1.LabelSelector, error) {
	joined := &v1alpha1.LabelSelector{}
	for _, selector := range selectors {
		if selector == nil {
			continue
		}
		if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
			return nil, fmt.Errorf("its labelSelector is none (%w), with which Velero refuses it too", err)
		}
		for _, key := range slices.Sorted(maps.Keys(selector.MatchLabels)) {
			value := v1alpha1.LabelValue(selector.MatchLabels[key])
			if joined.MatchLabels == nil {
				joined.MatchLabels = map[string]v1alpha1.LabelValue{}
			}
			if other, taken := joined.MatchLabels[key]; taken && other != value || !taken && len(joined.MatchLabels) == maxMatchLabels {
				joined.MatchExpressions = append(joined.MatchExpressions,
					v1alpha1.LabelRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []v1alpha1.LabelValue{value}})
				continue
			}
			joined.MatchLabels[key] = value
		}
		for _, requirement := range selector.MatchExpressions {
			converted := v1alpha1.LabelRequirement{Key: requirement.Key, Operator: requirement.Operator}
			for _, value := range requirement.Values {
				converted.Values = append(converted.Values, v1alpha1.LabelValue(value))
			}
			if len(converted.Values) > maxValues {
				return nil, fmt.Errorf("its labelSelector has more than %d values for %s: give the pods a label of their own for it", maxValues, requirement.Key)
			}
			joined.MatchExpressions = append(joined.MatchExpressions, converted)
		}
	}
	if len(joined.MatchExpressions) > maxExpressions {
		return nil, fmt.Errorf("its labelSelector has more than %d matchExpressions: give the pods a label of their own for it", maxExpressions)
	}
	if len(joined.MatchLabels)+len(joined.MatchExpressions) == 0 {
		return nil, nil //nolint:nilnil // nil selects everything, as everywhere
	}
	return joined, nil
}

// either joins selectors of which one must hold, which a selector can say when each of them wants a value of the same label.
func either(selectors []*metav1.LabelSelector) (*metav1.LabelSelector, bool) {
	var key string
	var values []string
	for _, selector := range selectors {
		if selector == nil || len(selector.MatchLabels) != 1 || len(selector.MatchExpressions) > 0 {
			return nil, false
		}
		for k, value := range selector.MatchLabels {
			if key != "" && k != key {
				return nil, false
			}
			key = k
			values = append(values, value)
		}
	}
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpIn, Values: values}}}, true
}

// labels selects the pods of an entry, narrowed to those of its Backup or Restore.
func (d *draft) labels(entry, own *metav1.LabelSelector, or []*metav1.LabelSelector, owner string) error {
	selectors := []*metav1.LabelSelector{entry}
	if own != nil {
		selectors = append(selectors, own)
		d.comments.add(pathLabels, "With what the %s selects.", owner)
	}
	if len(or) > 0 {
		joined, can := either(or)
		if can {
			selectors = append(selectors, joined)
			d.comments.add(pathLabels, "With the orLabelSelectors of the %s.", owner)
		} else {
			d.comments.add(pathLabels, "Left out: the orLabelSelectors of the %s, since a policy has one labelSelector of which all must hold. "+
				"Pods that it leaves out are selected too: write a policy for each, or give the pods a label of their own.", owner)
		}
	}
	selector, err := selectLabels(selectors...)
	d.spec.Selector.LabelSelector = selector
	return err
}
