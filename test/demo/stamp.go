package main

import (
	"fmt"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// checkStamp looks for what the policy must have put on the pod in the pod's annotations, a line each.
func checkStamp(annotations string) error {
	var missing []string
	for _, key := range []string{
		v1alpha1.VeleroPrePrefix + v1alpha1.VeleroCommand, v1alpha1.VeleroPostPrefix + v1alpha1.VeleroCommand, v1alpha1.StampAnnotation,
	} {
		if !strings.Contains(annotations, key+": ") {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("expected the annotations %s on the pod, but they are not there: "+
			"look at `kubectl get hookpolicies -o wide` and at the log of deployment quiesce-webhook in namespace quiesce-system", strings.Join(missing, ", "))
	}
	return nil
}
