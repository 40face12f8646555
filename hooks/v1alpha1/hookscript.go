package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HookScript is a script that many hooks may run. A change reaches all of them; sessions that have begun go on with what it was.
// While a policy or a template uses it, it cannot be deleted.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=hs,categories=quiesce
// +kubebuilder:printcolumn:name="Interpreter",type=string,JSONPath=`.status.interpreter`
// +kubebuilder:printcolumn:name="Bytes",type=integer,JSONPath=`.status.bytes`
// +kubebuilder:printcolumn:name="Uses",type=integer,JSONPath=`.status.uses`
// +kubebuilder:printcolumn:name="Used by",type=string,JSONPath=`.status.users`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Notes",type=string,JSONPath=`.spec.notes`,priority=1
type HookScript struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec HookScriptSpec `json:"spec"`
	// +optional
	Status HookScriptStatus `json:"status,omitempty"`
}

// HookScriptList is a list of HookScript.
//
// +kubebuilder:object:root=true
type HookScriptList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HookScript `json:"items"`
}

// HookScriptSpec is a script.
type HookScriptSpec struct {
	// Notes for people: what it does, who looks after it.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Notes string `json:"notes,omitempty"`

	// Script, of which the first line names the interpreter, such as #!/bin/sh: at most 98,304 bytes, with line ends of Unix.
	// +required
	// +kubebuilder:validation:MaxLength=98304
	// +kubebuilder:validation:XValidation:rule="size(bytes(self)) <= 98304",message="a script may have 98304 bytes: have it call a program that the container has for the rest"
	// +kubebuilder:validation:XValidation:rule="self.startsWith('#!/')",message="write the interpreter in the first line, with its path, such as #!/bin/sh or #!/usr/bin/env python3"
	Script string `json:"script"`
}

// HookScriptStatus is what is known of a script.
type HookScriptStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Bytes that the script has.
	// +optional
	// +kubebuilder:default=0
	Bytes int32 `json:"bytes"`

	// Interpreter as the first line names it, such as /bin/sh -e.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Interpreter string `json:"interpreter,omitempty"`

	Usage `json:",inline"`

	// Conditions: Ready (it can be run), and while it is deleted, Terminating with who still uses it.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
