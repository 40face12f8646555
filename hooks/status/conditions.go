package status

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxMessage is how long a condition's message may be here, in bytes. The API server would refuse a status with one of
// more than 32 KiB (metav1.Condition), and nobody reads as much.
const maxMessage = 2048

// ready tells whether the policy is in use.
func ready(policy *policies.Policy, found *tally) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	var sentence strings.Builder
	switch {
	case policy.Refusal != nil:
		condition.Reason, condition.Message = refused(policy.Refusal)
		sentence.WriteString(condition.Message)
	case policy.Spec.Suspend:
		condition.Reason = v1alpha1.ReasonSuspended
		sentence.WriteString("spec.suspend is true: pods carry no hooks of this policy")
		if found.stamped > 0 {
			fmt.Fprintf(&sentence, "; still on pods: %d", found.stamped)
		}
	default:
		condition.Status = metav1.ConditionTrue
		condition.Reason = v1alpha1.ReasonInUse
		switch {
		case found.matched == 0:
			fmt.Fprintf(&sentence, "In use; no pod matches yet: pods count in namespaces labelled %s=%s", v1alpha1.HooksLabel, v1alpha1.HooksEnabled)
		case !runsIn(policy.Spec, v1alpha1.BackupStages...):
			fmt.Fprintf(&sentence, "In use; %d matching pods, whose copies are prepared when a restore creates them", found.matched)
		case stamp.Waits(policy.Spec):
			fmt.Fprintf(&sentence, "In use; %d matching pods, for which Velero's Backups wait until a HookSession has run their hooks", found.matched)
		default:
			fmt.Fprintf(&sentence, "In use; %d of %d matching pods stamped", found.current, found.matched)
		}
	}
	if found.skipped > 0 {
		fmt.Fprintf(&sentence, "; opted out by annotation: %d", found.skipped)
	}
	if found.pending > 0 {
		fmt.Fprintf(&sentence, "; about to be changed: %d", found.pending)
	}
	condition.Message = sentence.String()
	return condition
}

// refused is the reason and the message for a policy that cannot be used.
func refused(refusal error) (reason, message string) {
	var missing library.MissingError
	if !errors.As(refusal, &missing) {
		return v1alpha1.ReasonInvalid, shorten(refusal.Error(), maxMessage)
	}
	reason = v1alpha1.ReasonScriptNotFound
	if missing.Kind == library.KindTemplate {
		reason = v1alpha1.ReasonTemplateNotFound
	}
	return reason, shorten(refusal.Error()+": the policy is used as soon as it comes", maxMessage)
}

// stampable tells whether the pods of a policy in use can carry its hooks.
func stampable(policy *policies.Policy, found *tally) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionStampable, Status: metav1.ConditionFalse}
	condition.Reason, condition.Message = explain(found, stampableReasons)
	switch {
	case condition.Reason != "":
	case !runsIn(policy.Spec, v1alpha1.BackupStages...):
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonNothingToStamp
		condition.Message = "All hooks are for restored pods"
	case stamp.Waits(policy.Spec):
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonBySession
		condition.Message = "Nothing is to be stamped: by spec.velero.mode Session, HookSessions run the hooks"
	case unguarded(policy.Spec):
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonUnguarded
		condition.Message = "All hooks can be stamped; spec.shell is None, so that nothing thaws a pod when Velero ends between the two sides: " +
			"write shell: Posix where the containers have /bin/sh"
	default:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionTrue, v1alpha1.ReasonStampable, "All hooks can be stamped"
	}
	return condition
}

// unguarded tells of policies of both sides that have no watchdog.
func unguarded(spec *v1alpha1.HookPolicySpec) bool {
	return spec.Shell == v1alpha1.NoShell &&
		runsIn(spec, v1alpha1.PreBackup, v1alpha1.PreSnapshot) && runsIn(spec, v1alpha1.PostSnapshot, v1alpha1.PostBackup)
}

// runsIn tells whether a policy has hooks in one of some stages.
func runsIn(spec *v1alpha1.HookPolicySpec, stages ...v1alpha1.Stage) bool {
	return slices.ContainsFunc(spec.Hooks, func(hook v1alpha1.Hook) bool {
		return slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool { return slices.Contains(stages, stage) })
	})
}

// preparable tells whether a restore could give the pods of a policy in use its init containers.
func preparable(found *tally) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionPreparable, Status: metav1.ConditionFalse}
	condition.Reason, condition.Message = explain(found, preparableReasons)
	if condition.Reason == "" {
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonPreparable
		condition.Message = "A restore could create every matching pod with its init containers"
	}
	return condition
}

// conflicted tells whether somebody else has the say over hooks of a policy in use.
func conflicted(found *tally) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionConflicted, Status: metav1.ConditionTrue}
	condition.Reason, condition.Message = explain(found, conflictedReasons)
	if condition.Reason == "" {
		condition.Status, condition.Reason = metav1.ConditionFalse, v1alpha1.ReasonNoConflict
		condition.Message = "Nobody else has the say over hooks of its pods"
	}
	return condition
}

// explain is the gravest of some reasons that a tally has, and the sentences of all of them; empty without any.
func explain(found *tally, reasons []string) (reason, message string) {
	var sentences []string
	for _, trouble := range found.gravest() {
		if !slices.Contains(reasons, trouble.Reason) {
			continue
		}
		if reason == "" {
			reason = trouble.Reason
		}
		sentence := trouble.sentence()
		if more := trouble.pods - 1; more > 0 {
			sentence += fmt.Sprintf(" (and so for %d more)", more)
		}
		sentences = append(sentences, sentence)
	}
	return reason, shorten(strings.Join(sentences, "; "), maxMessage)
}

// shorten keeps the beginning of a message that is too long, in whole characters.
func shorten(message string, bytes int) string {
	const more = " …"
	if len(message) <= bytes {
		return message
	}
	return strings.ToValidUTF8(message[:bytes-len(more)], "") + more
}
