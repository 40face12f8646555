package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// HookSession takes the pods of its namespace through the hooks of one backup, snapshot, restore, clone or replication. A backup
// tool creates it, waits for ReadyForSnapshot (ReadyForRestore for a restore) or Failed, does its work, and says in
// spec.outcomes what became of it. Whatever was quiesced is thawed, also when the session is deleted or nobody is heard of any more.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=hses,categories=quiesce
// +kubebuilder:selectablefield:JSONPath=`.spec.operation`
// +kubebuilder:selectablefield:JSONPath=`.spec.trigger`
// +kubebuilder:selectablefield:JSONPath=`.spec.velero.name`
// +kubebuilder:selectablefield:JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Operation",type=string,JSONPath=`.spec.operation`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Hooks",type=integer,JSONPath=`.status.hooks.total`
// +kubebuilder:printcolumn:name="Failed",type=integer,JSONPath=`.status.hooks.failed`
// +kubebuilder:printcolumn:name="Quiesced",type=string,JSONPath=`.status.window.duration`
// +kubebuilder:printcolumn:name="Consistent",type=string,JSONPath=`.status.conditions[?(@.type=="Consistent")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Velero",type=string,JSONPath=`.spec.velero.name`,priority=1
// +kubebuilder:printcolumn:name="Delegated",type=integer,JSONPath=`.status.hooks.delegated`,priority=1
// +kubebuilder:printcolumn:name="Thawed",type=string,JSONPath=`.status.conditions[?(@.type=="Thawed")].status`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`,priority=1
type HookSession struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec HookSessionSpec `json:"spec"`
	// +optional
	Status HookSessionStatus `json:"status,omitempty"`
}

// HookSessionList is a list of HookSession.
//
// +kubebuilder:object:root=true
type HookSessionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HookSession `json:"items"`
}

