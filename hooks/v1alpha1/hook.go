package v1alpha1

import (
	"slices"
	"time"
)

// Hook is one action in the stages that it names.
//
// +kubebuilder:validation:XValidation:rule="[has(self.exec), has(self.script), has(self.hold), has(self.httpGet), has(self.httpPost), has(self.tcpSocket), has(self.job), has(self.init)].exists_one(given, given)",message="write exactly one action: exec, script, hold, httpGet, httpPost, tcpSocket, job or init"
// +kubebuilder:validation:XValidation:rule="!has(self.init) || self.stages.all(s, s == 'PostRestore')",fieldPath=".stages",message="init containers are for restored pods: write [PostRestore], or exec for the other stages"
// +kubebuilder:validation:XValidation:rule="!has(self.hold) || self.stages.size() == 1 && self.stages.all(s, s in ['PreBackup', 'PreSnapshot'])",fieldPath=".stages",message="a hold begins in one stage and ends in its counterpart after it: write [PreBackup] or [PreSnapshot]"
// +kubebuilder:validation:XValidation:rule="!has(self.executionPolicy) || self.executionPolicy == 'Always' || self.stages.all(s, s.startsWith('Post'))",fieldPath=".executionPolicy",message="before the backup there is no outcome yet: write Always, or only stages of after it"
// +kubebuilder:validation:XValidation:rule="!has(self.init) || !has(self.onlyIf) && (!has(self.runOn) || self.runOn == 'EachPod') && (!has(self.maxRetries) || self.maxRetries == 0) && !has(self.ifNotReady) && (!has(self.executionPolicy) || self.executionPolicy == 'Always')",message="init containers run in every restored pod, once, before anything is ready: leave out onlyIf, runOn, maxRetries, ifNotReady and executionPolicy"
// +kubebuilder:validation:XValidation:rule="!has(self.runOn) || self.runOn != 'Session' || has(self.httpGet) || has(self.httpPost) || has(self.tcpSocket) || has(self.job)",fieldPath=".runOn",message="exec, script and hold run in a pod: write EachPod or OnePod"
// +kubebuilder:validation:XValidation:rule="!has(self.runOn) || self.runOn != 'Session' || !has(self.container) && !has(self.onlyIf) && !has(self.ifNotReady)",message="with runOn Session there is no pod: leave out container, onlyIf and ifNotReady"
// +kubebuilder:validation:XValidation:rule="!has(self.runOn) || self.runOn != 'Session' || (!has(self.httpGet) || has(self.httpGet.url) || has(self.httpGet.host)) && (!has(self.httpPost) || has(self.httpPost.url) || has(self.httpPost.host)) && (!has(self.tcpSocket) || has(self.tcpSocket.host))",message="with runOn Session there is no pod whose IP it could be: write url or host"
// +kubebuilder:validation:XValidation:rule="!has(self.script) || has(self.script.name) != has(self.script.inline)",fieldPath=".script",message="write the name of a HookScript, or the script itself in inline"
type Hook struct {
	// Name is unique in the policy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="write lower-case letters, digits and hyphens, such as flush-tables"
	Name string `json:"name"`

	// Stages in which the hook runs: any for exec, script, http, tcp and job, PreBackup or PreSnapshot for hold, PostRestore for init. Velero's annotations know one moment before the backup of a pod and one after it, so that a hook
	// of both PreBackup and PreSnapshot runs there once, in its place among the PreBackup hooks; likewise after it, among the
	// PostBackup hooks.
	// +required
	// +listType=set
	// +kubebuilder:validation:MaxItems=6
	// +kubebuilder:validation:XValidation:rule="size(self) > 0",message="write at least one stage: PreBackup, PreSnapshot, PostSnapshot, PostBackup, PreRestore or PostRestore"
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

	// Script runs a script in the container.
	// +optional
	Script *ScriptAction `json:"script,omitempty"`

	// Hold keeps a command running from its stage until its counterpart after the backup. Sessions only.
	// +optional
	Hold *HoldAction `json:"hold,omitempty"`

	// HTTPGet sends a GET from the controller. Sessions only.
	// +optional
	HTTPGet *HTTPGetAction `json:"httpGet,omitempty"`

	// HTTPPost sends a POST from the controller. Sessions only.
	// +optional
	HTTPPost *HTTPPostAction `json:"httpPost,omitempty"`

	// TCPSocket opens a connection from the controller. Sessions only.
	// +optional
	TCPSocket *TCPSocketAction `json:"tcpSocket,omitempty"`

	// Job runs a Job in the namespace. Sessions only.
	// +optional
	Job *JobAction `json:"job,omitempty"`

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

	HookConduct `json:",inline"`
}

