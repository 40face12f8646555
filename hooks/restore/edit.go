package restore

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Edit is one change of a pod's list of init containers.
type Edit struct {
	// At is the place in the list, as it is by then.
	At int
	// Add is put there; without it, what is there is removed.
	Add *corev1.Container
}

// waiting are the init containers by which Velero brings the data of a pod's volumes back (velero:
// pkg/restorehelper/util.go). What runs ahead of them finds no data, and if it waits for some, waits for ever.
var waiting = []string{"restore-wait", "restic-wait"}

// edits make a pod's init containers what they should be: those that wait for data, then ours, then the pod's own. One of ours
// that was added for this restore already stays as it is: others may have changed it since, and had their reasons.
func edits(current, wanted []corev1.Container) []Edit {
	var (
		kept    []corev1.Container
		removed []Edit
		place   int
		added   = map[string]*corev1.Container{} // by mark
	)
	for i := range current {
		if isOurs(&current[i]) {
			removed = append(removed, Edit{At: i})
			added[markOf(&current[i])] = &current[i]
			continue
		}
		kept = append(kept, current[i])
		if slices.Contains(waiting, current[i].Name) {
			place = len(kept)
		}
	}
	wanted = slices.Clone(wanted)
	for i := range wanted {
		if known := added[markOf(&wanted[i])]; known != nil && known.Name == wanted[i].Name {
			wanted[i] = *known
		}
	}
	same := func(a, b corev1.Container) bool { return a.Name == b.Name && markOf(&a) == markOf(&b) }
	if slices.EqualFunc(slices.Insert(slices.Clone(kept), place, wanted...), current, same) {
		return nil
	}
	slices.Reverse(removed) // from the end, so that the places stay right
	made := removed
	for i := range wanted {
		made = append(made, Edit{At: place + i, Add: &wanted[i]})
	}
	return made
}
