package stamp

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// carried is what a pod has of hook annotations, and whose they are.
type carried struct {
	// ours is, for each side that is as we wrote it, the name of the policy; else empty.
	ours [len(sides)]string
	// first is, for each such side, whether its container was the pod's first when it was stamped.
	first [len(sides)]bool
	// foreign is true when there is any hook annotation that we did not write, or not like this.
	foreign bool
	// stamped is true when there is a record, whatever is in it. The key is ours alone.
	stamped bool
}

func carry(annotations map[string]string) carried {
	var c carried
	var written record
	value, stamped := annotations[v1alpha1.StampAnnotation]
	c.stamped = stamped
	if stamped && json.Unmarshal([]byte(value), &written) != nil {
		written = record{} // not ours, or not whole: nothing is proved by it
	}
	for s := range sides {
		if recorded := *written.side(side(s)); recorded != nil {
			if hash, whole := hashSide(side(s), annotations); whole && hash == recorded.Hash {
				c.ours[s], c.first[s] = recorded.Policy, recorded.Default
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
	for s, policy := range c.ours {
		if suffix, found := strings.CutPrefix(key, sides[s].prefix); found && policy != "" {
			return slices.Contains(suffixes[:], suffix)
		}
	}
	return false
}

// Carried names the policies whose hooks a pod carries as we wrote them, each once.
func Carried(annotations map[string]string) []string {
	c := carry(annotations)
	var policies []string
	for _, policy := range c.ours {
		if policy != "" && !slices.Contains(policies, policy) {
			policies = append(policies, policy)
		}
	}
	return policies
}
