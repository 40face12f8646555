// Package v1alpha1 holds the types of the API group quiesce.io/v1alpha1 and every label and annotation key that Quiesce
// reads or writes.
//
// +kubebuilder:object:generate=true
// +groupName=quiesce.io
package v1alpha1
