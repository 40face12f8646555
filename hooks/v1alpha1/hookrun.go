package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// HookRun is one hook of one policy in one stage of a HookSession, as it was when the session began, with at most 500 of its
// pods, and what became of it in each. The session goes by it, whatever becomes of the policy.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=hrun,categories=quiesce
// +kubebuilder:selectablefield:JSONPath=`.spec.session.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.stage`
// +kubebuilder:selectablefield:JSONPath=`.spec.policy.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.hook.name`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Session",type=string,JSONPath=`.spec.session.name`
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.spec.stage`
// +kubebuilder:printcolumn:name="Policy",type=string,JSONPath=`.spec.policy.name`
// +kubebuilder:printcolumn:name="Hook",type=string,JSONPath=`.spec.hook.name`
// +kubebuilder:printcolumn:name="Pods",type=integer,JSONPath=`.spec.podCount`
// +kubebuilder:printcolumn:name="Succeeded",type=integer,JSONPath=`.status.succeeded`
// +kubebuilder:printcolumn:name="Failed",type=integer,JSONPath=`.status.failed`
// +kubebuilder:printcolumn:name="Skipped",type=integer,JSONPath=`.status.skipped`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`,priority=1
type HookRun struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="what a session has resolved does not change"
	Spec HookRunSpec `json:"spec"`
	// +optional
	Status HookRunStatus `json:"status,omitempty"`
}

// HookRunList is a list of HookRun.
//
// +kubebuilder:object:root=true
type HookRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HookRun `json:"items"`
}

// HookRunSpec is a hook as a session has resolved it. It does not change.
type HookRunSpec struct {
	// Session that it is of, in the same namespace.
	// +required
	Session ObjectRef `json:"session"`

	// Policy that has the hook.
	// +required
	Policy PolicyRef `json:"policy"`

	// Stage in which it runs.
	// +required
	Stage Stage `json:"stage"`

	// Order is the run's place in the session, from 0. It tells nothing of the time: see group.
	// +required
	Order int32 `json:"order"`

	// Group is its place in the stage, from 0: runs of one group go on at once, groups one after another.
	// +required
	Group int32 `json:"group"`

	// Part tells runs of one hook apart that has more pods than one can hold, from 0.
	// +required
	Part int32 `json:"part"`

	// Hook as it was.
	// +required
	Hook ResolvedHook `json:"hook"`

	// PodCount is how many pods there are.
	// +required
	PodCount int32 `json:"podCount"`

	// Pods in which it runs, by name.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=500
	Pods []RunPod `json:"pods,omitempty"`

	// Note is what there is to know of the choice of pods.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Note string `json:"note,omitempty"`
}

// ObjectRef is an object of the same namespace.
type ObjectRef struct {
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	UID types.UID `json:"uid"`
}

// PolicyRef is a policy as it was.
type PolicyRef struct {
	// Kind is HookPolicy or NamespacedHookPolicy, the latter in the session's namespace.
	// +required
	// +kubebuilder:validation:Enum=HookPolicy;NamespacedHookPolicy
	Kind string `json:"kind"`
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	UID types.UID `json:"uid,omitempty"`
	// Generation of its spec.
	// +optional
	Generation int64 `json:"generation,omitempty"`
	// Shell that the containers have, as the policy says.
	// +optional
	Shell Shell `json:"shell,omitempty"`
	// MaxQuiesce of the policy.
	// +optional
	MaxQuiesce Duration `json:"maxQuiesce,omitzero"`
}

// ResolvedHook is a hook as it was.
type ResolvedHook struct {
	// Name of the hook.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// Place in the policy's list, from 0.
	// +required
	Place int32 `json:"place"`

	// Container that it names; without one, the policy's default in each pod.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Container string `json:"container,omitempty"`

	// Exec is the command that it runs.
	// +optional
	Exec *ExecAction `json:"exec,omitempty"`

	// Script that it runs. Inline is its text as it was, and Name that of the HookScript, if it was one.
	// +optional
	Script *ScriptAction `json:"script,omitempty"`

	// HTTPGet, HTTPPost and TCPSocket are what the controller sends.
	// +optional
	HTTPGet *HTTPGetAction `json:"httpGet,omitempty"`
	// +optional
	HTTPPost *HTTPPostAction `json:"httpPost,omitempty"`
	// +optional
	TCPSocket *TCPSocketAction `json:"tcpSocket,omitempty"`

	// Job that it runs.
	// +optional
	Job *JobAction `json:"job,omitempty"`

	// Hold is the command that it holds. Of a stage after the backup, the run is its release.
	// +optional
	Hold *HoldAction `json:"hold,omitempty"`

	// Timeout of the hook.
	// +optional
	Timeout Duration `json:"timeout,omitzero"`

	// OnError of the hook.
	// +optional
	OnError OnError `json:"onError,omitempty"`

	HookConduct `json:",inline"`
}

