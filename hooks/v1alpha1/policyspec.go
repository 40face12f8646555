package v1alpha1

import "time"

// MaxSpecBytes is how large the spec of a policy, script or template may be, as JSON. Twice what all annotations of a pod may take
// (k8s.io/apimachinery, TotalAnnotationSizeLimitB), and low enough for etcd (--max-request-bytes).
const MaxSpecBytes = 512 << 10

// HookPolicySpec is what the author of a policy wants.
//
// +kubebuilder:validation:XValidation:rule="has(self.template) || has(self.hooks) && size(self.hooks) > 0",message="write at least one hook, with a name, stages and an action, or template with the name of a HookTemplate"
type HookPolicySpec struct {
	// Suspend switches the policy off without deleting it: its hooks are taken off the pods that carry them.
	// +optional
	// +kubebuilder:default=false
	Suspend bool `json:"suspend,omitempty"`

	// Priority orders policies on a pod: higher first before the backup, last after it; ties go by name. It also decides
	// in which container the pod's hooks are stamped.
	// +optional
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=-1000000
	// +kubebuilder:validation:Maximum=1000000
	Priority int32 `json:"priority,omitempty"`

	// Selector narrows the pods of opted-in namespaces. Empty selects all of them.
	// +optional
	Selector PolicySelector `json:"selector,omitempty"`

	// MaxQuiesce is the longest time between the first hook before the backup and the thaw, for a policy with hooks on both
	// sides: when it passes, a watchdog in the container runs the hooks of after the backup. A number with a unit (s, m, h),
	// 1s to 24h.
	// +optional
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$')",message="write a duration with its unit, such as 90s, 10m or 1h"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$') || (duration(self) >= duration('1s') && duration(self) <= duration('24h'))",message="write a duration of 1s to 24h"
	MaxQuiesce Duration `json:"maxQuiesce,omitzero"`

	// Shell of the containers. Posix: they have /bin/sh, so that hooks are chained and a watchdog thaws what Velero leaves
	// quiesced. None: they have not; then one hook a side is stamped as its plain command, and nothing thaws when Velero dies.
	// +optional
	// +kubebuilder:default=Posix
	Shell Shell `json:"shell,omitempty"`

	// Velero says how the hooks of before and after a backup come to Velero's backups.
	// +optional
	// +kubebuilder:default={}
	Velero PolicyVelero `json:"velero,omitzero"`

	// Template of which the hooks come ahead of the policy's own.
	// +optional
	Template *TemplateUse `json:"template,omitempty"`

	// Hooks in the order in which they run before the backup; after it they run in reverse.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(h, self.exists_one(other, other.name == h.name))",message="give each hook a name of its own"
	Hooks []Hook `json:"hooks,omitempty"`
}

// MaxQuiesce by default, and the least and the most that it may be.
const (
	DefaultMaxQuiesce = 10 * time.Minute

	LeastMaxQuiesce = time.Second
	MostMaxQuiesce  = 24 * time.Hour
)

// Shell says whether the containers of a policy's pods have one.
//
// +kubebuilder:validation:Enum=Posix;None
type Shell string

const (
	// Posix: the containers have a POSIX shell at /bin/sh, and sleep.
	Posix Shell = "Posix"
	// NoShell: they have none.
	NoShell Shell = "None"
)

// PolicyVelero is what a policy has to do with Velero.
type PolicyVelero struct {
	// Mode is Stamp: the hooks are written on pods as Velero's own annotations, and Velero runs them, pod by pod, as far as annotations can
	// express them. Or Session: a Backup waits until a HookSession has run them in all of its pods. Hooks of before a restore, and commands of
	// after it, run in sessions in either mode.
	// +optional
	// +kubebuilder:default=Stamp
	Mode VeleroMode `json:"mode,omitempty"`
}

// VeleroMode is how hooks come to Velero's backups.
//
// +kubebuilder:validation:Enum=Stamp;Session
type VeleroMode string

const (
	// VeleroStamp: Velero runs them, as annotations of the pods have it.
	VeleroStamp VeleroMode = "Stamp"
	// VeleroSession: Quiesce runs them, while Velero waits.
	VeleroSession VeleroMode = "Session"
)

// PolicySelector selects pods. All that is given must hold.
type PolicySelector struct {
	// IncludedNamespaces are names or globs (* and ?). Empty means every opted-in namespace.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	IncludedNamespaces []NamespaceGlob `json:"includedNamespaces,omitempty"`

	// ExcludedNamespaces are names or globs (* and ?). They win over IncludedNamespaces.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	ExcludedNamespaces []NamespaceGlob `json:"excludedNamespaces,omitempty"`

	// NamespaceSelector selects opted-in namespaces by their labels.
	// +optional
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`

	// IncludedResources may only be [pods], which is also its meaning when it is absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.all(r, r == 'pods')",message="hooks run in pods only: write [pods] or leave the field out"
	IncludedResources []string `json:"includedResources,omitempty"`

	// LabelSelector selects pods by their labels.
	// +optional
	LabelSelector *LabelSelector `json:"labelSelector,omitempty"`

	// ContainerImages are regular expressions (RE2), not anchored, such as (^|/)postgres: . A pod is selected if the image
	// of one of its containers or native sidecars matches one of them; empty matches every image. Hooks that name no
	// container run in the first container that matches.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	ContainerImages []ImagePattern `json:"containerImages,omitempty"`

	// ExcludedContainerImages are regular expressions (RE2), not anchored. A container whose image matches one of them does
	// not count, whatever ContainerImages says.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	ExcludedContainerImages []ImagePattern `json:"excludedContainerImages,omitempty"`
}

// ImagePattern is a regular expression (https://github.com/google/re2/wiki/Syntax) for the image of a container as the pod
// has it.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=256
type ImagePattern string

// NamespaceGlob is the name of a namespace, in which * stands for any number of characters and ? for one.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?$')",message="write the name of a namespace, or a glob in which * stands for any characters and ? for one, such as shop or shop-*"
type NamespaceGlob string
