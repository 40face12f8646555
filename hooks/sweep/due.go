package sweep

import (
	"fmt"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// well are the phases in which a Backup has run the hooks of all its items, and none of them has failed unless its hookStatus says
// so (velero: pkg/controller/backup_controller.go).
var well = []string{"WaitingForPluginOperations", "Finalizing", velero.Completed}

// due tells whether a Backup that runs no hooks any more may have left pods quiesced: it has begun, and not all is known to have
// gone well.
func due(backup *velero.Backup) bool {
	status := &backup.Status
	switch {
	case backup.Annotations[v1alpha1.GateAnnotation] == v1alpha1.GateRefused, status.Phase == velero.FailedValidation:
		return false // it never began, whatever its timestamps say
	case velero.Ahead(status.Phase) && status.Started == nil:
		return false
	case status.Phase == velero.Deleting:
		return false // it had ended before (velero: pkg/controller/backup_deletion_controller.go)
	}
	return !slices.Contains(well, status.Phase) || status.HookStatus != nil && status.HookStatus.Failed > 0
}

// nameOf is a Backup as namespace/name.
func nameOf(backup *velero.Backup) string { return backup.Namespace + "/" + backup.Name }

// endOf says in a sentence how a Backup has ended.
func endOf(backup *velero.Backup) string {
	switch status := &backup.Status; {
	case velero.Ongoing(status.Phase):
		return fmt.Sprintf("Backup %s was deleted while it ran", nameOf(backup))
	case slices.Contains(well, status.Phase):
		return fmt.Sprintf("%d hooks of Backup %s had failed", status.HookStatus.Failed, nameOf(backup))
	default:
		return fmt.Sprintf("Backup %s ended as %s", nameOf(backup), status.Phase)
	}
}