// RunPod is a pod in which a hook runs. A hook that runs once per session has one without a name: the session itself.
type RunPod struct {
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	UID types.UID `json:"uid"`
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Container string `json:"container,omitempty"`
	// Obstacle is why the hook cannot run there.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Obstacle string `json:"obstacle,omitempty"`
}

// HookRunStatus is what became of a hook in its pods.
type HookRunStatus struct {
	// State in one word.
	// +optional
	State RunState `json:"state,omitempty"`

	// Attempted is how many of the pods, from the first of the list, may have been entered. It is written before they are; of
	// those without a result nobody knows how it came out if the controller has died in the meantime.
	// +optional
	Attempted int32 `json:"attempted,omitempty"`

	// Counts of the results.
	// +optional
	Succeeded int32 `json:"succeeded"`
	// +optional
	Failed int32 `json:"failed"`
	// +optional
	Skipped int32 `json:"skipped"`

	// Results by pod, in the order of the list; none for those that are still to come.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=500
	Results []PodResult `json:"results,omitempty"`
}

// RunState is the state of a HookRun.
//
// +kubebuilder:validation:Enum=Pending;Running;Succeeded;Failed;Skipped
type RunState string

// The states of a HookRun.
const (
	RunPending   RunState = "Pending"   // nothing has happened yet
	RunRunning   RunState = "Running"   // some results are there, or may come
	RunSucceeded RunState = "Succeeded" // it went well wherever it ran
	RunFailed    RunState = "Failed"    // it failed in a pod
	RunSkipped   RunState = "Skipped"   // it ran nowhere
)

// PodResult is what became of a hook in a pod.
type PodResult struct {
	// Pod by its name.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Pod string `json:"pod"`

	// Outcome in one word.
	// +required
	Outcome ResultOutcome `json:"outcome"`

	// Reason in one word, where there is more to say.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// ExitCode of the command, or N/A where there is none.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	ExitCode string `json:"exitCode,omitempty"`

	// StartedAt is when the last attempt began.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`

	// Duration of the last attempt, such as 1.25s.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Duration string `json:"duration,omitempty"`

	// Attempts, where there was more than one.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`

	// NotRun is true when nothing was run in the pod, so that there is nothing to undo.
	// +optional
	NotRun bool `json:"notRun,omitempty"`

	// MayRunUntil is when the command has ended at the latest, where nobody knows whether it has.
	// +optional
	MayRunUntil *metav1.MicroTime `json:"mayRunUntil,omitempty"`

	// TookOver is true when the pod's watchdog took the place of one that could not thaw everything.
	// +optional
	TookOver bool `json:"tookOver,omitempty"`

	// ThawedEarly is true when a hook that thaws came after the pod's watchdog had thawed.
	// +optional
	ThawedEarly bool `json:"thawedEarly,omitempty"`

	// Message is a sentence, where it did not go well.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`

	// Output is the end of what the command wrote, where it did not go well: at most 2 KiB, and 64 KiB in all of a HookRun.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Output string `json:"output,omitempty"`
}

// ResultOutcome is how a hook came out in a pod.
//
// +kubebuilder:validation:Enum=Succeeded;Failed;Skipped;Held
type ResultOutcome string

// The outcomes of a hook in a pod.
const (
	ResultSucceeded ResultOutcome = "Succeeded"
	ResultFailed    ResultOutcome = "Failed"
	ResultSkipped   ResultOutcome = "Skipped"
	ResultHeld      ResultOutcome = "Held" // a hold is ready, and goes on
)
