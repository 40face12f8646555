package v1alpha1

// Operation is what a session accompanies.
//
// +kubebuilder:validation:Enum=Snapshot;Backup;Restore;Clone;Replicate
type Operation string

const (
	// OperationSnapshot: the volumes of the namespace are frozen in place, and nothing is copied elsewhere.
	OperationSnapshot Operation = "Snapshot"
	// OperationBackup: a copy is kept outside of the namespace's volumes.
	OperationBackup Operation = "Backup"
	// OperationRestore: a snapshot or a backup becomes a running application, in this namespace or another.
	OperationRestore Operation = "Restore"
	// OperationClone: a second application comes up in a namespace of its own. Its restore hooks run there, in a session of
	// operation Restore.
	OperationClone Operation = "Clone"
	// OperationReplicate: a copy is kept ready in another namespace or cluster, and does not run. It comes up by a restore,
	// which is a session of its own there.
	OperationReplicate Operation = "Replicate"
)

// DataSource is what there is already when a session starts.
//
// +kubebuilder:validation:Enum=Live;Snapshot;Backup
type DataSource string

const (
	// SourceLive: nothing but the running application. A snapshot of it is taken in the session.
	SourceLive DataSource = "Live"
	// SourceSnapshot: a snapshot, taken earlier.
	SourceSnapshot DataSource = "Snapshot"
	// SourceBackup: a backup, made earlier.
	SourceBackup DataSource = "Backup"
)

// DestinationCluster says where the copy goes.
//
// +kubebuilder:validation:Enum=Local;Remote
type DestinationCluster string

const (
	// ClusterLocal is the cluster that the session is in.
	ClusterLocal DestinationCluster = "Local"
	// ClusterRemote is any other.
	ClusterRemote DestinationCluster = "Remote"
)

// Outcome is what became of a part of the operation. The backup tool says so, once.
//
// +kubebuilder:validation:Enum=Succeeded;Failed
type Outcome string

const (
	// Succeeded: the tool has done this part.
	Succeeded Outcome = "Succeeded"
	// Failed: it has not, and does not try any longer.
	Failed Outcome = "Failed"
)

// RunOn says how often a hook runs in a stage of a session.
//
// +kubebuilder:validation:Enum=EachPod;OnePod;Session
type RunOn string

const (
	// EachPod: in every pod that the hook selects.
	EachPod RunOn = "EachPod"
	// OnePod: in one of them, a ready one if there is any; all hooks of a policy run in the same one if they can.
	OnePod RunOn = "OnePod"
	// OncePerSession: once, in no pod.
	OncePerSession RunOn = "Session"
)

// ExecutionPolicy says after which outcome a post hook runs.
//
// +kubebuilder:validation:Enum=Always;OnSuccess;OnFailure
type ExecutionPolicy string

const (
	// Always: whatever the outcome. What undoes a pre hook must have this one.
	Always ExecutionPolicy = "Always"
	// OnSuccess: when the tool has said Succeeded.
	OnSuccess ExecutionPolicy = "OnSuccess"
	// OnFailure: when it has said Failed, or has not said anything before the session was cancelled or failed.
	OnFailure ExecutionPolicy = "OnFailure"
)
