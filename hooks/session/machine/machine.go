// Package machine decides what a session does next. It is pure: the answer follows from the session, its record and the time, so that
// whoever takes a session over goes on where it was.
package machine

import (
	"cmp"
	"time"

	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Action is what a session does.
type Action string

// The actions.
const (
	// Resolve: claim the pods, and write the HookRuns.
	Resolve Action = "Resolve"
	// ResolveRestored: write those of the pods that the restore has brought.
	ResolveRestored Action = "ResolveRestored"
	// Open: note that the first pod is about to be quiesced, and by when all are thawed.
	Open Action = "Open"
	// Run: run the jobs of one group.
	Run Action = "Run"
	// Skip: note in which pods hooks do not run, and why.
	Skip Action = "Skip"
	// Begin: tell the backup tool that it may begin.
	Begin Action = "Begin"
	// Await: nothing is to be done before Until, or before something happens.
	Await Action = "Await"
	// Finish: all is over.
	Finish Action = "Finish"
	// Release: let the session be deleted.
	Release Action = "Release"
	// Delete: the time has passed for which a finished session is kept.
	Delete Action = "Delete"
)

// Decision is what a session does next.
type Decision struct {
	Action Action
	// Jobs are for Run.
	Jobs []Job
	// Again is true for a thaw of what was thawed already, since something may have been quiesced behind it.
	Again bool
	// Skips are for Skip.
	Skips []Skips
	// Until is for Await: when to ask again; the zero time where only something that happens can change the answer.
	Until time.Time
	// For is for Await: what the session waits for, in a sentence.
	For string
}

// Job is a HookRun with the places of those of its pods in which it is to run.
type Job struct {
	Run    *v1alpha1.HookRun
	Places []int
}

// Skips are the places of pods of a HookRun in which it does not run.
type Skips struct {
	Run    *v1alpha1.HookRun
	Places []int
	Reason string
}

// NotReached is why a hook did not run before which another had failed, or the session had been cancelled.
const NotReached = "NotReached"

// Next decides. A session that has a new Breach is to be told so first.
func Next(r *record.Record, ttl time.Duration, now time.Time) Decision {
	status := &r.Session.Status
	switch {
	case status.FinishedAt != nil:
		return finished(r, ttl, now)
	case status.Runs == nil:
		if status.Broken != nil || r.Deleting() || r.Session.Spec.Cancel {
			return Decision{Action: Finish}
		}
		return Decision{Action: Resolve}
	case r.Deleting():
		return deleting(r, now)
	}
	p, h := r.Plan(), r.History()
	if r.Session.Status.RestoreRuns == nil && p.Kinds.Restore && h.Started && h.Outcomes.Operation != "" {
		return Decision{Action: ResolveRestored}
	}
	for _, next := range p.Remaining(h) {
		if d, decided := stage(r, p, h, next, now); decided {
			return d
		}
	}
	if wait, waits := begin(r, h, now); waits {
		return wait
	}
	return end(r, now)
}

// stage decides what is to be done in a stage, if anything is.
func stage(r *record.Record, p plan.Plan, h plan.History, next plan.Remaining, now time.Time) (Decision, bool) {
	if !plan.IsPost(next.Stage) {
		jobs := nextGroup(open(r, p.Of(next.Stage)))
		switch {
		case len(jobs) == 0:
			return Decision{}, false
		case r.Session.Status.Window == nil:
			return Decision{Action: Open}, true
		}
		return Decision{Action: Run, Jobs: jobs}, true
	}
	if wait, waits := begin(r, h, now); waits && !h.Started {
		return wait, true
	}
	if next.Wait != plan.ForNothing {
		return await(r, waitsFor(next.Wait), now), true
	}
	owed, spared := p.Owed(next.Stage, h)
	if skips := skips(r, spared); len(skips) > 0 {
		return Decision{Action: Skip, Skips: skips}, true
	}
	jobs := nextGroup(open(r, owed))
	return Decision{Action: Run, Jobs: jobs}, len(jobs) > 0
}

// begin decides about the moment at which the tool takes over: it is told once, and then is waited for.
func begin(r *record.Record, h plan.History, now time.Time) (Decision, bool) {
	switch {
	case h.PreFailed || h.Cancelled || h.Outcomes.Operation != "":
		return Decision{}, false
	case !h.Started:
		return Decision{Action: Begin}, true
	}
	return await(r, waitsFor(plan.ForOperation), now), true
}

// end is what follows when no hook is left: what may have been quiesced late is thawed once more.
func end(r *record.Record, now time.Time) Decision {
	if again, needed := thawAgain(r, now); needed {
		return again
	}
	if left := unreached(r); len(left) > 0 {
		return Decision{Action: Skip, Skips: left}
	}
	return Decision{Action: Finish}
}

// deleting thaws what is quiesced, and does nothing else.
func deleting(r *record.Record, now time.Time) Decision {
	if jobs := nextGroup(open(r, r.Plan().Thaw(r.History()))); len(jobs) > 0 {
		return Decision{Action: Run, Jobs: jobs}
	}
	if again, needed := thawAgain(r, now); needed {
		return again
	}
	return Decision{Action: Finish}
}

// thawAgain thaws once more where a hook of before may have gone on after all was thawed.
func thawAgain(r *record.Record, now time.Time) (Decision, bool) {
	if !r.ThawsAgain() {
		return Decision{}, false
	}
	if doubtful := r.Doubtful(); now.Before(doubtful) {
		return Decision{Action: Await, Until: doubtful, For: "the end of hooks that nobody can ask: then everything is thawed once more"}, true
	}
	d := Decision{Action: Run, Again: true}
	for _, run := range r.Runs {
		if places := r.DoubtfulPods(run); record.Thaws(run) && len(places) > 0 {
			d.Jobs = append(d.Jobs, Job{run, places})
		}
	}
	return d, true
}

// finished is what becomes of a session when all is over.
func finished(r *record.Record, ttl time.Duration, now time.Time) Decision {
	switch {
	case r.Holder():
		return Decision{Action: Release}
	case r.Deleting():
		return Decision{Action: Await}
	}
	if seconds := r.Session.Spec.TTLSecondsAfterFinished; seconds != nil {
		ttl = time.Duration(*seconds) * time.Second
	}
	if at := r.Session.Status.FinishedAt.Add(ttl); now.Before(at) {
		return Decision{Action: Await, Until: at}
	}
	return Decision{Action: Delete}
}

func await(r *record.Record, what string, now time.Time) Decision {
	return Decision{Action: Await, Until: NextBreach(r, now), For: what}
}

func waitsFor(wait plan.Wait) string {
	return cmp.Or(map[plan.Wait]string{
		plan.ForSnapshot:  "the backup tool to set spec.outcomes.snapshot or spec.outcomes.operation",
		plan.ForOperation: "the backup tool to set spec.outcomes.operation",
	}[wait], "nothing")
}
