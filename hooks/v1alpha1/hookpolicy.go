package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HookPolicy says which pods of opted-in namespaces get which hooks, in which stages.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=hp,categories=quiesce
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
type HookPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec HookPolicySpec `json:"spec"`
	// +optional
	Status HookPolicyStatus `json:"status,omitempty"`
}

// HookPolicyList is a list of HookPolicy.
//
// +kubebuilder:object:root=true
type HookPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HookPolicy `json:"items"`
}
