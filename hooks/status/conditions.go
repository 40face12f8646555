package status

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// warningReasons from the gravest to the mildest: the first that occurs is the condition's.
var warningReasons = []string{
	v1alpha1.ReasonContainerNotFound,
	v1alpha1.ReasonTooLarge,
	v1alpha1.ReasonUserOwned,
	v1alpha1.ReasonOutranked,
	v1alpha1.ReasonOutdated,
	v1alpha1.ReasonNotStamped,
}

// maxMessage is how long a condition's message may be here, in bytes. The API server would refuse a status with one of
// more than 32 KiB (metav1.Condition), and nobody reads as much.
const maxMessage = 2048

// report is the status of a policy, made from the one before, so that conditions keep their times. refusal is why the
// policy cannot be used, or nil.
func report(policy *v1alpha1.HookPolicy, refusal error, found *finding) v1alpha1.HookPolicyStatus {
	status := *policy.Status.DeepCopy()
	status.ObservedGeneration = policy.Generation
	status.MatchedPods, status.StampedPods = 0, 0
	if found != nil {
		status.MatchedPods, status.StampedPods = found.matched, found.stamped
	}
	meta.SetStatusCondition(&status.Conditions, ready(policy, refusal, found))
	if condition, warn := warned(found); warn {
		condition.ObservedGeneration = policy.Generation
		meta.SetStatusCondition(&status.Conditions, condition)
	} else {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionWarning)
	}
	return status
}

func ready(policy *v1alpha1.HookPolicy, refusal error, found *finding) metav1.Condition {
	condition := metav1.Condition{
		Type:               v1alpha1.ConditionReady,
		Status:             metav1.ConditionFalse,
		ObservedGeneration: policy.Generation,
	}
	switch {
	case refusal != nil:
		condition.Reason = v1alpha1.ReasonInvalid
		condition.Message = shorten(refusal.Error())
	case policy.Spec.Suspend:
		condition.Reason = v1alpha1.ReasonSuspended
		condition.Message = "spec.suspend is true: pods that are created now get no hooks of this policy"
		if found != nil && found.stamped > 0 {
			condition.Message += fmt.Sprintf("; pods that carry them until they are created again: %d", found.stamped)
		}
	case found == nil || found.matched == 0:
		condition.Status = metav1.ConditionTrue
		condition.Reason = v1alpha1.ReasonInUse
		condition.Message = fmt.Sprintf("In use; no pod matches yet: pods count in namespaces labelled %s=%s", v1alpha1.HooksLabel, v1alpha1.HooksEnabled)
	default:
		condition.Status = metav1.ConditionTrue
		condition.Reason = v1alpha1.ReasonInUse
		condition.Message = fmt.Sprintf("In use; %d of %d matching pods stamped", found.current, found.matched)
	}
	return condition
}

// warned is the Warning condition, and false where there is nothing to warn of.
func warned(found *finding) (metav1.Condition, bool) {
	condition := metav1.Condition{Type: v1alpha1.ConditionWarning, Status: metav1.ConditionTrue}
	if found == nil {
		return condition, false
	}
	var sentences []string
	for _, reason := range warningReasons {
		warning := found.warnings[reason]
		if warning == nil {
			continue
		}
		if condition.Reason == "" {
			condition.Reason = reason
		}
		sentence := warning.outcome.Explain(warning.first)
		if more := warning.pods - 1; more > 0 {
			sentence += fmt.Sprintf(" (and so for %d more)", more)
		}
		sentences = append(sentences, sentence)
	}
	condition.Message = shorten(strings.Join(sentences, "; "))
	return condition, len(sentences) > 0
}

// shorten keeps the beginning of a message that is too long, in whole characters.
func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + " …"
}
