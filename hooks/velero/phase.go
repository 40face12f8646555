package velero

import "slices"

// The phases of a Backup and a Restore that Quiesce tells apart (velero: pkg/apis/velero/v1/backup_types.go, restore_types.go). The
// empty one is that of an object that Velero has not seen yet. Queued and ReadyToStart came with 1.18.
const (
	New              = "New"
	Queued           = "Queued"
	ReadyToStart     = "ReadyToStart"
	InProgress       = "InProgress"
	Completed        = "Completed"
	PartiallyFailed  = "PartiallyFailed"
	Failed           = "Failed"
	FailedValidation = "FailedValidation"
	Deleting         = "Deleting"
)

// Untouched tells whether Velero has done nothing with an object of a phase yet.
func Untouched(phase string) bool { return phase == "" || phase == New }

// MayBeHeld tells whether Velero's hand can be stayed in a phase. In ReadyToStart it cannot: the slot that Velero has given to the Backup
// would stay taken (velero: pkg/controller/backup_tracker.go).
func MayBeHeld(phase string) bool { return Untouched(phase) || phase == Queued }

// Ahead tells whether a Backup or Restore of a phase has yet to begin.
func Ahead(phase string) bool {
	return Untouched(phase) || phase == Queued || phase == ReadyToStart
}

// Ongoing tells whether a Backup in a phase may still run hooks, or has yet to: once it leaves InProgress, its data is captured
// (velero: pkg/controller/backup_controller.go).
func Ongoing(phase string) bool { return Ahead(phase) || phase == InProgress }

// Ended tells whether nothing more becomes of a Backup or Restore in a phase.
func Ended(phase string) bool {
	return slices.Contains([]string{Completed, PartiallyFailed, Failed, FailedValidation, Deleting}, phase)
}

// Succeeded tells whether what a Backup or Restore was to do is done, in a phase in which it has ended: all of it.
func Succeeded(phase string) bool { return phase == Completed }
