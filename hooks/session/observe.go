package session

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// observe sees what has happened to pods and holds while they are to be quiesced.
func (o *open) observe(now time.Time) {
	window := o.record.Session.Status.Window
	if window == nil || window.Deadline == nil || window.ThawingAt != nil || o.record.Session.Status.Broken != nil {
		return
	}
	for _, lost := range o.lost {
		o.lose(lost, now)
	}
	o.lost = nil
	if o.view == nil {
		return
	}
	quiesced := o.record.Quiesced()
	for _, run := range o.record.Runs {
		if plan.IsPost(run.Spec.Stage) || !o.record.IsUndone(run) {
			continue
		}
		for i := range run.Spec.Pods {
			pod := &run.Spec.Pods[i]
			if _, is := quiesced[pod.UID]; is && pod.UID != "" {
				o.look(run, pod, window.OpenedAt.Time, now)
			}
		}
	}
	o.countBirths(window.OpenedAt.Time)
}

// look sees what has become of a quiesced pod.
func (o *open) look(run *v1alpha1.HookRun, pod *v1alpha1.RunPod, opened, now time.Time) {
	seen, there := o.view.Pod(pod.UID)
	if !there {
		o.violate(run, now, v1alpha1.ReasonPodGone, "pod %q has gone while it was quiesced", pod.Name)
		return
	}
	state := seen.State(pod.Container)
	switch {
	case seen.Terminating: // with its namespace, it may be, of which only the pods are deleted at first: there is time to thaw it
		o.violate(run, now, v1alpha1.ReasonPodGone, "pod %q is being deleted while it is quiesced", pod.Name)
	case !state.Running:
		o.violate(run, now, v1alpha1.ReasonRestarted, "container %q of pod %q has ended while it was quiesced", pod.Container, pod.Name)
	case state.StartedAt.After(opened):
		o.violate(run, now, v1alpha1.ReasonRestarted, "container %q of pod %q was started anew while it was quiesced", pod.Container, pod.Name)
	}
}

// violate notes that what was quiesced is so no longer. For a hook with onError Continue the session goes on.
func (o *open) violate(run *v1alpha1.HookRun, now time.Time, reason, format string, values ...any) {
	if run.Spec.Hook.OnError == v1alpha1.Continue {
		machine.MarkInconsistent(o.record.Session, reason, fmt.Sprintf(format, values...))
		return
	}
	o.breakWith(machine.BreakWith(reason, now, format, values...))
}

func (o *open) lose(lost lostHold, now time.Time) {
	o.violate(lost.run, now, v1alpha1.ReasonHoldLost, "the hold of hook %q in pod %q was lost: %s", lost.run.Spec.Hook.Name, lost.pod, lost.reason)
}

// findLostHolds finds holds that another controller has begun: they have ended with it.
func (o *open) findLostHolds(run *v1alpha1.HookRun) {
	if run.Spec.Hook.Hold == nil || plan.IsPost(run.Spec.Stage) {
		return
	}
	record.Each(run, func(_ int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		if result != nil && result.Outcome == v1alpha1.ResultHeld && !o.Performer.Held(run.UID, pod.UID) {
			o.lost = append(o.lost, lostHold{run, pod.Name, "the controller that held it has ended"})
		}
	})
}

// countBirths finds pods that were born inside the window and should have been quiesced. Those of a restore are born there.
func (o *open) countBirths(opened time.Time) {
	if kinds := o.record.Plan().Kinds; !kinds.Snapshot && !kinds.Backup {
		return
	}
	if o.index == nil || meta.IsStatusConditionFalse(o.record.Session.Status.Conditions, v1alpha1.ConditionConsistent) {
		return
	}
	claimed := claimed(o.record.Runs)
	for _, pod := range o.view.Pods() {
		// Times of creation have whole seconds.
		if _, known := claimed[pod.UID]; known || pod.Ended || pod.CreatedAt.Before(opened.Truncate(time.Second)) {
			continue
		}
		if o.wouldQuiesce(pod) {
			machine.MarkInconsistent(o.record.Session, v1alpha1.ReasonNewPod,
				fmt.Sprintf("pod %q was created while the others were quiesced, and is not", pod.Name))
			return
		}
	}
}

func (o *open) wouldQuiesce(pod *witness.Pod) bool {
	planned := plan.Resolve(o.index, o.planning(), []plan.Pod{pod.Pod})
	return slices.ContainsFunc(planned.Steps, func(step plan.Step) bool {
		return !plan.IsPost(step.Stage) && slices.ContainsFunc(step.Targets, func(t plan.Target) bool { return t.UID == pod.UID })
	})
}

// showTrouble says in the condition Thawed why pods cannot be thawed for now.
func (o *open) showTrouble() {
	if len(o.trouble) == 0 || o.record.Session.Status.QuiescedPods == 0 {
		return
	}
	pods := make([]string, 0, len(o.trouble))
	for pod := range o.trouble {
		pods = append(pods, pod)
	}
	slices.Sort(pods)
	where := make([]string, min(len(pods), namedPods))
	for i := range where {
		where[i] = record.Where(pods[i])
	}
	sentence := fmt.Sprintf("what cannot be thawed yet: %s; of the first: %s; it is tried again, until annotation %s gives it up",
		strings.Join(where, ", "), o.trouble[pods[0]], v1alpha1.AbandonAnnotation)
	meta.SetStatusCondition(&o.record.Session.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionThawed, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUnreachable,
		Message: machine.Shorten(sentence), ObservedGeneration: o.record.Session.Generation,
	})
}

// planning is the session as planning needs it. Selectors that are none were found when it was resolved.
func (o *open) planning() plan.Session {
	spec, status := &o.record.Session.Spec, o.record.Session.Status.Plan
	selector, err := spec.LabelSelector.Compile()
	if err != nil {
		selector = nil
	}
	var either []labels.Selector
	for i := range spec.OrLabelSelectors {
		if one, err := spec.OrLabelSelectors[i].Compile(); err == nil {
			either = append(either, one)
		}
	}
	return plan.Session{
		Namespace: o.namespace, PolicyNames: spec.PolicyNames, LabelSelector: selector, OrLabelSelectors: either, Share: o.share(),
		Kinds: plan.Kinds{
			Snapshot: status.SnapshotHooks, Backup: status.BackupHooks, Restore: status.RestoreHooks && status.RestoreIn == "",
		},
	}
}
