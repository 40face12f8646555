package status

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// action is what the events are about.
	action = "Stamp"
	// reasonCleared goes with the event that a reason of status.notStamped has gone.
	reasonCleared = "Cleared"
	// reasonTemplateChanged goes with the event that the template of a policy has another version.
	reasonTemplateChanged = "TemplateChanged"
	// maxEvents is how many of a policy are sent at once. The status has all of them.
	maxEvents = 5
)

// announce sends an event when the policy's template has changed, and one for each reason why hooks are not stamped that is new, and for each that has gone. What was
// announced is in the status, so that nothing is announced twice, by another leader neither.
func (r *Reporter) announce(policy client.Object, before, after *v1alpha1.HookPolicyStatus) {
	if was, is := before.Template, after.Template; was != nil && is != nil && was.Name == is.Name && was.Version != "" && is.Version != "" && was.Version != is.Version {
		r.Recorder.Eventf(policy, nil, corev1.EventTypeNormal, reasonTemplateChanged, action,
			"HookTemplate %q is now version %s, where it was %s: the policy goes by it, but for sessions that have begun", is.Name, is.Version, was.Version)
	}
	if !meta.IsStatusConditionTrue(after.Conditions, v1alpha1.ConditionReady) {
		return // what has gone has not been mended
	}
	sent := 0
	for _, entry := range after.NotStamped {
		// Who opts a pod out knows it.
		if entry.Reason == v1alpha1.ReasonSkipped || contains(before, &entry) || sent == maxEvents {
			continue
		}
		sent++
		r.Recorder.Eventf(policy, nil, corev1.EventTypeWarning, entry.Reason, action, "%s", entry.Message)
	}
	for _, entry := range before.NotStamped {
		if len(after.NotStamped) == v1alpha1.MaxNotStamped {
			break // it may be there, and only have no room in the list
		}
		if entry.Reason == v1alpha1.ReasonSkipped || contains(after, &entry) || sent == maxEvents {
			continue
		}
		sent++
		what := "the policy"
		if entry.Hook != "" {
			what = "hook " + entry.Hook
		}
		r.Recorder.Eventf(policy, nil, corev1.EventTypeNormal, reasonCleared, action,
			"No pod is kept from carrying %s any more by: %s", what, entry.Reason)
	}
}

// contains tells whether a status has an entry for the same reason and hook.
func contains(status *v1alpha1.HookPolicyStatus, entry *v1alpha1.NotStamped) bool {
	return slices.ContainsFunc(status.NotStamped, func(other v1alpha1.NotStamped) bool {
		return other.Reason == entry.Reason && other.Hook == entry.Hook
	})
}
