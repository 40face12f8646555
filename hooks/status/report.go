package status

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxSentence is how long a message in status.notStamped may be, by its schema.
const maxSentence = 1024

// report is the status of a policy, made from the one before, so that conditions keep their times.
func report(policy *policies.Policy, before *v1alpha1.HookPolicyStatus, found *tally) v1alpha1.HookPolicyStatus {
	status := v1alpha1.HookPolicyStatus{
		ObservedGeneration: policy.Generation,
		Stages:             stages(policy.Spec),
		Template:           template(policy, before.Template),
		MatchedPods:        found.matched,
		StampedPods:        found.stamped,
		PreparedPods:       found.prepared,
		LastRestore:        found.lastRestore(before.LastRestore),
		NotStamped:         notStamped(found),
		Conditions:         slices.Clone(before.Conditions),
	}
	set := func(condition metav1.Condition) {
		condition.ObservedGeneration = policy.Generation
		meta.SetStatusCondition(&status.Conditions, condition)
	}
	inUse := ready(policy, found)
	set(inUse)
	if inUse.Status == metav1.ConditionTrue {
		set(stampable(policy, found))
		set(conflicted(found))
	} else { // there is nothing that could be said of either
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionStampable)
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionConflicted)
	}
	if inUse.Status == metav1.ConditionTrue && runsIn(policy.Spec, v1alpha1.PostRestore) {
		set(preparable(found))
	} else {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionPreparable)
	}
	return status
}

// template is the one that the policy uses, and since when in this version.
func template(policy *policies.Policy, before *v1alpha1.TemplateVersion) *v1alpha1.TemplateVersion {
	if policy.Written == nil || policy.Written.Template == nil {
		return nil
	}
	now := &v1alpha1.TemplateVersion{Name: policy.Written.Template.Name, Version: policy.TemplateVersion}
	switch {
	case now.Version == "":
	case before != nil && before.Name == now.Name && before.Version == now.Version:
		now.Since = before.Since
	default:
		now.Since = new(metav1.Now().Rfc3339Copy())
	}
	return now
}

// stages that the hooks name, in the order in which they come.
func stages(spec *v1alpha1.HookPolicySpec) string {
	var named []string
	for _, stage := range v1alpha1.Stages {
		if slices.ContainsFunc(spec.Hooks, func(hook v1alpha1.Hook) bool { return slices.Contains(hook.Stages, stage) }) {
			named = append(named, string(stage))
		}
	}
	return strings.Join(named, ",")
}

func notStamped(found *tally) []v1alpha1.NotStamped {
	var list []v1alpha1.NotStamped
	for _, trouble := range found.gravest() {
		if len(list) == v1alpha1.MaxNotStamped {
			break
		}
		list = append(list, v1alpha1.NotStamped{
			Reason: trouble.Reason, Hook: trouble.Hook, Pod: trouble.first, Pods: trouble.pods,
			Message: shorten(trouble.sentence(), maxSentence),
		})
	}
	return list
}
