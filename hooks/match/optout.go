package match

import (
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// OptedOut tells whether a pod's annotations opt it out of a policy: of all, or of this one by its name.
func OptedOut(annotations map[string]string, policy string) bool {
	if annotations[v1alpha1.SkipAnnotation] == "true" {
		return true
	}
	for name := range strings.SplitSeq(annotations[v1alpha1.SkipPoliciesAnnotation], ",") {
		if name = strings.TrimSpace(name); name != "" && name == policy {
			return true
		}
	}
	return false
}
