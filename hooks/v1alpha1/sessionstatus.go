package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HookSessionStatus is where a session stands, and what became of it.
type HookSessionStatus struct {
	// Phase is for people. Programs read the conditions.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// Message says in a sentence what the session waits for, or why it is as it is.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// Plan says which kinds of hooks the operation has: those of a snapshot, a backup, a restore.
	// +optional
	Plan *SessionPlan `json:"plan,omitempty"`

	// Runs is how many HookRuns were written before the first hook ran. Without it nothing has run.
	// +optional
	Runs *int32 `json:"runs,omitempty"`

	// RestoreRuns is how many were written for the pods that the restore has brought.
	// +optional
	RestoreRuns *int32 `json:"restoreRuns,omitempty"`

	// Window is the time in which pods were quiesced.
	// +optional
	Window *Window `json:"window,omitempty"`

	// BegunAt is when the backup tool was told that it may begin (ReadyForSnapshot, ReadyForRestore).
	// +optional
	BegunAt *metav1.MicroTime `json:"begunAt,omitempty"`

	// Broken is why the session cannot succeed any more, whatever comes; the first of the reasons.
	// +optional
	Broken *Breach `json:"broken,omitempty"`

	// ThawAgainAt is by when a hook that may have gone on after its timeout has quiesced whatever it was to quiesce: then all is thawed
	// once more.
	// +optional
	ThawAgainAt *metav1.MicroTime `json:"thawAgainAt,omitempty"`

	// ThawedAgainAt is when that was done.
	// +optional
	ThawedAgainAt *metav1.MicroTime `json:"thawedAgainAt,omitempty"`

	// FinishedAt is when all was over.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`

	// QuiescedPods is how many pods are quiesced, or may be.
	// +optional
	QuiescedPods int32 `json:"quiescedPods,omitempty"`

	// Hooks counts the hooks, once for every pod.
	// +optional
	Hooks HookCounts `json:"hooks,omitzero"`

	// Failures are the first 50 of the hooks that failed. All are in the HookRuns.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Failures []HookFailure `json:"failures,omitempty"`

	// Delegated are the hooks that Velero runs, as pods are stamped; the first 50 by their policies.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Delegated []DelegatedHook `json:"delegated,omitempty"`

	// Snapshots are the first 100 VolumeSnapshots of the volumes of the session's pods.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Snapshots []SeenSnapshot `json:"snapshots,omitempty"`

	// SnapshotCounts counts all of them.
	// +optional
	SnapshotCounts SnapshotCounts `json:"snapshotCounts,omitzero"`

	// Conditions: Quiesced, ReadyForSnapshot or ReadyForRestore, Thawed, Consistent, Complete, Failed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Phase of a session.
//
// +kubebuilder:validation:Enum=Pending;Quiescing;Quiesced;Thawing;Thawed;Finishing;Complete;Failed;Cancelled
type Phase string

// The phases, in the order in which they come. A session may leave some out.
const (
	PhasePending   Phase = "Pending"   // it is not resolved yet, or waits for another session
	PhaseQuiescing Phase = "Quiescing" // hooks of before the snapshot or restore run
	PhaseQuiesced  Phase = "Quiesced"  // the backup tool may begin
	PhaseThawing   Phase = "Thawing"   // what was quiesced is being thawed
	PhaseThawed    Phase = "Thawed"    // nothing is quiesced, the operation goes on
	PhaseFinishing Phase = "Finishing" // the last hooks run
	PhaseComplete  Phase = "Complete"
	PhaseFailed    Phase = "Failed"
	PhaseCancelled Phase = "Cancelled"
)

// Finished tells whether a session in this phase is over.
func (p Phase) Finished() bool {
	return p == PhaseComplete || p == PhaseFailed || p == PhaseCancelled
}

// Types of a session's conditions.
const (
	// ConditionQuiesced is True from the end of the last hook of before the snapshot until the thaw begins.
	ConditionQuiesced = "Quiesced"
	// ConditionReadyForSnapshot is True while the backup tool may take its snapshot, or begin its backup.
	ConditionReadyForSnapshot = "ReadyForSnapshot"
	// ConditionReadyForRestore is True while it may restore.
	ConditionReadyForRestore = "ReadyForRestore"
	// ConditionThawed is True once all that was quiesced is thawed, or nothing was; False with a reason while something is or may be quiesced.
	ConditionThawed = "Thawed"
	// ConditionConsistent is False once the pods were not all quiesced during the whole window, or a snapshot was taken outside it; True when
	// every snapshot of their volumes was seen to be taken inside it; Unknown, with the reason, as long as nobody has seen that.
	ConditionConsistent = "Consistent"
	// ConditionComplete is True when all is over, and went well.
	ConditionComplete = "Complete"
	// ConditionFailed is True as soon as the session cannot succeed any more. What it owes is still done then.
	ConditionFailed = "Failed"
)

// Reasons for which a session fails, or is not consistent.
const (
	ReasonHookFailed       = "HookFailed"       // a hook with onError Fail failed
	ReasonHoldLost         = "HoldLost"         // a hold ended, or the connection to it, before it was released
	ReasonDeadlineExceeded = "DeadlineExceeded" // maxQuiesce has passed
	ReasonThawedEarly      = "ThawedEarly"      // the watchdog in a container has thawed it
	ReasonNotPrepared      = "NotPrepared"      // a hook could not run as it is, which was known ahead; nothing was quiesced
	ReasonNewPod           = "NewPod"           // a pod was born inside the window, and runs unquiesced
	ReasonPodGone          = "PodGone"          // a quiesced pod has gone
	ReasonRestarted        = "Restarted"        // the container of a quiesced pod was started anew
	ReasonOutcomeFailed    = "OutcomeFailed"    // the backup tool has said Failed
	ReasonCancelled        = "Cancelled"        // spec.cancel, or the session was deleted
	ReasonNotOptedIn       = "NotOptedIn"       // the namespace does not take part
	ReasonPolicyNotFound   = "PolicyNotFound"   // policyNames has one that is not for this namespace
	ReasonAbandoned        = "Abandoned"        // quiesce.io/abandon: somebody has taken over the thaw
	ReasonUnreachable      = "Unreachable"      // a pod cannot be reached to thaw it
	ReasonThawFailed       = "ThawFailed"       // a hook that thaws has ended with another code than 0
	ReasonBeganEarly       = "BeganEarly"       // the backup tool has reported before it was told that it may begin
	ReasonNoOutcome        = "NoOutcome"        // the backup tool has not reported in time
	ReasonGateMissed       = "GateMissed"       // Velero did not wait, so that nothing was quiesced
	ReasonDelegated        = "Delegated"        // Velero runs the hooks
	ReasonSnapshotOutside  = "SnapshotOutside"  // a snapshot was not taken while the pods were quiesced
)

// Reasons for which nobody knows whether what is backed up is consistent, and for which it is.
const (
	ReasonNotYet        = "NotYet"        // the snapshots are still to come
	ReasonNoSnapshotAPI = "NoSnapshotAPI" // the cluster knows no VolumeSnapshots
	ReasonNoClaims      = "NoClaims"      // the pods have no PersistentVolumeClaims: there is nothing to be seen
	ReasonNoSnapshot    = "NoSnapshot"    // a claim has no snapshot
	ReasonNotObserved   = "NotObserved"   // nobody looked when the snapshots were taken
	ReasonSeenInside    = "SeenInside"    // every snapshot was seen to be created and taken while all pods were quiesced
)

// SessionPlan says which kinds of hooks an operation has.
type SessionPlan struct {
	// SnapshotHooks: PreSnapshot and PostSnapshot.
	SnapshotHooks bool `json:"snapshotHooks"`
	// BackupHooks: PreBackup and PostBackup.
	BackupHooks bool `json:"backupHooks"`
	// RestoreHooks: PreRestore and PostRestore.
	RestoreHooks bool `json:"restoreHooks"`
	// RestoreIn is the namespace in which the restore hooks run, in a session of operation Restore there; absent where this
	// session runs them. For a remote cluster it is as spec.destination has it.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	RestoreIn string `json:"restoreIn,omitempty"`
}

// Window is the time in which pods were quiesced.
type Window struct {
	// OpenedAt is when the first hook of before the snapshot began.
	// +optional
	OpenedAt *metav1.MicroTime `json:"openedAt,omitempty"`
	// QuiescedAt is when the last of them had succeeded.
	// +optional
	QuiescedAt *metav1.MicroTime `json:"quiescedAt,omitempty"`
	// Deadline is when everything is thawed, whatever has become of the backup.
	// +optional
	Deadline *metav1.MicroTime `json:"deadline,omitempty"`
	// ThawingAt is when the thaw began.
	// +optional
	ThawingAt *metav1.MicroTime `json:"thawingAt,omitempty"`
	// ThawedAt is when it was done.
	// +optional
	ThawedAt *metav1.MicroTime `json:"thawedAt,omitempty"`
	// Duration is the time from openedAt to thawedAt.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Duration string `json:"duration,omitempty"`
}

// Breach is why a session cannot succeed.
type Breach struct {
	// Reason in one word.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`
	// Message is a sentence.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message"`
	// At is when it was seen.
	// +required
	At metav1.MicroTime `json:"at"`
}

// HookCounts counts hooks, once for every pod and stage.
type HookCounts struct {
	// Total of those that the session may have to run.
	Total int32 `json:"total"`
	// Succeeded of them.
	Succeeded int32 `json:"succeeded"`
	// Failed of them, those with onError Continue included.
	Failed int32 `json:"failed"`
	// Skipped: there was nothing to undo, onlyIf or the outcome was not for them, or an earlier hook had failed.
	Skipped int32 `json:"skipped"`
	// Delegated are stamped on pods, and run by Velero.
	Delegated int32 `json:"delegated"`
}

// DelegatedHook is a hook that is stamped on pods, and run by Velero.
type DelegatedHook struct {
	// Policy that has it, as name or namespace/name.
	// +kubebuilder:validation:MaxLength=317
	Policy string `json:"policy"`
	// Hook of the policy.
	// +kubebuilder:validation:MaxLength=63
	Hook string `json:"hook"`
	// Pods that carry it.
	Pods int32 `json:"pods"`
}

// MaxDelegated is how many of them a session's status names.
const MaxDelegated = 50

// SeenSnapshot is a VolumeSnapshot as the session has seen it.
type SeenSnapshot struct {
	// Name of the VolumeSnapshot, in the session's namespace.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Claim is the PersistentVolumeClaim of which it is.
	// +kubebuilder:validation:MaxLength=253
	Claim string `json:"claim"`
	// CreatedAt is when the VolumeSnapshot was created, as the session has seen it.
	// +optional
	CreatedAt *metav1.MicroTime `json:"createdAt,omitempty"`
	// CutAt is when the session has seen that the storage had taken it: its status.creationTime was there.
	// +optional
	CutAt *metav1.MicroTime `json:"cutAt,omitempty"`
	// ReadyToUse says that the storage has it wholly.
	// +optional
	ReadyToUse bool `json:"readyToUse,omitempty"`
	// Inside says that it was created and taken while all pods were quiesced.
	// +optional
	Inside bool `json:"inside,omitempty"`
	// Error is what the storage says.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Error string `json:"error,omitempty"`
}

// SnapshotCounts counts the VolumeSnapshots of a session.
type SnapshotCounts struct {
	// Total of them.
	Total int32 `json:"total"`
	// Cut of them: the storage has taken them.
	Cut int32 `json:"cut"`
	// Ready of them: readyToUse.
	Ready int32 `json:"ready"`
	// Inside of them: created and taken while all pods were quiesced.
	Inside int32 `json:"inside"`
	// Claims of the session's pods.
	Claims int32 `json:"claims"`
	// UnseenClaims of them have no snapshot.
	UnseenClaims int32 `json:"unseenClaims"`
}

// MaxSnapshots is how many VolumeSnapshots a session's status names.
const MaxSnapshots = 100

// MaxFailures is how many failures a session's status names.
const MaxFailures = 50

// HookFailure is a hook that failed in a pod.
type HookFailure struct {
	// Stage in which it ran.
	Stage Stage `json:"stage"`
	// Policy that has it, as name or namespace/name.
	// +kubebuilder:validation:MaxLength=317
	Policy string `json:"policy"`
	// Hook of the policy.
	// +kubebuilder:validation:MaxLength=63
	Hook string `json:"hook"`
	// Pod in which it ran.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Pod string `json:"pod,omitempty"`
	// Reason in one word.
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`
	// ExitCode of its command, or N/A.
	// +kubebuilder:validation:MaxLength=16
	ExitCode string `json:"exitCode"`
	// Message is a sentence.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`
}
