package record

import (
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Restored tells in which pods the PostRestore hooks of a policy run, once the restore is over: in those that it has brought, and, so
// that they are undone, wherever hooks of the policy were run before it. It is nil where nobody knows what a restore has brought, and
// all pods are taken for it: only Velero says so, by a label, which a pod keeps when its Deployment adopts it (velero:
// pkg/restore/restore.go, addRestoreLabels).
func (r *Record) Restored() func(policy match.Ref, pod plan.Pod) bool {
	source := r.Session.Spec.Velero
	if source == nil || source.Kind != v1alpha1.VeleroRestore {
		return nil
	}
	name := velero.LabelValue(source.Name)
	attempts := r.History().Attempts
	return func(policy match.Ref, pod plan.Pod) bool {
		if pod.Labels[v1alpha1.VeleroRestoreLabel] == name {
			return true
		}
		for _, attempt := range attempts {
			if attempt.Policy == policy && attempt.Pod == pod.UID {
				return true
			}
		}
		return false
	}
}
