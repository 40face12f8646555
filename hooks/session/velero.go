package session

import (
	"fmt"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// share says which hooks the session runs where Velero runs some itself; nil where it runs all.
func (o *open) share() *plan.Share {
	source := o.record.Session.Spec.Velero
	switch {
	case source == nil:
		return nil
	case source.Kind == v1alpha1.VeleroRestore:
		return &plan.Share{
			Whole: func(plan.Pod) bool { return false },
			Left: func(_ *match.Policy, _ int, stage v1alpha1.Stage) bool {
				return source.Held || stage != v1alpha1.PreRestore // which would come too late
			},
		}
	}
	return &plan.Share{
		Whole: func(pod plan.Pod) bool { return source.Held && o.bySession(pod) != nil },
		Left: func(policy *match.Policy, place int, stage v1alpha1.Stage) bool {
			return stamp.Left(policy.Spec, place, stage)
		},
	}
}

// bySession is the policy by which Velero's Backups wait for a session over a pod, or nil. By any such policy the pod is not stamped, also by
// one that the session does not name.
func (o *open) bySession(pod plan.Pod) *match.Policy {
	return stamp.BySession(o.index.Match(o.namespace, pod.Pod), pod.Labels, pod.Annotations)
}

// missed is the policy by which a pod was to be quiesced while Velero waited, or nil: one that the session names, if it names any.
func (o *open) missed(pod plan.Pod) *match.Policy {
	names := o.record.Session.Spec.PolicyNames
	named := slices.DeleteFunc(slices.Clone(o.index.Match(o.namespace, pod.Pod)), func(policy *match.Policy) bool {
		return len(names) > 0 && !slices.Contains(names, policy.Name)
	})
	return stamp.BySession(named, pod.Labels, pod.Annotations)
}

// noteVelero takes down what is left to Velero, and whether it has not waited where it was to.
func (o *open) noteVelero(pods []plan.Pod) {
	session := o.record.Session
	source := session.Spec.Velero
	if source == nil || source.Kind != v1alpha1.VeleroBackup {
		return
	}
	stamped := make([]stamp.Pod, 0, len(pods))
	planning := o.planning()
	for _, pod := range pods {
		if !planning.Selects(pod) {
			continue
		}
		if o.bySession(pod) == nil {
			stamped = append(stamped, stamp.Pod{Pod: pod.Pod, Annotations: pod.Annotations})
		}
		if policy := o.missed(pod); policy != nil && !source.Held {
			machine.MarkInconsistent(session, v1alpha1.ReasonGateMissed, fmt.Sprintf("Velero did not wait for this session, so that pod %q was not quiesced, for which %s has "+
				"spec.velero.mode Session: the webhook was away when the Backup was created, or somebody let it go", pod.Name, policy))
		}
	}
	session.Status.Delegated, session.Status.Hooks.Delegated = nil, 0
	for _, hook := range stamp.Delegated(o.index, o.namespace, stamped) {
		session.Status.Hooks.Delegated += hook.Pods
		if len(session.Status.Delegated) < v1alpha1.MaxDelegated {
			session.Status.Delegated = append(session.Status.Delegated, v1alpha1.DelegatedHook{Policy: record.PolicyName(hook.Policy), Hook: hook.Hook, Pods: hook.Pods})
		}
	}
}

// present are the pods that a session may have hooks for.
func present(view *witness.View) []plan.Pod {
	var pods []plan.Pod
	for _, pod := range view.Pods() {
		if !pod.Ended && !pod.Terminating {
			pods = append(pods, pod.Pod)
		}
	}
	return pods
}
