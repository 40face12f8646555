package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HookTemplate is ready-made hooks for an application, with params. A policy uses it by its name, or is a copy of it. While a
// policy uses it, it cannot be deleted.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=ht,categories=quiesce
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.spec.application`
// +kubebuilder:printcolumn:name="Stages",type=string,JSONPath=`.status.stages`
// +kubebuilder:printcolumn:name="Params",type=string,JSONPath=`.status.params`
// +kubebuilder:printcolumn:name="Uses",type=integer,JSONPath=`.status.uses`
// +kubebuilder:printcolumn:name="Used by",type=string,JSONPath=`.status.users`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`,priority=1
// +kubebuilder:printcolumn:name="Description",type=string,JSONPath=`.spec.description`,priority=1
type HookTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec HookTemplateSpec `json:"spec"`
	// +optional
	Status HookTemplateStatus `json:"status,omitempty"`
}

// HookTemplateList is a list of HookTemplate.
//
// +kubebuilder:object:root=true
type HookTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HookTemplate `json:"items"`
}

// HookTemplateSpec is ready-made hooks. In their strings $(name) stands for the value of a param, and $$(name) for itself: in
// argv, stdin, URLs, hosts, ports, paths, headers, bodies, forms, and in arguments and variables of scripts. In a shell's own
// text, behind sh -c, no param is replaced: give it as a further argument, and write "$1" there.
type HookTemplateSpec struct {
	// Application that the hooks are for, such as PostgreSQL.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Application string `json:"application"`

	// Description says what the hooks do, and what they need.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Description string `json:"description,omitempty"`

	// Selector is a suggestion for policies that use the template. It selects nothing by itself.
	// +optional
	Selector PolicySelector `json:"selector,omitempty"`

	// Params that policies give.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Params []TemplateParam `json:"params,omitempty"`

	// Hooks in the order in which they run before the backup.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Hooks []Hook `json:"hooks"`
}

// TemplateParam is what a policy gives to a template.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.required) && self.required && has(self.default))",message="a param with a default is not required: leave one of the two out"
// +kubebuilder:validation:XValidation:rule="!(has(self.secret) && self.secret && has(self.default))",message="a secret has no default: leave it out"
type TemplateParam struct {
	// Name by which the hooks have it, as $(name).
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9]*$')",message="write letters and digits, such as lockTimeout"
	Name string `json:"name"`

	// Usage says what it is for, and what to write.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Usage string `json:"usage,omitempty"`

	// Required says that a policy has to give it.
	// +optional
	Required bool `json:"required,omitempty"`

	// Default is its value where a policy does not give it. Without one, and not required, it is empty.
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Default string `json:"default,omitempty"`

	// Secret says that its value is a key of a Secret. It may only be the whole of a script's variable, or of a header.
	// +optional
	Secret bool `json:"secret,omitempty"`

	// Pattern is a regular expression (RE2) that the whole value must match. A param that is part of a stdin needs one.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Pattern string `json:"pattern,omitempty"`
}

// HookTemplateStatus is what is known of a template.
type HookTemplateStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Version changes with the hooks and params. Policies that use the template have it in their status as well.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Version string `json:"version,omitempty"`

	// Stages of its hooks, separated by commas.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Stages string `json:"stages,omitempty"`

	// Params by their names, separated by commas; those that are required with an asterisk.
	// +optional
	// +kubebuilder:validation:MaxLength=2560
	Params string `json:"params,omitempty"`

	Usage `json:",inline"`

	// Conditions: Ready (policies can use it), and while it is deleted, Terminating with who still uses it.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TemplateUse is the use of a template by a policy.
type TemplateUse struct {
	// Name of the HookTemplate.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Params that it is given.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Params []TemplateParamValue `json:"params,omitempty"`
}

// TemplateParamValue is the value of a param.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.value) && has(self.valueFrom))",message="write value, or valueFrom for a secret param"
type TemplateParamValue struct {
	// Name of the param.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// Value of it.
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Value string `json:"value,omitempty"`

	// ValueFrom is where the value of a secret param comes from.
	// +optional
	ValueFrom *ValueSource `json:"valueFrom,omitempty"`
}
