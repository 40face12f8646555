package v1alpha1

import (
	"slices"
	"time"
)

// Hook is one action in the stages that it names.
//
// +kubebuilder:validation:XValidation:rule="has(self.exec) != has(self.init)",message="write exactly one action: exec or init"
// +kubebuilder:validation:XValidation:rule="!has(self.init) || self.stages.all(s, s == 'PostRestore')",fieldPath=".stages",message="init containers are for restored pods: write [PostRestore], or exec for the other stages"
// +kubebuilder:validation:XValidation:rule="!has(self.exec) || !('PostRestore' in self.stages)",fieldPath=".stages",message="exec runs before and after backups: write init for PostRestore, in a hook of its own"
type Hook struct {
	// Name is unique in the policy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="write lower-case letters, digits and hyphens, such as flush-tables"
	Name string `json:"name"`

	// Stages in which the hook runs: PostRestore for init, the others for exec. Velero knows one moment before the backup of a pod and one after it, so that a hook
	// of both PreBackup and PreSnapshot runs there once, in its place among the PreBackup hooks; likewise after it, among the
	// PostBackup hooks.
	// +required
	// +listType=set
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="size(self) > 0",message="write at least one stage: PreBackup, PreSnapshot, PostSnapshot, PostBackup or PostRestore"
	Stages []Stage `json:"stages"`

	// LabelSelector narrows the policy's pods for this hook.
	// +optional
	LabelSelector *LabelSelector `json:"labelSelector,omitempty"`

	// Container in which the hook runs, or from which init containers inherit. Default: the first whose image matches the
	// policy's containerImages; without those, the pod's first.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="write the name of a container as the pod has it, or leave the field out for the pod's first container"
	Container string `json:"container,omitempty"`

	// Exec runs a command in the container.
	// +optional
	Exec *ExecAction `json:"exec,omitempty"`

	// Init adds init containers to pods that a restore creates.
	// +optional
	Init *InitAction `json:"init,omitempty"`

	// Timeout after which the hook has failed: a number with a unit (ms, s, m, h), more than 0 and at most 25m. A chain of
	// hooks counts whole seconds, rounded up. Init containers have none: they end, or the pod does not start.
	// +optional
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$')",message="write a duration with its unit, such as 30s, 5m or 1m30s"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$') || (duration(self) > duration('0s') && duration(self) <= duration('25m'))",message="write a duration above 0s and at most 25m"
	Timeout Duration `json:"timeout,omitzero"`

	// OnError says what the failure of the hook means. Fail, before the backup: later hooks do not run, what was quiesced
	// is thawed, and Velero leaves the pod out of the backup. Continue: the others run all the same. After the backup all
	// hooks run in any case, and Velero reports the backup as PartiallyFailed. Of init: when a container cannot be added,
	// Fail refuses the pod, Continue leaves the container out; both say why.
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

// Stage is a moment in the course of a backup or a restore.
//
// +kubebuilder:validation:Enum=PreBackup;PreSnapshot;PostSnapshot;PostBackup;PostRestore
type Stage string

// The stages, in the order in which they come.
const (
	PreBackup    Stage = "PreBackup"
	PreSnapshot  Stage = "PreSnapshot"
	PostSnapshot Stage = "PostSnapshot"
	PostBackup   Stage = "PostBackup"
	PostRestore  Stage = "PostRestore"
)

// BackupStages are those of a backup, in the order in which they come.
var BackupStages = []Stage{PreBackup, PreSnapshot, PostSnapshot, PostBackup}

// Stages lists all of them, in the order in which they come.
var Stages = slices.Concat(BackupStages, []Stage{PostRestore})

// MaxTimeout is the longest that a hook may take.
const MaxTimeout = 25 * time.Minute

// OnError says what the failure of a hook means. The words are Velero's.
//
// +kubebuilder:validation:Enum=Fail;Continue
type OnError string

const (
	// Fail: after a failed pre hook the pod is left out of the backup, and Velero does not run its post hook
	// (velero: pkg/backup/backup.go).
	Fail OnError = "Fail"
	// Continue: the pod is backed up all the same, and its post hook runs.
	Continue OnError = "Continue"
)
