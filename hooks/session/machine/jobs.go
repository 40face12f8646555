package machine

import (
	"slices"

	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// grouped is a job with its group.
type grouped struct {
	Job
	stage v1alpha1.Stage
	group int
}

// open are the steps of which pods have no result yet, with those pods.
func open(r *record.Record, steps []plan.Step) []grouped {
	var jobs []grouped
	for i := range steps {
		if run, places := without(r, &steps[i]); len(places) > 0 {
			jobs = append(jobs, grouped{Job{run, places}, steps[i].Stage, steps[i].Group})
		}
	}
	return jobs
}

// without are the places of a step's pods that have no result.
func without(r *record.Record, step *plan.Step) (run *v1alpha1.HookRun, places []int) {
	run = r.RunOf(step)
	next := 0
	record.Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		among := record.InNoPod(run)
		if next < len(step.Targets) && step.Targets[next].UID == pod.UID {
			next++
			among = true
		}
		if among && result == nil {
			places = append(places, place)
		}
	})
	return run, places
}

// nextGroup are the jobs that run at once, and now.
func nextGroup(jobs []grouped) []Job {
	var next []Job
	for _, job := range jobs {
		if job.stage == jobs[0].stage && job.group == jobs[0].group {
			next = append(next, job.Job)
		}
	}
	return next
}

// skips are the pods without a result in which steps do not run.
func skips(r *record.Record, spared []plan.Spared) []Skips {
	var skips []Skips
	for i := range spared {
		if run, places := without(r, &spared[i].Step); len(places) > 0 {
			skips = append(skips, Skips{run, places, string(spared[i].Reason)})
		}
	}
	return skips
}

// unreached are all pods that have no result.
func unreached(r *record.Record) []Skips {
	var left []Skips
	for _, run := range r.Runs {
		var places []int
		record.Each(run, func(place int, _ *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			if result == nil {
				places = append(places, place)
			}
		})
		if len(places) > 0 {
			left = append(left, Skips{run, places, NotReached})
		}
	}
	return slices.Clip(left)
}
