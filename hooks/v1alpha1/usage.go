package v1alpha1

// MaxUses is how many uses a status lists at most.
const MaxUses = 100

// ConditionTerminating is True while a script or a template is deleted and still used. The message says by whom.
const ConditionTerminating = "Terminating"

// Reasons of the conditions of scripts and templates, beside those that policies have as well.
const (
	// ReasonUsable goes with Ready=True.
	ReasonUsable = "Usable"
	// ReasonStillUsed goes with Terminating=True.
	ReasonStillUsed = "StillUsed"
)

// Use is a hook that uses a HookScript or a HookTemplate.
type Use struct {
	// Kind is HookPolicy, NamespacedHookPolicy or HookTemplate.
	// +required
	// +kubebuilder:validation:Enum=HookPolicy;NamespacedHookPolicy;HookTemplate
	Kind string `json:"kind"`
	// Namespace of a NamespacedHookPolicy.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// Name of it.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Hook that uses the script; of a template, empty.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Hook string `json:"hook,omitempty"`
	// Stages of the hook, or of all of the template's.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=6
	Stages []Stage `json:"stages,omitempty"`
}

// Usage is by whom something of the library is used.
type Usage struct {
	// Uses is how many hooks use it, or, of a template, how many policies.
	// +optional
	// +kubebuilder:default=0
	Uses int32 `json:"uses"`
	// Users in one line, such as "HookPolicy/postgres, NamespacedHookPolicy/shop/db and 3 more".
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Users string `json:"users,omitempty"`
	// UsedBy lists the uses, at most 100.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	UsedBy []Use `json:"usedBy,omitempty"`
}
