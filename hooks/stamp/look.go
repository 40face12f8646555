package stamp

import (
	"maps"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Look is what a pod has of hooks for Velero's backups, and whose they are.
type Look struct {
	// Sides that are as we wrote them, that of before the backup first.
	Sides []SideLook
	// Foreign are the keys of hook annotations that the pod's user wrote or edited, sorted.
	Foreign []string
}

// SideLook is a side of a pod that is as we wrote it.
type SideLook struct {
	// Prefix of the side's annotations.
	Prefix string
	// Stages whose hooks run in the side's moment.
	Stages []v1alpha1.Stage
	// Policies whose hooks the side has, by rank. Their names are as recorded.
	Policies []match.Ref
	// The values of the side's annotations.
	Container, Command, OnError, Timeout string
}

// LookAt looks at the annotations of a pod in a namespace.
func LookAt(namespace string, annotations map[string]string) Look {
	var look Look
	present := carry(annotations)
	for s, ours := range present.ours {
		if ours == nil {
			continue
		}
		prefix := sides[s].prefix
		found := SideLook{
			Prefix: prefix, Stages: sides[s].stages,
			Container: annotations[prefix+v1alpha1.VeleroContainer], Command: annotations[prefix+v1alpha1.VeleroCommand],
			OnError: annotations[prefix+v1alpha1.VeleroOnError], Timeout: annotations[prefix+v1alpha1.VeleroTimeout],
		}
		for _, name := range ours.Policies {
			if ref, known := recordedRef(name, namespace); known {
				found.Policies = append(found.Policies, ref)
			}
		}
		look.Sides = append(look.Sides, found)
	}
	for key := range annotations {
		if isHook(key) && !present.owns(key) {
			look.Foreign = append(look.Foreign, key)
		}
	}
	slices.Sort(look.Foreign)
	return look
}

// Apply returns the annotations of a pod as the decision has them.
func (d Decision) Apply(annotations map[string]string) map[string]string {
	applied := make(map[string]string, len(annotations)+len(d.Set))
	for key, value := range annotations {
		if !slices.Contains(d.Remove, key) {
			applied[key] = value
		}
	}
	maps.Copy(applied, d.Set)
	return applied
}
