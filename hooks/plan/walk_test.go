package plan

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// running is a hook of a policy in a pod, or, without one, in none.
type running struct {
	policy match.Ref
	hook   string
	stage  v1alpha1.Stage
	pod    types.UID
}

func places(step Step) []running {
	if step.Hook.RunOn == v1alpha1.OncePerSession {
		return []running{{step.Policy, step.Hook.Name, step.Stage, ""}}
	}
	var list []running
	for _, target := range step.Targets {
		list = append(list, running{step.Policy, step.Hook.Name, step.Stage, target.UID})
	}
	return list
}

// walk takes a session from its start to its end, by chance.
type walk struct {
	world
	t       *testing.T
	seed    uint64
	plan    Plan
	history History
	ran     map[running]bool // post hooks
	reached []v1alpha1.Stage
}

func TestWhateverHappensInASession(t *testing.T) {
	ends := map[string]int{}
	thawed := 0
	for seed := range uint64(5000) {
		w := newWorld(seed)
		session, recipes, pods := w.session(), w.recipes(), w.pods()
		if len(pods) > 10 {
			pods = pods[:10]
		}
		walked := &walk{world: w, t: t, seed: seed, plan: planned(t, session, pods, recipes...), ran: map[running]bool{}}
		for range 1000 {
			if len(walked.plan.Remaining(walked.history)) == 0 {
				break
			}
			walked.event()
		}
		require.Empty(t, walked.plan.Remaining(walked.history), "seed %d: every session ends", seed)
		walked.requireInOrder()
		thawed += walked.requireThawed()
		switch {
		case walked.history.PreFailed:
			ends["failed"]++
		case walked.history.Cancelled:
			ends["cancelled"]++
		case walked.history.Started:
			ends["ran"]++
		}
	}
	assert.Greater(t, min(ends["failed"], ends["cancelled"], ends["ran"]), 200, "%v", ends)
	assert.Greater(t, thawed, 2000)
}

// event is something that may happen.
func (w *walk) event() {
	remaining := w.plan.Remaining(w.history)
	next := remaining[0]
	switch chance := w.IntN(20); {
	case chance == 0:
		w.history.Cancelled = true
	case chance == 1 && w.history.Outcomes.Snapshot == "":
		w.history.Outcomes.Snapshot = v1alpha1.Outcome(w.pick("Succeeded", "Failed"))
	case chance == 2 && w.history.Outcomes.Operation == "":
		w.history.Outcomes.Operation = v1alpha1.Outcome(w.pick("Succeeded", "Failed"))
	case next.Wait == ForNothing && IsPost(next.Stage):
		w.runPost(next.Stage)
	case next.Wait == ForNothing:
		w.runPre(next.Stage)
	case !w.plan.over(w.history):
		w.history.Started = true
	}
}

func (w *walk) runPre(stage v1alpha1.Stage) {
	require.False(w.t, w.history.Started || w.history.PreFailed, "seed %d: %s does not begin after the tool, or a failure", w.seed, stage)
	w.reached = append(w.reached, stage)
	for _, step := range w.plan.Of(stage) {
		for _, where := range places(step) {
			if w.IntN(30) == 0 {
				w.history.PreFailed = true // this one is attempted yet, the rest is not
			}
			obstacle := slices.ContainsFunc(step.Targets, func(target Target) bool { return target.UID == where.pod && target.Obstacle != "" })
			if obstacle || w.IntN(20) == 0 { // or its onlyIf passes the pod over
				continue
			}
			w.history.Attempts = append(w.history.Attempts, Attempt{step.Policy, stage, where.pod})
			if w.history.PreFailed || w.IntN(60) == 0 { // or the controller dies, and looks again
				return
			}
		}
	}
	if !w.history.PreFailed {
		w.history.Done = append(w.history.Done, stage)
	}
}

func (w *walk) runPost(stage v1alpha1.Stage) {
	require.True(w.t, w.history.PreFailed || w.history.Cancelled || w.history.Outcomes != Outcomes{}, "seed %d: %s waits for the tool", w.seed, stage)
	w.reached = append(w.reached, stage)
	owed, spared := w.plan.Owed(stage, w.history)

	divided := map[running]int{}
	for _, step := range owed {
		for _, where := range places(step) {
			divided[where]++
			w.ran[where] = true
			w.requireEarned(step)
		}
	}
	for _, s := range spared {
		require.NotEmpty(w.t, s.Reason, "seed %d", w.seed)
		for _, where := range places(s.Step) {
			divided[where]++
		}
	}
	planned := map[running]int{}
	for _, step := range w.plan.Of(stage) {
		for _, where := range places(step) {
			planned[where]++
		}
	}
	require.Equal(w.t, planned, divided, "seed %d: what is owed and what is spared are what is planned", w.seed)
	w.history.Done = append(w.history.Done, stage)
}

// requireEarned asserts that a pre hook of a post hook's policy was attempted, or that the plan has none.
func (w *walk) requireEarned(step Step) {
	hasPre := slices.ContainsFunc(w.plan.Steps, func(s Step) bool { return s.Policy == step.Policy && !IsPost(s.Stage) })
	attempted := slices.ContainsFunc(w.history.Attempts, func(a Attempt) bool { return a.Policy == step.Policy })
	require.True(w.t, attempted || !hasPre, "seed %d: no post hook without an attempted pre hook", w.seed)
}

func (w *walk) requireInOrder() {
	order := slices.Compact(slices.Clone(w.reached))
	require.True(w.t, slices.IsSortedFunc(order, func(a, b v1alpha1.Stage) int {
		all := slices.Concat(pre, post)
		return slices.Index(all, a) - slices.Index(all, b)
	}), "seed %d: %v", w.seed, order)
}

// requireThawed asserts that all that was attempted had its post hooks, and that a thaw at any moment would have had them too.
func (w *walk) requireThawed() int {
	thaw := map[running]bool{}
	for _, step := range w.plan.Thaw(w.history) {
		for _, where := range places(step) {
			thaw[where] = true
		}
	}
	count := 0
	for _, step := range w.plan.Steps {
		if !IsPost(step.Stage) || step.Hook.ExecutionPolicy != v1alpha1.Always {
			continue
		}
		for _, where := range places(step) {
			attempted := func(stages ...v1alpha1.Stage) bool {
				return slices.ContainsFunc(w.history.Attempts, func(a Attempt) bool {
					return a.Policy == where.policy && (a.Pod == where.pod || a.Pod == "" || step.Hook.RunOn != v1alpha1.EachPod) && slices.Contains(stages, a.Stage)
				})
			}
			if !attempted(pre...) {
				require.False(w.t, thaw[where], "seed %d: a thaw is of what was attempted", w.seed)
				continue
			}
			require.True(w.t, thaw[where], "seed %d: a thaw is of all that was attempted", w.seed)
			if step.Stage == postSnapshot && w.history.cancelledEarly() && !w.history.PreFailed && !attempted(preSnapshot) {
				continue // by the rules of cancellation: see TestWhichPostStepsAreOwed
			}
			require.True(w.t, w.ran[where], "seed %d: %v has nothing that undoes it", w.seed, where)
			count++
		}
	}
	return count
}
