package velero

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is that of Velero's kinds.
var GroupVersion = schema.GroupVersion{Group: "velero.io", Version: "v1"}

// Backup is what Quiesce reads of a Backup (velero: pkg/apis/velero/v1/backup_types.go).
type Backup struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              BackupSpec   `json:"spec"`
	Status            BackupStatus `json:"status"`
}

// BackupStatus is what Quiesce reads of a Backup's status.
type BackupStatus struct {
	Phase         string       `json:"phase"`
	FailureReason string       `json:"failureReason"`
	Started       *metav1.Time `json:"startTimestamp"`
	Completed     *metav1.Time `json:"completionTimestamp"`
	HookStatus    *HookStatus  `json:"hookStatus"`
}

// HookStatus is what Velero says of the hooks that it has run.
type HookStatus struct {
	Attempted int32 `json:"hooksAttempted"`
	Failed    int32 `json:"hooksFailed"`
}

// Restore is what Quiesce reads of a Restore (velero: pkg/apis/velero/v1/restore_types.go).
type Restore struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              RestoreSpec   `json:"spec"`
	Status            RestoreStatus `json:"status"`
}

// RestoreSpec is what decides which pods a Restore brings.
type RestoreSpec struct {
	BackupName         string   `json:"backupName"`
	ScheduleName       string   `json:"scheduleName"`
	IncludedNamespaces []string `json:"includedNamespaces"`
	ExcludedNamespaces []string `json:"excludedNamespaces"`
	IncludedResources  []string `json:"includedResources"`
	ExcludedResources  []string `json:"excludedResources"`
	// NamespaceMapping is by the namespace in the backup.
	NamespaceMapping map[string]string       `json:"namespaceMapping"`
	LabelSelector    *metav1.LabelSelector   `json:"labelSelector"`
	OrLabelSelectors []*metav1.LabelSelector `json:"orLabelSelectors"`
}

// RestoreStatus is what Quiesce reads of a Restore's status.
type RestoreStatus struct {
	Phase         string       `json:"phase"`
	FailureReason string       `json:"failureReason"`
	Completed     *metav1.Time `json:"completionTimestamp"`
}
