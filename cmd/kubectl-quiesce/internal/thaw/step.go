package thaw

import (
	"slices"
	"time"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// how a step is done.
type how string

const (
	ends   how = "end"     // a process that a hook may have left behind is ended, with what it holds
	runs   how = "run"     // a command or a script is run in the container
	byHand how = "by hand" // it cannot be done from here
)

// step is a hook in a pod.
type step struct {
	how how
	run *v1alpha1.HookRun
	pod v1alpha1.RunPod
	// batch: those with the same number are done at once, after those with lower ones.
	batch int
	// disarms tells whether the container may have a watchdog, which ends with the container's last step. It does not where a thaw stays
	// open that is not wanted: the watchdog is all that would thaw that in time.
	disarms bool
	// todo says what is to be done by hand.
	todo string
}

// wants tells whether a policy is to be thawed in a pod, by its name.
type wants func(policy match.Ref, pod string) bool

// steps are what thaws all that a session may have quiesced, by its record: first what pre hooks may have left running is ended,
// since it could quiesce later what is thawed now; then the hooks that undo what was attempted are run, in their order.
func steps(r *record.Record, wanted wants, now time.Time) []step {
	all := ending(r, wanted, now)
	return append(all, thawing(r, r.Plan().Thaw(r.History()), r.Quiesced(), wanted)...)
}

// ending are the processes to be ended.
func ending(r *record.Record, wanted wants, now time.Time) []step {
	var all []step
	for _, run := range r.Runs {
		hook := &run.Spec.Hook
		if plan.IsPost(run.Spec.Stage) || hook.Exec == nil && hook.Script == nil && hook.Hold == nil {
			continue
		}
		record.Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			if !wanted(record.PolicyOf(run), pod.Name) || !mayRun(r, run, place, result, now) {
				return
			}
			s := step{how: ends, run: run, pod: *pod}
			if run.Spec.Policy.Shell == v1alpha1.NoShell {
				s.how, s.todo = byHand, noShell(run, pod)
			}
			all = append(all, s)
		})
	}
	return all
}

// mayRun tells whether a pre hook may run in a pod: a hold that is open, or what nobody has seen the end of.
func mayRun(r *record.Record, run *v1alpha1.HookRun, place int, result *v1alpha1.PodResult, now time.Time) bool {
	switch {
	case run.Spec.Pods[place].Obstacle != "":
		return false
	case result == nil:
		return place < int(run.Status.Attempted)
	case result.Outcome == v1alpha1.ResultHeld:
		return !released(r, run, result.Pod)
	}
	return result.MayRunUntil != nil && result.MayRunUntil.After(now)
}

// released tells whether a hold was released, or is known to have ended.
func released(r *record.Record, held *v1alpha1.HookRun, pod string) bool {
	return slices.ContainsFunc(r.Runs, func(run *v1alpha1.HookRun) bool {
		if !plan.IsPost(run.Spec.Stage) || run.Spec.Hook.Hold == nil || run.Spec.Hook.Name != held.Spec.Hook.Name || record.PolicyOf(run) != record.PolicyOf(held) {
			return false
		}
		return slices.ContainsFunc(run.Status.Results, func(result v1alpha1.PodResult) bool { return result.Pod == pod })
	})
}

// thawing are those of a plan's steps that have not succeeded yet, in pods that are quiesced, and those that are to be done once more, since
// a pre hook may have gone on after its thaw.
func thawing(r *record.Record, planned []plan.Step, quiesced map[podUID]string, wanted wants) []step {
	var (
		all    []step
		guards = r.Guards()
		again  = r.ThawsAgain()
		kept   = map[string]bool{} // containers in which something stays that nobody wants thawed, and its watchdog with it
		batch  = 0
		before group
	)
	for i := range planned {
		run := r.RunOf(&planned[i])
		if run == nil || !record.Thaws(run) || run.Spec.Hook.Hold != nil { // a hold ends with its process
			continue
		}
		if now := (group{run.Spec.Stage, run.Spec.Group}); batch == 0 || now != before {
			batch, before = batch+1, now
		}
		undoes, doubtful := r.Undoes(run), r.DoubtfulPods(run)
		record.Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			_, is := quiesced[pod.UID]
			open := is && undoes(pod.UID) && (result == nil || result.Outcome == v1alpha1.ResultFailed)
			if !open && (!again || !slices.Contains(doubtful, place)) {
				return
			}
			s := step{how: runs, run: run, pod: *pod, batch: batch, disarms: guards.Guarded(pod.UID, pod.Container)}
			if !wanted(record.PolicyOf(run), pod.Name) {
				kept[s.where()] = true
				return
			}
			if todo := unable(run, pod); todo != "" {
				s.how, s.todo = byHand, todo
			}
			all = append(all, s)
		})
	}
	for i := range all {
		all[i].disarms = all[i].disarms && !kept[all[i].where()]
	}
	return all
}

// group is of runs that go on at once.
type group struct {
	stage v1alpha1.Stage
	place int32
}
