package stamp

import (
	"fmt"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Outcome is what one policy came to on one pod.
type Outcome struct {
	// Policy by name.
	Policy string
	// Reason why the policy's hooks are not on the pod, one of the v1alpha1.Reason constants; empty when they are.
	Reason string
	// Hook that stood in the way, where one did.
	Hook string
	// Container that the pod lacks, for ReasonContainerNotFound.
	Container string
	// Winner is the policy that has taken the side, for ReasonOutranked.
	Winner string
}

// Stamped tells whether the policy's hooks are on the pod.
func (o Outcome) Stamped() bool { return o.Reason == "" }

// Explain says, in words for the policy's author, why a pod is not stamped and what to do. The pod is named by the
// caller.
func (o Outcome) Explain(pod string) string {
	switch o.Reason {
	case "":
		return fmt.Sprintf("pod %s is stamped", pod)
	case v1alpha1.ReasonContainerNotFound:
		return fmt.Sprintf("pod %s has no container %q, which hook %q names: write one that it has in container, or narrow the selector",
			pod, o.Container, o.Hook)
	case v1alpha1.ReasonUserOwned:
		return fmt.Sprintf("pod %s has Velero hook annotations of its own, which Quiesce leaves alone: remove them from its template to let the policy decide", pod)
	case v1alpha1.ReasonOutranked:
		return fmt.Sprintf("pod %s already has the hook of policy %q where hook %q would run, and Velero's annotations have room for one: raise spec.priority above it, or narrow a selector",
			pod, o.Winner, o.Hook)
	case v1alpha1.ReasonTooLarge:
		return fmt.Sprintf("pod %s would have more than %d bytes of annotations: write a shorter command, such as a script in the image",
			pod, maxAnnotationBytes)
	case v1alpha1.ReasonNotStamped:
		return fmt.Sprintf("pod %s was created before the policy applied to it, or while the webhook was away: create it again, for example with kubectl rollout restart", pod)
	}
	return fmt.Sprintf("pod %s is not stamped: %s", pod, o.Reason)
}

func all(policies []*match.Policy, reason string) []Outcome {
	outcomes := make([]Outcome, len(policies))
	for i, policy := range policies {
		outcomes[i] = Outcome{Policy: policy.Name, Reason: reason}
	}
	return outcomes
}
