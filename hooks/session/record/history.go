package record

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// History is what the record says has happened.
func (r *Record) History() plan.History {
	session := r.Session
	h := plan.History{
		Started:   session.Status.BegunAt != nil,
		Cancelled: session.Spec.Cancel || r.Deleting(),
		PreFailed: session.Status.Broken != nil || r.FirstFailed(isPre) != nil,
	}
	if outcomes := session.Spec.Outcomes; outcomes != nil {
		h.Outcomes = plan.Outcomes{Snapshot: outcomes.Snapshot, Operation: outcomes.Operation}
	}
	for _, stage := range r.kinds().Stages() {
		if r.done(stage) {
			h.Done = append(h.Done, stage)
		}
	}
	for _, run := range r.Runs {
		if isPre(run) {
			h.Attempts = append(h.Attempts, r.attempts(run)...)
		}
	}
	return h
}

func isPre(run *v1alpha1.HookRun) bool  { return !plan.IsPost(run.Spec.Stage) }
func isPost(run *v1alpha1.HookRun) bool { return plan.IsPost(run.Spec.Stage) }

// done tells whether a stage is over. That of the restored pods is not resolved before they are there.
func (r *Record) done(stage v1alpha1.Stage) bool {
	if stage == v1alpha1.PostRestore && r.Session.Status.RestoreRuns == nil && r.Session.Status.BegunAt != nil {
		return false
	}
	return !slices.ContainsFunc(r.Runs, func(run *v1alpha1.HookRun) bool { return run.Spec.Stage == stage && !complete(run) })
}

// attempts are those of a pre run.
func (r *Record) attempts(run *v1alpha1.HookRun) []plan.Attempt {
	var attempts []plan.Attempt
	Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		if !entered(run, place, result) {
			return
		}
		attempts = append(attempts, plan.Attempt{Policy: PolicyOf(run), Stage: run.Spec.Stage, Pod: pod.UID})
		if result != nil && result.TookOver {
			// What another watchdog was to thaw may be any of this.
			for other, stage := range r.quiescing(pod.UID) {
				attempts = append(attempts, plan.Attempt{Policy: other, Stage: stage, Pod: pod.UID})
			}
		}
	})
	return attempts
}

// quiescing are the policies that have pre hooks in a pod, each with the stage of one.
func (r *Record) quiescing(pod types.UID) map[match.Ref]v1alpha1.Stage {
	policies := map[match.Ref]v1alpha1.Stage{}
	for _, run := range r.Runs {
		if isPre(run) && slices.ContainsFunc(run.Spec.Pods, func(p v1alpha1.RunPod) bool { return p.UID == pod }) {
			policies[PolicyOf(run)] = run.Spec.Stage
		}
	}
	return policies
}

// Failed is a hook that failed in a pod.
type Failed struct {
	Run    *v1alpha1.HookRun
	Result *v1alpha1.PodResult
}

// FirstFailed is the first hook with onError Fail that failed, among runs of a kind; nil where none has. One that was cancelled, since
// another had failed, comes after that.
func (r *Record) FirstFailed(kind func(*v1alpha1.HookRun) bool) *Failed {
	var cancelled *Failed
	for _, run := range r.Runs {
		if run.Spec.Hook.OnError == v1alpha1.Continue || run.Status.Failed == 0 || !kind(run) {
			continue
		}
		for i := range run.Status.Results {
			switch result := &run.Status.Results[i]; {
			case result.Outcome != v1alpha1.ResultFailed:
			case result.Reason != v1alpha1.ReasonCancelled:
				return &Failed{run, result}
			case cancelled == nil:
				cancelled = &Failed{run, result}
			}
		}
	}
	return cancelled
}

// PreFailed is the first pre hook with onError Fail that failed.
func (r *Record) PreFailed() *Failed { return r.FirstFailed(isPre) }

// PostFailed is the first post hook with onError Fail that failed.
func (r *Record) PostFailed() *Failed { return r.FirstFailed(isPost) }
