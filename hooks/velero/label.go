package velero

import (
	"crypto/sha256"
	"encoding/hex"
)

// maxLabel is how long the value of a label may be.
const maxLabel = 63

// LabelValue is the name of a Backup, Restore or Schedule as Velero writes it into labels: one that is too long is cut, and ends with
// the first six digits of its SHA-256 (velero: pkg/label/label.go).
func LabelValue(name string) string {
	if len(name) <= maxLabel {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:maxLabel-6] + hex.EncodeToString(sum[:])[:6]
}

// ScheduleLabel on a Backup is the name of its Schedule (velero: pkg/apis/velero/v1/labels_annotations.go).
const ScheduleLabel = "velero.io/schedule-name"
