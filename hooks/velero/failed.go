package velero

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a Velero server goes by that is told nothing else (velero: pkg/cmd/server/config/config.go). What it was told, nobody else
// knows.
const (
	defaultLocation = "default"
	defaultTTL      = 30 * 24 * time.Hour
)

// What Velero says of the layout of every backup that it writes (velero: pkg/backup/backup.go).
const (
	backupVersion       = 1
	backupFormatVersion = "1.1.0"
)

// StorageLocationLabel on a Backup is its storage location (velero: pkg/apis/velero/v1/labels_annotations.go).
const StorageLocationLabel = "velero.io/storage-location"

// StorageLocation is what Quiesce reads of a BackupStorageLocation (velero: pkg/apis/velero/v1/backupstoragelocation_types.go).
type StorageLocation struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Default bool `json:"default"`
	} `json:"spec"`
}

// Location is the storage location of a backup, given those of its namespace: its own, or the one that is the default, as Velero
// chooses when a backup starts (velero: pkg/controller/backup_controller.go, prepareBackupRequest). Where none is, it is the one that the
// server was told of: the only one, most likely.
func (s *BackupSpec) Location(locations []StorageLocation) string {
	if s.StorageLocation != "" {
		return s.StorageLocation
	}
	return cmp.Or(ChooseLocation(locations), defaultLocation)
}

// ChooseLocation is the default one, or the only one; empty where there are several, none of them the default.
func ChooseLocation(locations []StorageLocation) string {
	for i := range locations {
		if locations[i].Spec.Default {
			return locations[i].Name
		}
	}
	if len(locations) == 1 {
		return locations[0].Name
	}
	return ""
}

// FailedStatus is the status of a Backup or Restore that has failed before Velero began it, as Velero itself writes it: a list shows
// when it was, and a description why. Times are whole seconds.
func FailedStatus(reason string, now time.Time) map[string]any {
	at := timestamp(now)
	return map[string]any{"phase": Failed, "failureReason": reason, "startTimestamp": at, "completionTimestamp": at}
}

// Failure is a merge patch (RFC 7386) by which a Backup has failed. Beside the status it has all without which Velero can neither expire
// a Backup (velero: pkg/controller/gc_controller.go) nor delete it (backup_deletion_controller.go): when it expires, and the storage
// location, which Velero gives it only when it starts.
func (b *Backup) Failure(location, reason string, now time.Time) map[string]any {
	ttl := cmp.Or(b.Spec.TTL.Duration, defaultTTL)
	status := FailedStatus(reason, now)
	status["expiration"] = timestamp(now.Add(ttl))
	status["version"] = backupVersion
	status["formatVersion"] = backupFormatVersion
	status["queuePosition"] = nil
	return map[string]any{
		"metadata": map[string]any{"labels": map[string]any{StorageLocationLabel: LabelValue(location)}},
		"spec":     map[string]any{"storageLocation": location, "ttl": ttl.String()},
		"status":   status,
	}
}

// Failure is a merge patch (RFC 7386) by which a Restore has failed. Velero needs no more to delete it.
func (*Restore) Failure(reason string, now time.Time) map[string]any {
	return map[string]any{"status": FailedStatus(reason, now)}
}

func timestamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
