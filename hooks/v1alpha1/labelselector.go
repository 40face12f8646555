package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// LabelSelector is metav1.LabelSelector, to the letter, with bounds and with its mistakes refused at apply.
type LabelSelector struct {
	// MatchLabels are labels that must all be there, with these values.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) <= 317 && k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$'))",message="write label keys, such as app or app.kubernetes.io/name"
	MatchLabels map[string]LabelValue `json:"matchLabels,omitempty"`

	// MatchExpressions must all hold.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []LabelRequirement `json:"matchExpressions,omitempty"`
}

// LabelRequirement is metav1.LabelSelectorRequirement with bounds.
//
// +kubebuilder:validation:XValidation:rule="self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",message="write values with In and NotIn, and none with Exists and DoesNotExist"
type LabelRequirement struct {
	// Key of the label.
	// +required
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$')",message="write a label key, such as app or app.kubernetes.io/name"
	Key string `json:"key"`

	// Operator relates the key to the values.
	// +required
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	Operator metav1.LabelSelectorOperator `json:"operator"`

	// Values for In and NotIn.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Values []LabelValue `json:"values,omitempty"`
}

// LabelValue is the value of a label.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$')",message="write a label value: letters, digits, hyphens, underscores and dots, with a letter or digit at both ends"
type LabelValue string

// Compile parses the selector; nil and empty select everything. It fails on what the schema lets through and a label
// cannot be, such as a key whose name is longer than 63 characters.
func (s *LabelSelector) Compile() (labels.Selector, error) {
	if s == nil {
		return labels.Everything(), nil
	}
	selector := metav1.LabelSelector{MatchLabels: make(map[string]string, len(s.MatchLabels))}
	for key, value := range s.MatchLabels {
		selector.MatchLabels[key] = string(value)
	}
	for _, requirement := range s.MatchExpressions {
		values := make([]string, len(requirement.Values))
		for i, value := range requirement.Values {
			values[i] = string(value)
		}
		selector.MatchExpressions = append(selector.MatchExpressions,
			metav1.LabelSelectorRequirement{Key: requirement.Key, Operator: requirement.Operator, Values: values})
	}
	return metav1.LabelSelectorAsSelector(&selector)
}
