package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HookPolicy says which pods of opted-in namespaces get which hooks, in which stages.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=hp,categories=quiesce
// +kubebuilder:printcolumn:name="Priority",type=integer,JSONPath=`.spec.priority`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Warning",type=string,JSONPath=`.status.conditions[?(@.type=="Warning")].reason`
// +kubebuilder:printcolumn:name="Matched",type=integer,JSONPath=`.status.matchedPods`
// +kubebuilder:printcolumn:name="Stamped",type=integer,JSONPath=`.status.stampedPods`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
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

// HookPolicySpec is what an administrator wants.
type HookPolicySpec struct {
	// Suspend switches the policy off without deleting it: pods that are created from then on do not get its hooks.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Priority decides where several policies match a pod and want the same side: the higher wins; ties go by name.
	// +optional
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=-1000000
	// +kubebuilder:validation:Maximum=1000000
	Priority int32 `json:"priority,omitempty"`

	// Selector narrows the pods of opted-in namespaces. Empty selects all of them.
	// +optional
	Selector PolicySelector `json:"selector,omitempty"`

	// Hooks to run: at most one before the backup of a pod, and at most one after it.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="size(self) > 0",message="write at least one hook, with a name, stages and exec.command"
	// +kubebuilder:validation:XValidation:rule="self.all(h, self.exists_one(other, other.name == h.name))",message="give each hook a name of its own"
	// +kubebuilder:validation:XValidation:rule="self.filter(h, h.stages.exists(s, s in ['PreBackup', 'PreSnapshot'])).size() <= 1",message="write at most one hook with stage PreBackup or PreSnapshot: Velero's annotations have room for one before the backup of a pod; join commands into one"
	// +kubebuilder:validation:XValidation:rule="self.filter(h, h.stages.exists(s, s in ['PostSnapshot', 'PostBackup'])).size() <= 1",message="write at most one hook with stage PostSnapshot or PostBackup: Velero's annotations have room for one after the backup of a pod; join commands into one"
	Hooks []Hook `json:"hooks"`
}

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
}

// NamespaceGlob is the name of a namespace, in which * stands for any number of characters and ? for one.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?$')",message="write the name of a namespace, or a glob in which * stands for any characters and ? for one, such as shop or shop-*"
type NamespaceGlob string

// Hook is one action in the stages that it names.
//
// +kubebuilder:validation:XValidation:rule="has(self.exec)",message="write exactly one action: exec"
type Hook struct {
	// Name is unique in the policy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="write lower-case letters, digits and hyphens, such as flush-tables"
	Name string `json:"name"`

	// Stages in which the hook runs.
	// +required
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:XValidation:rule="size(self) > 0",message="write at least one stage: PreBackup, PreSnapshot, PostSnapshot or PostBackup"
	Stages []Stage `json:"stages"`

	// Container in which the hook runs. Default: the pod's first.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="write the name of a container as the pod has it, or leave the field out for the pod's first container"
	Container string `json:"container,omitempty"`

	// Exec runs a command in the container.
	// +optional
	Exec *ExecAction `json:"exec,omitempty"`

	// Timeout after which the hook has failed: a number with a unit (ms, s, m, h), more than 0 and at most 25m.
	// +optional
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$')",message="write a duration with its unit, such as 30s, 5m or 1m30s"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$') || (duration(self) > duration('0s') && duration(self) <= duration('25m'))",message="write a duration above 0s and at most 25m"
	Timeout metav1.Duration `json:"timeout,omitzero"`

	// OnError says what Velero does when the hook fails. After a failed pre hook, Fail leaves the pod out of the backup and
	// does not run its post hook; Continue backs the pod up and runs it. After a failed post hook the pod is in the backup
	// either way. The backup is PartiallyFailed in every case.
	// +optional
	// +kubebuilder:default=Fail
	OnError OnError `json:"onError,omitempty"`
}

// ExecAction is a command that runs in a container, without a shell.
type ExecAction struct {
	// Command is the program and its arguments. No shell is started unless the command is one.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=32768
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && size(self[0]) > 0",message="write the program and its arguments as a list, such as [psql, -c, CHECKPOINT]"
	Command []string `json:"command"`
}

// Stage is a moment in the course of a backup.
//
// +kubebuilder:validation:Enum=PreBackup;PreSnapshot;PostSnapshot;PostBackup
type Stage string

// The stages, in the order in which they come.
const (
	PreBackup    Stage = "PreBackup"
	PreSnapshot  Stage = "PreSnapshot"
	PostSnapshot Stage = "PostSnapshot"
	PostBackup   Stage = "PostBackup"
)

// OnError says what the failure of a hook means. The words are Velero's.
//
// +kubebuilder:validation:Enum=Fail;Continue
type OnError string

const (
	// Fail: after a failed pre hook the pod is left out of the backup, and its post hook is not run
	// (velero: pkg/backup/backup.go).
	Fail OnError = "Fail"
	// Continue: the pod is backed up all the same, and its post hook runs.
	Continue OnError = "Continue"
)

// HookPolicyStatus is what became of a policy.
type HookPolicyStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// MatchedPods is the number of running and pending pods that the policy selects.
	// +optional
	// +kubebuilder:default=0
	MatchedPods int32 `json:"matchedPods"`

	// StampedPods is the number of running and pending pods that carry annotations of this policy, selected or not.
	// +optional
	// +kubebuilder:default=0
	StampedPods int32 `json:"stampedPods"`

	// Conditions: Ready (the policy is in use) and Warning (some pods do not get what the policy says).
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Types and reasons of a policy's conditions.
const (
	// ConditionReady is True while the policy is in use.
	ConditionReady = "Ready"
	// ReasonInUse goes with Ready=True.
	ReasonInUse = "InUse"
	// ReasonSuspended goes with Ready=False: spec.suspend is true.
	ReasonSuspended = "Suspended"
	// ReasonInvalid goes with Ready=False: the message says which field, and what to write instead.
	ReasonInvalid = "Invalid"

	// ConditionWarning is True while some pods do not get what the policy says. It is absent otherwise.
	ConditionWarning = "Warning"
	// ReasonContainerNotFound: a hook names a container that a pod lacks.
	ReasonContainerNotFound = "ContainerNotFound"
	// ReasonUserOwned: a pod's user wrote Velero hook annotations, or edited ours.
	ReasonUserOwned = "UserOwned"
	// ReasonOutranked: a policy of higher priority has taken the side.
	ReasonOutranked = "Outranked"
	// ReasonTooLarge: the annotations would pass the API server's limit.
	ReasonTooLarge = "TooLarge"
	// ReasonNotStamped: the pod was created before the policy, or while the webhook was away, or is too large.
	ReasonNotStamped = "NotStamped"
	// ReasonOutdated: a pod carries hooks that the policy does not give it any more, or not in this form.
	ReasonOutdated = "Outdated"
)