// HookSessionSpec is what a backup tool asks for. Only outcomes and cancel can change, each once, and ttlSecondsAfterFinished.
//
// +kubebuilder:validation:XValidation:rule="self.operation == oldSelf.operation",fieldPath=".operation",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.dataSource) == has(oldSelf.dataSource) && (!has(self.dataSource) || self.dataSource == oldSelf.dataSource)",fieldPath=".dataSource",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.destination) == has(oldSelf.destination) && (!has(self.destination) || self.destination == oldSelf.destination)",fieldPath=".destination",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.trigger) == has(oldSelf.trigger) && (!has(self.trigger) || self.trigger == oldSelf.trigger)",fieldPath=".trigger",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.policyNames) == has(oldSelf.policyNames) && (!has(self.policyNames) || self.policyNames == oldSelf.policyNames)",fieldPath=".policyNames",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.labelSelector) == has(oldSelf.labelSelector) && (!has(self.labelSelector) || self.labelSelector == oldSelf.labelSelector)",fieldPath=".labelSelector",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.orLabelSelectors) == has(oldSelf.orLabelSelectors) && (!has(self.orLabelSelectors) || self.orLabelSelectors == oldSelf.orLabelSelectors)",fieldPath=".orLabelSelectors",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.velero) == has(oldSelf.velero) && (!has(self.velero) || self.velero == oldSelf.velero)",fieldPath=".velero",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.maxQuiesce) == has(oldSelf.maxQuiesce) && (!has(self.maxQuiesce) || self.maxQuiesce == oldSelf.maxQuiesce)",fieldPath=".maxQuiesce",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="has(self.outcomeTimeout) == has(oldSelf.outcomeTimeout) && (!has(self.outcomeTimeout) || self.outcomeTimeout == oldSelf.outcomeTimeout)",fieldPath=".outcomeTimeout",message="it cannot change: create another session"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.cancel) || !oldSelf.cancel || has(self.cancel) && self.cancel",fieldPath=".cancel",message="a cancelled session cannot go on: create another"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.outcomes) || has(self.outcomes)",fieldPath=".outcomes",message="what has been said cannot be taken back"
// +kubebuilder:validation:XValidation:rule="!(self.operation in ['Snapshot', 'Restore']) || !has(self.outcomes) || !has(self.outcomes.snapshot)",fieldPath=".outcomes.snapshot",message="write outcomes.operation: this operation has no snapshot beside it"
// +kubebuilder:validation:XValidation:rule="self.operation != 'Snapshot' || !has(self.dataSource) || self.dataSource == 'Live'",fieldPath=".dataSource",message="a snapshot is taken of what runs: write Live, or operation Backup or Restore"
// +kubebuilder:validation:XValidation:rule="self.operation != 'Backup' || !has(self.dataSource) || self.dataSource != 'Backup'",fieldPath=".dataSource",message="a backup is not made of a Backup: write Live, Snapshot for the backup of a snapshot that there is, or operation Replicate for a further copy"
// +kubebuilder:validation:XValidation:rule="self.operation != 'Restore' || has(self.dataSource) && self.dataSource != 'Live'",fieldPath=".dataSource",message="a restore is from something kept: write Snapshot or Backup, or operation Clone for a copy of what runs"
// +kubebuilder:validation:XValidation:rule="!(self.operation in ['Snapshot', 'Backup']) || !has(self.destination)",fieldPath=".destination",message="a snapshot or backup does not go to a namespace or cluster: leave it out, or write operation Clone or Replicate"
// +kubebuilder:validation:XValidation:rule="!(self.operation in ['Clone', 'Replicate']) || has(self.destination)",fieldPath=".destination",message="the copy needs a place of its own: write its namespace, or cluster Remote"
type HookSessionSpec struct {
	// Operation that the session accompanies.
	// +required
	Operation Operation `json:"operation"`

	// DataSource is what there is already: Live (nothing but what runs), a Snapshot or a Backup.
	// +optional
	// +kubebuilder:default=Live
	DataSource DataSource `json:"dataSource,omitempty"`

	// Destination of a Clone, a Replicate or a Restore. Default: this namespace.
	// +optional
	Destination *Destination `json:"destination,omitempty"`

	// Trigger is AdHoc, for which every hook becomes an event, or Scheduled, for which only failures do.
	// +optional
	// +kubebuilder:default=AdHoc
	Trigger Trigger `json:"trigger,omitempty"`

	// PolicyNames of the HookPolicies and NamespacedHookPolicies to be used. Default: all that select pods of the namespace.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	PolicyNames []string `json:"policyNames,omitempty"`

	// LabelSelector narrows the pods further.
	// +optional
	LabelSelector *LabelSelector `json:"labelSelector,omitempty"`

	// OrLabelSelectors narrow them further: to pods that one of these selects.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	OrLabelSelectors []LabelSelector `json:"orLabelSelectors,omitempty"`

	// Velero is the Backup or Restore of which the session is, where Quiesce has created it for one. Hooks that are stamped on the pods are then
	// left to Velero.
	// +optional
	Velero *VeleroSource `json:"velero,omitempty"`

	// MaxQuiesce is the longest time between the first hook before the snapshot and the thaw: a number with a unit (s, m, h), 1s to 24h. It can
	// only shorten that of the policies.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$')",message="write a duration with its unit, such as 90s, 10m or 1h"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$') || (duration(self) >= duration('1s') && duration(self) <= duration('24h'))",message="write a duration of 1s to 24h"
	MaxQuiesce Duration `json:"maxQuiesce,omitzero"`

	// OutcomeTimeout is how long the session waits for outcomes.operation once the backup tool may begin: then it takes it
	// for Failed. A number with a unit (s, m, h), 1s to 720h. It bounds the whole operation, maxQuiesce the part in which pods are quiesced.
	// +optional
	// +kubebuilder:default="24h"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$')",message="write a duration with its unit, such as 90s, 10m or 1h"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m|h))+$') || (duration(self) >= duration('1s') && duration(self) <= duration('720h'))",message="write a duration of 1s to 720h"
	OutcomeTimeout Duration `json:"outcomeTimeout,omitzero"`

	// Outcomes are what the backup tool says of its work. A session waits for them.
	// +optional
	Outcomes *Outcomes `json:"outcomes,omitempty"`

	// Cancel ends the session: what was quiesced is thawed. It cannot be taken back.
	// +optional
	Cancel bool `json:"cancel,omitempty"`

	// TTLSecondsAfterFinished is after how many seconds a finished session is deleted, with its HookRuns. Default: as the
	// controller is set up, a week.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=315360000
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// VeleroSource is a Backup or Restore of Velero.
type VeleroSource struct {
	// Kind is Backup or Restore.
	// +required
	Kind VeleroKind `json:"kind"`
	// Namespace in which Velero runs.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace"`
	// Name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// UID of the object.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID types.UID `json:"uid"`
	// Schedule of which the Backup is, if it is of one.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Schedule string `json:"schedule,omitempty"`
	// Held says that Velero waits for the session. Where it does not, nothing is quiesced, since that would come too late: hooks of before
	// the backup or restore, and those that undo them, are left out.
	// +optional
	Held bool `json:"held,omitempty"`
}

// VeleroKind is a kind of Velero's.
//
// +kubebuilder:validation:Enum=Backup;Restore
type VeleroKind string

// The kinds of Velero's objects that signal.
const (
	VeleroBackup  VeleroKind = "Backup"
	VeleroRestore VeleroKind = "Restore"
)

// Destination is where a copy goes.
//
// +kubebuilder:validation:XValidation:rule="has(self.__namespace__) || has(self.cluster) && self.cluster == 'Remote'",message="write namespace, or cluster Remote"
type Destination struct {
	// Cluster is Local or Remote.
	// +optional
	// +kubebuilder:default=Local
	Cluster DestinationCluster `json:"cluster,omitempty"`

	// Namespace in that cluster.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// Outcomes of the parts of the operation.
//
// +kubebuilder:validation:XValidation:rule="(!has(oldSelf.snapshot) || has(self.snapshot)) && (!has(oldSelf.operation) || has(self.operation)) && (!has(oldSelf.delegated) || has(self.delegated))",message="what has been said cannot be taken back"
type Outcomes struct {
	// Snapshot says that the snapshot has been taken, or not: what was quiesced for it is thawed, while data may still move.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="it was said already and cannot change"
	Snapshot Outcome `json:"snapshot,omitempty"`

	// Operation says that the operation is over.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="it was said already and cannot change"
	Operation Outcome `json:"operation,omitempty"`

	// Delegated are the hooks that the backup tool has run itself, in all namespaces together.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="it was said already and cannot change"
	Delegated *DelegatedHooks `json:"delegated,omitempty"`
}

// DelegatedHooks are what the backup tool says of the hooks that it has run itself (Velero: status.hookStatus of the Backup).
type DelegatedHooks struct {
	// Attempted of them.
	// +kubebuilder:validation:Minimum=0
	Attempted int32 `json:"attempted"`
	// Failed of them.
	// +kubebuilder:validation:Minimum=0
	Failed int32 `json:"failed"`
}

// Trigger is what has made somebody create a session.
//
// +kubebuilder:validation:Enum=AdHoc;Scheduled
type Trigger string

const (
	// AdHoc: somebody is looking. Every hook becomes an event.
	AdHoc Trigger = "AdHoc"
	// Scheduled: nobody is. Failures become events.
	Scheduled Trigger = "Scheduled"
)
