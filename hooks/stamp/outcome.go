package stamp

import (
	"fmt"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Outcome is what one policy comes to on one pod.
type Outcome struct {
	// Policy by name.
	Policy string
	// Reason why the pod is not to carry the policy's hooks, one of the v1alpha1.Reason constants; empty when it is.
	Reason string
	// Hook that stood in the way, where one did.
	Hook string
	// Container that the pod lacks, for ReasonContainerNotFound.
	Container string
	// Winner is the policy that has taken the side, for ReasonOutranked.
	Winner string

	// sides that the policy is stamped on.
	sides [len(sides)]bool
	// pending is true when an annotation of those sides is missing, or another than it should be.
	pending bool
}

// Stamped tells whether the pod is to carry the policy's hooks.
func (o Outcome) Stamped() bool { return o.Reason == "" }

// Current tells whether the pod carries them already, and as they should be.
func (o Outcome) Current() bool { return o.Stamped() && !o.pending }

// Explain says, in words for the policy's author, why a pod does not carry what the policy says, and what to do.
func (o Outcome) Explain(pod string) string {
	switch o.Reason {
	case "":
		return fmt.Sprintf("pod %s is stamped", pod)
	case v1alpha1.ReasonContainerNotFound:
		return fmt.Sprintf("pod %s has no container %q, which hook %q names: write one of its containers (not its init containers) in container, "+
			"or narrow the selector", pod, o.Container, o.Hook)
	case v1alpha1.ReasonUserOwned:
		return fmt.Sprintf("pod %s has Velero hook annotations that its user wrote or edited, which Quiesce leaves alone: remove them from its template to let the policy decide", pod)
	case v1alpha1.ReasonOutranked:
		return fmt.Sprintf("pod %s already has the hook of policy %q where hook %q would run, and Velero's annotations have room for one: "+
			"raise spec.priority above it, or narrow a selector", pod, o.Winner, o.Hook)
	case v1alpha1.ReasonTooLarge:
		return fmt.Sprintf("pod %s would have more than %d bytes of annotations: write a shorter command, such as a script in the image", pod, maxAnnotationBytes)
	case v1alpha1.ReasonNotStamped:
		return fmt.Sprintf("pod %s was created before the policy applied to it, while the webhook was away, or is too large to stamp (over 1.25 MiB): "+
			"create it again, for example with kubectl rollout restart, and look for a warning", pod)
	case v1alpha1.ReasonOutdated:
		return fmt.Sprintf("pod %s still carries hooks that the policy does not give it any more, or not in this form: create it again, for example with kubectl rollout restart", pod)
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
