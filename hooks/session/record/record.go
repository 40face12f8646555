// Package record reads and writes what a session has resolved, and what became of it: its HookRuns. It is pure. A session
// goes by its record alone, so that whoever takes it over goes on from there.
package record

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Record is a session and its HookRuns, in their order.
type Record struct {
	Session *v1alpha1.HookSession
	Runs    []*v1alpha1.HookRun
	// Sightings are what was seen of VolumeSnapshots until they were looked at last.
	Sightings *Sightings
}

// Plan is that which the record was made of.
func (r *Record) Plan() plan.Plan {
	p := plan.Plan{Kinds: r.kinds(), Steps: make([]plan.Step, 0, len(r.Runs))}
	for _, run := range r.Runs {
		p.Steps = append(p.Steps, step(run))
	}
	return p
}

// kinds are those of the hooks that the session runs itself.
func (r *Record) kinds() plan.Kinds {
	if kinds := r.Session.Status.Plan; kinds != nil {
		return plan.Kinds{Snapshot: kinds.SnapshotHooks, Backup: kinds.BackupHooks, Restore: kinds.RestoreHooks && kinds.RestoreIn == ""}
	}
	return plan.Kinds{}
}

func step(run *v1alpha1.HookRun) plan.Step {
	hook := &run.Spec.Hook
	s := plan.Step{
		Stage: run.Spec.Stage, Policy: PolicyOf(run), Group: int(run.Spec.Group), Part: int(run.Spec.Part), Note: run.Spec.Note,
		Hook: plan.Hook{
			Name: hook.Name, Place: int(hook.Place), Stages: []v1alpha1.Stage{run.Spec.Stage}, Container: hook.Container,
			OnError: hook.OnError, RunOn: hook.RunOn, ExecutionPolicy: hook.ExecutionPolicy,
			Bystander: bystander(hook),
		},
	}
	if InNoPod(run) {
		return s
	}
	for i := range run.Spec.Pods {
		pod := &run.Spec.Pods[i]
		s.Targets = append(s.Targets, plan.Target{UID: pod.UID, Pod: pod.Name, Container: pod.Container, Obstacle: pod.Obstacle})
	}
	return s
}

// InNoPod tells whether a run is that of a hook that runs once per session: its one place has no pod.
func InNoPod(run *v1alpha1.HookRun) bool { return run.Spec.Hook.RunOn == v1alpha1.OncePerSession }

// Where names a place in a sentence, by the name of its pod; of one without a pod, it says so.
func Where(pod string) string {
	if pod == "" {
		return "no pod"
	}
	return fmt.Sprintf("pod %q", pod)
}

// PolicyOf is the policy of a run.
func PolicyOf(run *v1alpha1.HookRun) match.Ref {
	if run.Spec.Policy.Kind == "HookPolicy" {
		return match.Ref{Name: run.Spec.Policy.Name}
	}
	return match.Ref{Namespace: run.Namespace, Name: run.Spec.Policy.Name}
}

// RunOf is the run of a step.
func (r *Record) RunOf(s *plan.Step) *v1alpha1.HookRun {
	for _, run := range r.Runs {
		if run.Spec.Stage == s.Stage && int(run.Spec.Hook.Place) == s.Hook.Place && int(run.Spec.Part) == s.Part && PolicyOf(run) == s.Policy {
			return run
		}
	}
	return nil
}

// Each visits the pods of a run, by their place in its list, with the result of each; nil where there is none.
func Each(run *v1alpha1.HookRun, visit func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult)) {
	next := 0
	for place := range run.Spec.Pods {
		pod := &run.Spec.Pods[place]
		if next < len(run.Status.Results) && run.Status.Results[next].Pod == pod.Name {
			visit(place, pod, &run.Status.Results[next])
			next++
			continue
		}
		visit(place, pod, nil)
	}
}

// entered tells whether the hook may have been run in a pod.
func entered(run *v1alpha1.HookRun, place int, result *v1alpha1.PodResult) bool {
	if result != nil {
		return !result.NotRun
	}
	return place < int(run.Status.Attempted) && run.Spec.Pods[place].Obstacle == ""
}

// complete tells whether every pod of a run has its result.
func complete(run *v1alpha1.HookRun) bool { return len(run.Status.Results) == len(run.Spec.Pods) }

// Deleting tells whether somebody wants the session away.
func (r *Record) Deleting() bool { return r.Session.DeletionTimestamp != nil }

// Holder tells whether the session has what a session needs that quiesces: its finalizer.
func (r *Record) Holder() bool { return slices.Contains(r.Session.Finalizers, v1alpha1.ThawFinalizer) }

// Condition is one of the session's, or nil.
func (r *Record) Condition(kind string) (status, reason string) {
	for i := range r.Session.Status.Conditions {
		if c := &r.Session.Status.Conditions[i]; c.Type == kind {
			return string(c.Status), c.Reason
		}
	}
	return string(corev1.ConditionUnknown), ""
}
