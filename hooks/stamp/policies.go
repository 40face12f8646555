// Package stamp decides which of Velero's backup hook annotations a pod carries. It is pure, and serves all who need to
// know: the webhook, which writes them on new pods, and the controller, which keeps them on running ones and says what
// became of each policy.
package stamp

import (
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Options are what stamping depends on beside the policies.
type Options struct {
	// NativeSidecars is true where the Velero in use runs hooks in native sidecars, as those up to 1.18 do not.
	NativeSidecars bool
	// BackupHooks are the Schedules and Backups with hooks of their own, which annotations would silence: pods that they
	// cover are not stamped.
	BackupHooks []velero.BackupHooks
}

// Policies is a compiled set of policies: immutable but for what it remembers, and safe to use from many goroutines.
type Policies struct {
	index    *match.Index
	options  Options
	rendered renderings
}

// New returns the policies of an index for stamping.
func New(index *match.Index, options Options) *Policies {
	return &Policies{index: index, options: options}
}
