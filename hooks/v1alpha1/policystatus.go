package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HookPolicyStatus is what became of a policy.
type HookPolicyStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Stages that the hooks name, in the order in which they come, separated by commas.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Stages string `json:"stages,omitempty"`

	// Template is the one that the policy uses, as it is used.
	// +optional
	Template *TemplateVersion `json:"template,omitempty"`

	// MatchedPods is the number of running and pending pods for which the policy has hooks.
	// +optional
	// +kubebuilder:default=0
	MatchedPods int32 `json:"matchedPods"`

	// StampedPods is the number of running and pending pods that carry annotations of this policy, matching or not.
	// +optional
	// +kubebuilder:default=0
	StampedPods int32 `json:"stampedPods"`

	// PreparedPods is the number of running and pending pods that were created by a restore with init containers of this
	// policy.
	// +optional
	PreparedPods int32 `json:"preparedPods,omitempty"`

	// LastRestore is the latest restore of which a pod had init containers of this policy.
	// +optional
	LastRestore *LastRestore `json:"lastRestore,omitempty"`

	// NotStamped says which of the policy's hooks matching pods do not carry, or would not get from a restore, and why: alike ones are counted together, the
	// gravest first, at most 20.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	NotStamped []NotStamped `json:"notStamped,omitempty"`

	// Conditions: Ready (the policy is in use), Stampable (its pods can carry its hooks), Preparable (a restore could give them
	// its init containers) and Conflicted (somebody else has the say over hooks of some pods).
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TemplateVersion is a template as a policy uses it.
type TemplateVersion struct {
	// Name of the HookTemplate.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Version as in the template's own status; empty while it is not there.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Version string `json:"version,omitempty"`
	// Since when the policy uses this version.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
}

// LastRestore is a restore in which a policy prepared pods.
type LastRestore struct {
	// Name of the restore, as the pods' marker says it.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// Time at which the latest of the pods was created.
	// +required
	Time metav1.Time `json:"time"`

	// Pods is how many there were at the same time.
	// +required
	Pods int32 `json:"pods"`
}

// MaxNotStamped is how many entries status.notStamped has at most.
const MaxNotStamped = 20

// NotStamped is a reason why pods do not carry hooks of a policy.
type NotStamped struct {
	// Reason in one word.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`

	// Hook that is not stamped; without one, the whole policy is not.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Hook string `json:"hook,omitempty"`

	// Pod is the first of them, as namespace/name.
	// +required
	// +kubebuilder:validation:MaxLength=320
	Pod string `json:"pod"`

	// Pods is how many there are.
	// +required
	Pods int32 `json:"pods"`

	// Message says in a sentence what stands in the way, and what to write instead.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message"`
}

// Types of a policy's conditions.
const (
	// ConditionReady is True while the policy is in use.
	ConditionReady = "Ready"
	// ConditionStampable is True while every matching pod can carry the policy's hooks as annotations.
	ConditionStampable = "Stampable"
	// ConditionPreparable is True while a restore could create every matching pod with the policy's init containers. Only
	// policies with such hooks have it.
	ConditionPreparable = "Preparable"
	// ConditionConflicted is True while somebody else has the say over the hooks of a matching pod: its user, another
	// policy, or a Velero Schedule or Backup with hooks of its own.
	ConditionConflicted = "Conflicted"
)

// Reasons of Ready.
const (
	// ReasonInUse goes with Ready=True.
	ReasonInUse = "InUse"
	// ReasonSuspended goes with Ready=False: spec.suspend is true.
	ReasonSuspended = "Suspended"
	// ReasonInvalid goes with Ready=False: the message says which field, and what to write instead.
	ReasonInvalid = "Invalid"
	// ReasonScriptNotFound and ReasonTemplateNotFound go with Ready=False: the policy names one that is not there. It is used as soon
	// as that comes.
	ReasonScriptNotFound   = "ScriptNotFound"
	ReasonTemplateNotFound = "TemplateNotFound"
)

// Reasons of Stampable.
const (
	// ReasonStampable goes with Stampable=True.
	ReasonStampable = "AllHooks"
	// ReasonNothingToStamp goes with Stampable=True: all hooks are for restored pods.
	ReasonNothingToStamp = "NothingToStamp"
	// ReasonUnguarded goes with Stampable=True: by shell None, a policy of both sides has no watchdog.
	ReasonUnguarded = "NoWatchdog"
	// ReasonContainerNotFound: a hook names a container that a pod lacks.
	ReasonContainerNotFound = "ContainerNotFound"
	// ReasonNativeSidecar: a hook's container is a native sidecar, in which Velero up to 1.18 runs no hooks.
	ReasonNativeSidecar = "NativeSidecar"
	// ReasonOtherContainer: Velero's annotations name one container a side, and hooks of higher rank have it.
	ReasonOtherContainer = "OtherContainer"
	// ReasonSidesApart: the hooks of before and after the backup are in different containers, where no watchdog can thaw.
	ReasonSidesApart = "SidesApart"
	// ReasonOneSided: by their own labelSelectors, a pod gets hooks of before the backup and none of those of after it.
	ReasonOneSided = "OneSided"
	// ReasonNoShell: by shell None there is one hook a side, and the policy has more.
	ReasonNoShell = "NoShell"
	// ReasonTooLarge: the annotations would pass the API server's limit, or the script the kernel's.
	ReasonTooLarge = "TooLarge"
	// ReasonSessionOnly: Velero's annotations cannot express a hook, so that only HookSessions run it, and with it those that belong
	// together with it.
	ReasonSessionOnly = "SessionOnly"
	// ReasonBySession: by spec.velero.mode Session, Velero's Backups wait until sessions have run the hooks: those of such a policy, which goes
	// with Stampable=True, and of all others that have hooks in the same pod.
	ReasonBySession = "BySession"
	// ReasonRejected: the API server did not take the annotations of a running pod.
	ReasonRejected = "Rejected"
)

// Reasons of Preparable.
const (
	// ReasonPreparable goes with Preparable=True.
	ReasonPreparable = "AllPods"
	// ReasonNotPreparable: a pod lacks what an init container needs, such as a volume.
	ReasonNotPreparable = "NotPreparable"
)

// Reasons of Conflicted.
const (
	// ReasonNoConflict goes with Conflicted=False.
	ReasonNoConflict = "NoConflict"
	// ReasonUserOwned: a pod's user wrote Velero hook annotations, or edited ours.
	ReasonUserOwned = "UserOwned"
	// ReasonBackupHooks: a Velero Schedule or Backup with spec.hooks covers a pod; annotations would silence those.
	ReasonBackupHooks = "BackupHooks"
	// ReasonOutranked: a policy of higher rank has taken the side, and one of the two cannot be chained (shell None).
	ReasonOutranked = "Outranked"
)

// ReasonSkipped is no condition's: the pod opted out by annotation.
const ReasonSkipped = "Skipped"