// HookConduct is how a session goes about a hook. Hooks of which anything here differs from its default are not stamped on
// pods for Velero, which knows none of it.
type HookConduct struct {
	// RunOn says in how many of the pods that the hook selects it runs: EachPod, or OnePod, for which a ready one is chosen, the
	// same for all such hooks of the policy; or Session, once and in no pod: http, tcp and job only.
	// +optional
	// +kubebuilder:default=EachPod
	RunOn RunOn `json:"runOn,omitempty"`

	// ExecutionPolicy of a hook of after the backup or restore says after which outcome it runs: Always, OnSuccess or
	// OnFailure. What thaws is to be Always: no other counts as a thaw.
	// +optional
	// +kubebuilder:default=Always
	ExecutionPolicy ExecutionPolicy `json:"executionPolicy,omitempty"`

	// OnlyIf is a command by which the hook is passed over in pods where it ends with another code than 0, such as on a
	// standby. It has the hook's timeout. Hooks with it do not count as a thaw.
	// +optional
	OnlyIf *ExecAction `json:"onlyIf,omitempty"`

	// MaxRetries is how often the hook is run again after a failure, after pauses of 1s, 2s, 4s and so on up to 30s. Only what may be run
	// twice is to have any.
	// +optional
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	MaxRetries int32 `json:"maxRetries,omitempty"`

	// WaitFor is what the pod has to be: Running (the hook's container is) or Ready (the whole pod is).
	// +optional
	// +kubebuilder:default=Running
	WaitFor PodState `json:"waitFor,omitempty"`

	// IfNotReady says what becomes of the hook in a pod that is not what waitFor says: Fail, Skip, or Wait for up to
	// waitTimeout, and then fail. Default: Wait in PostRestore, Fail in the other stages. A thaw always waits.
	// +optional
	IfNotReady IfNotReady `json:"ifNotReady,omitempty"`

	// WaitTimeout is how long Wait waits at most: a number with a unit (ms, s, m, h), at most 1h.
	// +optional
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$')",message="write a duration with its unit, such as 30s, 5m or 1m30s"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$') || (duration(self) > duration('0s') && duration(self) <= duration('1h'))",message="write a duration above 0s and at most 1h"
	WaitTimeout Duration `json:"waitTimeout,omitzero"`
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

// HoldAction is a command that runs from its stage until its counterpart of after the backup: PreSnapshot's ends in
// PostSnapshot, PreBackup's in PostBackup. Its end is the thaw, so that it needs no other hook: when the controller dies, the
// command comes to the end of its stdin. Give it a limit of its own as well, such as lock_wait_timeout.
type HoldAction struct {
	// Command is the program and its arguments. It must write without buffering, and end at the end of its stdin.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=32768
	// +kubebuilder:validation:XValidation:rule="size(self) > 0 && size(self[0]) > 0",message="write the program and its arguments as a list, such as [mariadb, -n]"
	Command []string `json:"command"`

	// Stdin is given to the command when it has started. Its stdin then stays open.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	Stdin string `json:"stdin,omitempty"`

	// ReadyPattern is a regular expression (RE2), not anchored, for a line of the command's output: with the first that matches
	// it holds. The hook's timeout is how long that may take.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ReadyPattern string `json:"readyPattern"`

	// StopStdin is given to the command at the end, before its stdin is closed. It then has the hook's timeout to end with code 0.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	StopStdin string `json:"stopStdin,omitempty"`
}

// PodState is what a hook needs a pod to be.
//
// +kubebuilder:validation:Enum=Running;Ready
type PodState string

const (
	// PodRunning: the hook's container runs.
	PodRunning PodState = "Running"
	// PodReady: the pod's condition Ready is True.
	PodReady PodState = "Ready"
)

// IfNotReady says what becomes of a hook in a pod that is not what it needs to be.
//
// +kubebuilder:validation:Enum=Fail;Skip;Wait
type IfNotReady string

const (
	// FailNotReady: the hook has failed there, by its onError.
	FailNotReady IfNotReady = "Fail"
	// SkipNotReady: the pod is passed over.
	SkipNotReady IfNotReady = "Skip"
	// WaitNotReady: the hook waits, and has failed when waitTimeout passes.
	WaitNotReady IfNotReady = "Wait"
)

// Stage is a moment in the course of a backup or a restore.
//
// +kubebuilder:validation:Enum=PreBackup;PreSnapshot;PostSnapshot;PostBackup;PreRestore;PostRestore
type Stage string

// The stages, in the order in which they come.
const (
	PreBackup    Stage = "PreBackup"
	PreSnapshot  Stage = "PreSnapshot"
	PostSnapshot Stage = "PostSnapshot"
	PostBackup   Stage = "PostBackup"
	PreRestore   Stage = "PreRestore"
	PostRestore  Stage = "PostRestore"
)

// BackupStages are those of a backup, in the order in which they come.
var BackupStages = []Stage{PreBackup, PreSnapshot, PostSnapshot, PostBackup}

// Stages lists all of them, in the order in which they come.
var Stages = slices.Concat(BackupStages, []Stage{PreRestore, PostRestore})

// How long a hook may take: by default, and at most.
const (
	DefaultTimeout = 30 * time.Second
	MaxTimeout     = 25 * time.Minute
)

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
