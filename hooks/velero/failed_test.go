package velero

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestABackupGoesToTheLocationThatVeleroWouldChoose(t *testing.T) {
	location := func(name string, isDefault bool) StorageLocation {
		found := StorageLocation{ObjectMeta: metav1.ObjectMeta{Name: name}}
		found.Spec.Default = isDefault
		return found
	}
	tests := map[string]struct {
		own       string
		locations []StorageLocation
		want      string
	}{
		"its own":                            {"mine", []StorageLocation{location("other", true)}, "mine"},
		"the default one":                    {"", []StorageLocation{location("a", false), location("b", true), location("c", false)}, "b"},
		"none of several is the default":     {"", []StorageLocation{location("a", false), location("b", false)}, "default"},
		"the only one":                       {"", []StorageLocation{location("a", false)}, "a"},
		"nothing is known of any":            {"", nil, "default"},
		"its own, of which nothing is known": {"mine", nil, "mine"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec := BackupSpec{StorageLocation: test.own}
			assert.Equal(t, test.want, spec.Location(test.locations))
		})
	}
}

func TestABackupThatHasFailedCanBeListedExpiredAndDeleted(t *testing.T) {
	now := time.Date(2026, 11, 26, 17, 0, 0, 123, time.FixedZone("", 3600))
	status := map[string]any{
		"phase": "Failed", "failureReason": "Quiesce: no", "startTimestamp": "2026-11-26T16:00:00Z", "completionTimestamp": "2026-11-26T16:00:00Z",
		"expiration": "2026-12-26T16:00:00Z", "version": 1, "formatVersion": "1.1.0", "queuePosition": nil,
	}
	assert.Equal(t, map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"velero.io/storage-location": "default"}},
		"spec":     map[string]any{"storageLocation": "default", "ttl": "720h0m0s"},
		"status":   status,
	}, (&Backup{}).Failure("default", "Quiesce: no", now))

	backup := &Backup{Spec: BackupSpec{TTL: metav1.Duration{Duration: time.Hour}}}
	long := strings.Repeat("x", 70)
	failure := backup.Failure(long, "Quiesce: no", now)
	assert.Equal(t, map[string]any{"storageLocation": long, "ttl": "1h0m0s"}, failure["spec"])
	assert.Equal(t, map[string]any{"labels": map[string]any{"velero.io/storage-location": LabelValue(long)}}, failure["metadata"])
	status["expiration"] = "2026-11-26T17:00:00Z"
	assert.Equal(t, status, failure["status"])
}

func TestARestoreThatHasFailedSaysWhenAndWhy(t *testing.T) {
	assert.Equal(t, map[string]any{"status": map[string]any{
		"phase": "Failed", "failureReason": "Quiesce: no", "startTimestamp": "2026-11-26T16:00:00Z", "completionTimestamp": "2026-11-26T16:00:00Z",
	}}, (&Restore{}).Failure("Quiesce: no", time.Date(2026, 11, 26, 16, 0, 0, 0, time.UTC)))
}
