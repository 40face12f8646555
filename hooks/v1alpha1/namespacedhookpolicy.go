package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NamespacedHookPolicy is a HookPolicy for the pods of its own namespace, written by the team that owns it. The namespace
// takes part only if it has opted in.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=nhp,categories=quiesce
// +kubebuilder:printcolumn:name="Stages",type=string,JSONPath=`.status.stages`
// +kubebuilder:printcolumn:name="Matched",type=integer,JSONPath=`.status.matchedPods`
// +kubebuilder:printcolumn:name="Stamped",type=integer,JSONPath=`.status.stampedPods`
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspend`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Velero",type=string,JSONPath=`.spec.velero.mode`,priority=1
// +kubebuilder:printcolumn:name="Priority",type=integer,JSONPath=`.spec.priority`,priority=1
// +kubebuilder:printcolumn:name="Prepared",type=integer,JSONPath=`.status.preparedPods`,priority=1
// +kubebuilder:printcolumn:name="Stampable",type=string,JSONPath=`.status.conditions[?(@.type=="Stampable")].reason`,priority=1
// +kubebuilder:printcolumn:name="Preparable",type=string,JSONPath=`.status.conditions[?(@.type=="Preparable")].reason`,priority=1
// +kubebuilder:printcolumn:name="Conflicted",type=string,JSONPath=`.status.conditions[?(@.type=="Conflicted")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type NamespacedHookPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	// +kubebuilder:validation:XValidation:rule="!has(self.selector) || !has(self.selector.includedNamespaces) && !has(self.selector.excludedNamespaces) && !has(self.selector.namespaceSelector)",fieldPath=".selector",message="a NamespacedHookPolicy is for its own namespace: leave includedNamespaces, excludedNamespaces and namespaceSelector out, or write a HookPolicy"
	Spec HookPolicySpec `json:"spec"`
	// +optional
	Status HookPolicyStatus `json:"status,omitempty"`
}

// NamespacedHookPolicyList is a list of NamespacedHookPolicy.
//
// +kubebuilder:object:root=true
type NamespacedHookPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NamespacedHookPolicy `json:"items"`
}
