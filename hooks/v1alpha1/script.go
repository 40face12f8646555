package v1alpha1

// MaxScriptBytes is how long a script may be, the line with its interpreter included.
const MaxScriptBytes = 98304

// ScriptAction runs a script in the container: a HookScript, or one that stands here. Its first line names its interpreter, which
// the container must have. The script is streamed to it, so that it is in no file and on no command line; its stdin is empty, and
// its exit code is the hook's.
type ScriptAction struct {
	// Name of a HookScript.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// Inline is the script itself, such as "#!/bin/sh\nsync\n": at most 98,304 bytes.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=98304
	Inline string `json:"inline,omitempty"`

	// Args are the script's arguments.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=32768
	Args []string `json:"args,omitempty"`

	// Env are variables of the script's environment, beside the container's own.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []ScriptVariable `json:"env,omitempty"`
}

// ScriptVariable is a variable of a script's environment.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.value) && has(self.valueFrom))",message="write value or valueFrom, not both"
type ScriptVariable struct {
	// Name of the variable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",message="write letters, digits and underscores, such as PGUSER"
	Name string `json:"name"`

	// Value of the variable.
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	Value string `json:"value,omitempty"`

	// ValueFrom is where the value comes from.
	// +optional
	ValueFrom *ValueSource `json:"valueFrom,omitempty"`
}

// ValueSource is where a value comes from that is not to stand in the object itself. It is read when the hook runs, by a right that the
// namespace has granted, and written nowhere.
type ValueSource struct {
	// SecretKeyRef is a key of a Secret in the pod's namespace.
	// +required
	SecretKeyRef SecretKeyRef `json:"secretKeyRef"`
}

// SecretKeyRef is a key of a Secret in the namespace in which the hook runs.
type SecretKeyRef struct {
	// Name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Key in it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`
}
