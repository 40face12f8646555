package record

import (
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Skip is a run with results for pods in which it does not run, which have none yet.
func Skip(run *v1alpha1.HookRun, places []int, reason string) *v1alpha1.HookRun {
	skipped := run.DeepCopy()
	results := make([]v1alpha1.PodResult, 0, len(run.Status.Results)+len(places))
	Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		switch {
		case result != nil:
			results = append(results, *result)
		case slices.Contains(places, place):
			results = append(results, v1alpha1.PodResult{Pod: pod.Name, Outcome: v1alpha1.ResultSkipped, Reason: reason, NotRun: true})
		}
	})
	SetResults(skipped, results)
	return skipped
}

// SetResults gives a run its results, which are in the order of its pods, and counts them.
func SetResults(run *v1alpha1.HookRun, results []v1alpha1.PodResult) {
	status := &run.Status
	status.Results, status.Succeeded, status.Failed, status.Skipped = results, 0, 0, 0
	for i := range results {
		switch results[i].Outcome {
		case v1alpha1.ResultFailed:
			status.Failed++
		case v1alpha1.ResultSkipped:
			status.Skipped++
		default:
			status.Succeeded++
		}
	}
	status.State = state(run)
}

func state(run *v1alpha1.HookRun) v1alpha1.RunState {
	status := &run.Status
	switch {
	case !complete(run) && len(status.Results) == 0 && status.Attempted == 0:
		return v1alpha1.RunPending
	case !complete(run):
		return v1alpha1.RunRunning
	case status.Failed > 0:
		return v1alpha1.RunFailed
	case status.Succeeded == 0:
		return v1alpha1.RunSkipped
	}
	return v1alpha1.RunSucceeded
}
