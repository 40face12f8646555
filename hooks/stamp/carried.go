package stamp

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// carried is what a pod has of hook annotations, and whose they are.
type carried struct {
	// ours is, for each side that is as we wrote it, what we recorded of it; else nil.
	ours [len(sides)]*sideRecord
	// foreign is true when there is any hook annotation that we did not write, or not like this.
	foreign bool
	// stamped is true when there is a record, whatever is in it. The key is ours alone.
	stamped bool
}

func carry(annotations map[string]string) carried {
	var c carried
	_, c.stamped = annotations[v1alpha1.StampAnnotation]
	written := recordOf(annotations)
	for s := range sides {
		if recorded := *written.side(side(s)); recorded != nil {
			if hash, whole := hashSide(side(s), annotations); whole && hash == recorded.Hash {
				c.ours[s] = recorded
			}
		}
	}
	for key := range annotations {
		if isHook(key) && !c.owns(key) {
			c.foreign = true
		}
	}
	return c
}

// recordOf is what a pod's annotations say that we wrote; an empty one where they do not.
func recordOf(annotations map[string]string) record {
	var written record
	if json.Unmarshal([]byte(annotations[v1alpha1.StampAnnotation]), &written) != nil {
		return record{} // not ours, or not whole: nothing is proved by it
	}
	return written
}

// isHook tells whether Velero reads an annotation as a backup hook, or would but for a typing error: whoever wrote one
// with our prefixes meant to own the hook.
func isHook(key string) bool {
	return strings.HasPrefix(key, v1alpha1.VeleroPrePrefix) ||
		strings.HasPrefix(key, v1alpha1.VeleroPostPrefix) ||
		strings.HasPrefix(key, v1alpha1.VeleroLegacyPrefix)
}

// owns tells whether an annotation is one of ours.
func (c carried) owns(key string) bool {
	if key == v1alpha1.StampAnnotation {
		return true
	}
	for s, ours := range c.ours {
		if suffix, found := strings.CutPrefix(key, sides[s].prefix); found && ours != nil {
			return slices.Contains(suffixes[:], suffix)
		}
	}
	return false
}

// has tells whether a policy's hooks are on a side.
func (c carried) has(s side, policy match.Ref) bool {
	return c.ours[s] != nil && slices.Contains(c.ours[s].Policies, recordedName(policy))
}

// first is the container that was the pod's first when it was stamped, if the pod still has it. Another webhook may have
// put one of its own in front in the meantime, and we are asked again.
func (c carried) first(pod Pod) (match.Container, bool) {
	for s, ours := range c.ours {
		if ours == nil || !ours.Default {
			continue
		}
		name := pod.Annotations[sides[s].prefix+v1alpha1.VeleroContainer]
		if i := slices.IndexFunc(pod.Containers, func(c match.Container) bool { return c.Name == name }); i >= 0 {
			return pod.Containers[i], true
		}
	}
	return match.Container{}, false
}

// surplus are those of our annotations that are not wanted, sorted.
func (c carried) surplus(annotations, wanted map[string]string) []string {
	var surplus []string
	for key := range annotations {
		if _, found := wanted[key]; !found && c.owns(key) {
			surplus = append(surplus, key)
		}
	}
	slices.Sort(surplus)
	return surplus
}

// others is the size of the annotations that are not ours.
func (c carried) others(annotations map[string]string) (bytes int) {
	for key, value := range annotations {
		if !c.owns(key) {
			bytes += len(key) + len(value)
		}
	}
	return bytes
}

// Carried names the policies whose hooks a pod of a namespace carries as we wrote them, each once.
func Carried(namespace string, annotations map[string]string) []match.Ref {
	if _, stamped := annotations[v1alpha1.StampAnnotation]; !stamped {
		return nil
	}
	var policies []match.Ref
	for _, ours := range carry(annotations).ours {
		if ours == nil {
			continue
		}
		for _, name := range ours.Policies {
			if ref, known := recordedRef(name, namespace); known && !slices.Contains(policies, ref) {
				policies = append(policies, ref)
			}
		}
	}
	return policies
}

// Unstamp lists those annotations of a pod that are ours, sorted: to be removed where it takes part no longer. What its
// user wrote or edited is not among them.
func Unstamp(annotations map[string]string) []string {
	return carry(annotations).surplus(annotations, nil)
}
