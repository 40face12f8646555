package session

import (
	"time"

	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// isCopy tells whether a session that has no record of its own is one that Velero has brought back from a backup: of an operation that is
// over, it may be in another cluster. Velero labels whatever it restores, and brings a status back only where it is asked to (velero:
// pkg/restore/restore.go, addRestoreLabels). A session that runs may be labelled too, by a restore that updates what is there.
func isCopy(session *v1alpha1.HookSession) bool {
	return session.Labels[v1alpha1.VeleroRestoreLabel] != ""
}

// copied is why a session runs nothing that is a copy; nil for any other.
func copied(session *v1alpha1.HookSession, now time.Time) *v1alpha1.Breach {
	if !isCopy(session) {
		return nil
	}
	return machine.BreakWith(v1alpha1.ReasonInvalid, now, "this HookSession came back with the restore %q (label %s), and runs nothing, since what it was for is over: "+
		"create another one, and have your backups leave HookSessions out by the label %s=true",
		session.Labels[v1alpha1.VeleroRestoreLabel], v1alpha1.VeleroRestoreLabel, v1alpha1.ExcludeFromBackupLabel)
}
