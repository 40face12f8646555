package plan

import (
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The stages on the two sides of the data operation, in the order in which they come.
var (
	pre  = []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PreSnapshot, v1alpha1.PreRestore}
	post = []v1alpha1.Stage{v1alpha1.PostSnapshot, v1alpha1.PostBackup, v1alpha1.PostRestore}
)

// counterpart of a post stage is the pre stage that it closes.
var counterpart = map[v1alpha1.Stage]v1alpha1.Stage{
	v1alpha1.PostSnapshot: v1alpha1.PreSnapshot,
	v1alpha1.PostBackup:   v1alpha1.PreBackup,
	v1alpha1.PostRestore:  v1alpha1.PreRestore,
}

// IsPost tells whether a stage comes after the data operation.
func IsPost(stage v1alpha1.Stage) bool { return slices.Contains(post, stage) }

// Stages are those of the kinds, in the order in which they come.
func (k Kinds) Stages() []v1alpha1.Stage {
	return slices.DeleteFunc(slices.Concat(pre, post), func(stage v1alpha1.Stage) bool { return !k.has(stage) })
}

func (k Kinds) has(stage v1alpha1.Stage) bool {
	switch stage {
	case v1alpha1.PreSnapshot, v1alpha1.PostSnapshot:
		return k.Snapshot
	case v1alpha1.PreBackup, v1alpha1.PostBackup:
		return k.Backup
	case v1alpha1.PreRestore, v1alpha1.PostRestore:
		return k.Restore
	}
	return false
}
