package perform

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// result is that of a run in one pod.
func result(t *testing.T, run *v1alpha1.HookRun) v1alpha1.PodResult {
	t.Helper()
	require.Len(t, run.Status.Results, 1)
	return run.Status.Results[0]
}

func TestAHookIsRunAsItsPolicySays(t *testing.T) {
	after := func(times int, then action.Result) func(string, int) action.Result {
		return func(_ string, time int) action.Result {
			if time > times {
				return then
			}
			return badly
		}
	}
	tests := map[string]struct {
		comeOut func(string, int) action.Result
		stage   v1alpha1.Stage
		change  func(*v1alpha1.HookRun)
		undoes  bool
		outcome v1alpha1.ResultOutcome
		reason  string
		code    string
		notRun  bool
		times   int
		takes   time.Duration
	}{
		"well":                                 {comeOut: always(well), outcome: v1alpha1.ResultSucceeded, code: "0", times: 1, takes: 100 * time.Millisecond},
		"badly":                                {comeOut: always(badly), outcome: v1alpha1.ResultFailed, reason: "ExitCode", code: "3", times: 1, takes: 100 * time.Millisecond},
		"again, as often as it may be":         {comeOut: after(2, well), change: func(r *v1alpha1.HookRun) { r.Spec.Hook.MaxRetries = 2 }, outcome: v1alpha1.ResultSucceeded, code: "0", times: 3, takes: 3300 * time.Millisecond},
		"and no more often":                    {comeOut: after(2, well), change: func(r *v1alpha1.HookRun) { r.Spec.Hook.MaxRetries = 1 }, outcome: v1alpha1.ResultFailed, reason: "ExitCode", code: "3", times: 2, takes: 1200 * time.Millisecond},
		"where nobody answers, until it would": {comeOut: always(nobody), outcome: v1alpha1.ResultFailed, reason: "Unreachable", code: "N/A", notRun: true, times: 51, takes: 30100 * time.Millisecond},
		"where the connection was lost":        {comeOut: always(lostIt), outcome: v1alpha1.ResultFailed, reason: "ConnectionLost", code: "N/A", times: 1, takes: 100 * time.Millisecond},
		"a thaw, until it is known": {
			comeOut: func(_ string, time int) action.Result { return []action.Result{nobody, lostIt, nobody, well}[time-1] },
			stage:   v1alpha1.PostSnapshot, undoes: true, outcome: v1alpha1.ResultSucceeded, code: "0", times: 4, takes: 3900 * time.Millisecond,
		},
		"a thaw, not where it says that it failed": {comeOut: always(badly), stage: v1alpha1.PostSnapshot, undoes: true, outcome: v1alpha1.ResultFailed, reason: "ExitCode", code: "3", times: 1, takes: 100 * time.Millisecond},
		"a thaw of a pod that has gone": {
			comeOut: always(action.Result{Reason: action.PodGone, Process: action.NeverRan}),
			stage:   v1alpha1.PostSnapshot, undoes: true, outcome: v1alpha1.ResultSkipped, reason: v1alpha1.ReasonPodGone, notRun: true, times: 1, takes: 100 * time.Millisecond,
		},
		"not, where the container is missing": {
			comeOut: always(well), change: func(r *v1alpha1.HookRun) { r.Spec.Pods[0].Obstacle = "pod has no container" },
			outcome: v1alpha1.ResultFailed, reason: "ContainerNotFound", code: "N/A", notRun: true,
		},
		"not, and that is borne": {
			comeOut: always(well), change: func(r *v1alpha1.HookRun) {
				r.Spec.Pods[0].Obstacle, r.Spec.Hook.OnError = "pod has no container", v1alpha1.Continue
			},
			outcome: v1alpha1.ResultSkipped, reason: "ContainerNotFound", code: "N/A", notRun: true,
		},
		"not, where its condition does not hold": {
			comeOut: always(badly), change: func(r *v1alpha1.HookRun) { r.Spec.Hook.OnlyIf = &v1alpha1.ExecAction{Command: []string{"y"}} },
			outcome: v1alpha1.ResultSkipped, reason: "OnlyIf", notRun: true, times: 1, takes: 100 * time.Millisecond,
		},
		"not, where its condition cannot be asked": {
			comeOut: always(lostIt), change: func(r *v1alpha1.HookRun) { r.Spec.Hook.OnlyIf = &v1alpha1.ExecAction{Command: []string{"y"}} },
			outcome: v1alpha1.ResultFailed, reason: "ConnectionLost", code: "N/A", notRun: true, times: 1, takes: 100 * time.Millisecond,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newContainers(t, test.comeOut)
				stage := test.stage
				if stage == "" {
					stage = v1alpha1.PreSnapshot
				}
				run := runOf(stage, 1)
				if test.change != nil {
					test.change(run)
				}
				job := jobOf(run)
				if test.undoes {
					job = undoing(run)
				}
				begun := time.Now()
				require.NoError(t, New(Means{Containers: c}, Options{KeepOutput: true}).Group(t.Context(), &book{}, c, []Job{job}))
				got := result(t, run)
				assert.Equal(t, test.outcome, got.Outcome)
				assert.Equal(t, test.reason, got.Reason)
				assert.Equal(t, test.code, got.ExitCode)
				assert.Equal(t, test.notRun, got.NotRun)
				assert.Equal(t, test.times, c.times["pod-000"])
				assert.Equal(t, test.takes, time.Since(begun))
				assert.Equal(t, got.Reason == "ExitCode", got.Output != "", "the output is kept where it failed")
			})
		})
	}
}

func TestAPodThatIsNotReadyIsWaitedForOrNot(t *testing.T) {
	tests := map[string]struct {
		stage   v1alpha1.Stage
		rule    v1alpha1.IfNotReady
		comes   time.Duration // 0: never
		outcome v1alpha1.ResultOutcome
		takes   time.Duration
	}{
		"fails, by default":                {stage: v1alpha1.PreSnapshot, outcome: v1alpha1.ResultFailed},
		"is passed over":                   {stage: v1alpha1.PreSnapshot, rule: v1alpha1.SkipNotReady, outcome: v1alpha1.ResultSkipped},
		"is waited for":                    {stage: v1alpha1.PreSnapshot, rule: v1alpha1.WaitNotReady, comes: 40 * time.Second, outcome: v1alpha1.ResultSucceeded, takes: 40100 * time.Millisecond},
		"is waited for, but not for ever":  {stage: v1alpha1.PreSnapshot, rule: v1alpha1.WaitNotReady, outcome: v1alpha1.ResultFailed, takes: time.Minute},
		"is waited for, after a restore":   {stage: v1alpha1.PostRestore, comes: 10 * time.Second, outcome: v1alpha1.ResultSucceeded, takes: 10100 * time.Millisecond},
		"is waited for, and never skipped": {stage: v1alpha1.PostSnapshot, rule: v1alpha1.SkipNotReady, comes: time.Hour, outcome: v1alpha1.ResultSucceeded, takes: time.Hour + 100*time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newContainers(t, always(well))
				c.away["pod-000"] = true
				run := runOf(test.stage, 1, func(r *v1alpha1.HookRun) {
					r.Spec.Hook.IfNotReady, r.Spec.Hook.WaitTimeout = test.rule, v1alpha1.Duration{Duration: time.Minute}
				})
				job := jobOf(run)
				if test.stage == v1alpha1.PostSnapshot {
					job = undoing(run)
				}
				if test.comes > 0 {
					time.AfterFunc(test.comes, func() { c.change(func() { delete(c.away, "pod-000") }) })
				}
				begun := time.Now()
				require.NoError(t, New(Means{Containers: c}, Options{}).Group(t.Context(), &book{}, c, []Job{job}))
				assert.Equal(t, test.outcome, result(t, run).Outcome)
				assert.Equal(t, test.outcome != v1alpha1.ResultSucceeded, result(t, run).NotRun)
				assert.Equal(t, test.takes, time.Since(begun))
			})
		})
	}
}

func TestAThawIsGivenUpOnlyWhenSomebodyTakesItOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, b := newContainers(t, always(nobody)), &book{}
		run := runOf(v1alpha1.PostSnapshot, 1)
		done := make(chan error, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { done <- New(Means{Containers: c}, Options{}).Group(ctx, b, c, []Job{undoing(run)}) }()
		time.Sleep(24 * time.Hour)
		cancel(errors.New("the session was cancelled"))
		time.Sleep(time.Hour)
		assert.Empty(t, done, "whatever becomes of the session")
		c.change(func() { assert.Less(t, c.times["pod-000"], 10_000, "rarely, in the end") })
		b.lock.Lock()
		assert.Contains(t, b.trouble, "pod-000: the node did not answer")
		b.abandoned = true
		b.lock.Unlock()
		require.NoError(t, <-done)
		assert.Equal(t, v1alpha1.ReasonAbandoned, result(t, run).Reason)
	})
}

// Whoever has the run back has it alone: what is written now and then ends before.
func TestNothingIsWrittenBehindAGroup(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			c, b := newContainers(t, always(well)), &book{}
			c.take = quick // so that the last result and the next write come in the same moment
			require.NoError(t, New(Means{Containers: c}, Options{AtOnce: 2}).Group(t.Context(), b, c, []Job{jobOf(runOf(v1alpha1.PreSnapshot, 4))}))
			saves := b.saves
			time.Sleep(10 * time.Second)
			synctest.Wait()
			assert.Equal(t, saves, b.saves)
		})
	}
}

func TestAFailureStopsTheRestOfItsGroup(t *testing.T) {
	for _, onError := range []v1alpha1.OnError{v1alpha1.Fail, v1alpha1.Continue} {
		t.Run(string(onError), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newContainers(t, func(pod string, _ int) action.Result {
					if pod == "pod-000" {
						return badly
					}
					time.Sleep(time.Second)
					return well
				})
				run := runOf(v1alpha1.PreSnapshot, 10, func(r *v1alpha1.HookRun) { r.Spec.Hook.OnError = onError })
				require.NoError(t, New(Means{Containers: c}, Options{AtOnce: 3}).Group(t.Context(), &book{}, c, []Job{jobOf(run)}))
				assert.Len(t, run.Status.Results, 10)
				if onError == v1alpha1.Continue {
					assert.EqualValues(t, 9, run.Status.Succeeded)
					return
				}
				assert.EqualValues(t, 7, run.Status.Skipped)
				for _, skipped := range run.Status.Results[3:] {
					assert.Equal(t, "NotReached", skipped.Reason)
					assert.True(t, skipped.NotRun)
				}
			})
		})
	}
}

// When the controller ends, nothing is ended in the containers, and what nobody has seen the end of has no result.
func TestAShutdownLeavesWhatRunsToTheNextController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContainers(t, always(well))
		c.take = time.Minute
		b := &book{}
		run := runOf(v1alpha1.PreSnapshot, 3)
		ctx, end := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { end(ErrShutdown) })
		begun := time.Now()
		require.ErrorIs(t, New(Means{Containers: c}, Options{AtOnce: 2}).Group(ctx, b, c, []Job{jobOf(run)}), ErrShutdown)
		assert.Equal(t, time.Second, time.Since(begun))
		assert.Empty(t, b.saved.Results)
		assert.GreaterOrEqual(t, b.saved.Attempted, int32(2))
		assert.Empty(t, c.ended)

		// The next one.
		next := run.DeepCopy()
		next.Status = *b.saved
		next.Status.Attempted = 2
		require.NoError(t, New(Means{Containers: c}, Options{}).Recover(t.Context(), b, next))
		require.Len(t, next.Status.Results, 2)
		for i, got := range next.Status.Results {
			assert.Equal(t, ReasonInterrupted, got.Reason)
			assert.False(t, got.NotRun)
			assert.Nil(t, got.MayRunUntil)
			assert.Contains(t, c.ended, got.Pod+" "+Token(run.UID, run.Spec.Pods[i].UID, 1), "by the name that its attempt had")
		}
		time.Sleep(time.Hour) // for what is still there
	})
}

func TestWhatCannotBeEndedMayRunUntilItsTimeHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContainers(t, always(lostIt))
		c.process = action.MayRun
		run := runOf(v1alpha1.PreSnapshot, 1)
		begun := time.Now()
		require.NoError(t, New(Means{Containers: c}, Options{}).Group(t.Context(), &book{}, c, []Job{jobOf(run)}))
		got := result(t, run)
		require.NotNil(t, got.MayRunUntil)
		assert.Equal(t, chain.Call{Timeout: 30 * time.Second}.Net()+chain.GuardTimeout, got.MayRunUntil.Sub(begun))
		assert.NotEmpty(t, c.ended)
	})
}

func TestAHoldIsReleasedByTheOneThatHoldsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		holding := func(r *v1alpha1.HookRun) {
			r.Spec.Hook.Exec, r.Spec.Hook.Hold = nil, &v1alpha1.HoldAction{Command: []string{"x"}, ReadyPattern: "held"}
		}
		c, b := newContainers(t, always(well)), &book{}
		p := New(Means{Containers: c}, Options{})
		before, after := runOf(v1alpha1.PreSnapshot, 2, holding), runOf(v1alpha1.PostSnapshot, 2, holding)
		require.NoError(t, p.Group(t.Context(), b, c, []Job{jobOf(before)}))
		assert.Equal(t, v1alpha1.ResultHeld, before.Status.Results[0].Outcome)
		draining, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		require.ErrorContains(t, p.Drain(draining), "holds that are still open: 2")

		c.holding["pod-001"].lost <- action.Result{Reason: action.ConnectionLost, Message: "gone"}
		synctest.Wait()
		assert.Equal(t, []string{"pod-001: gone"}, b.lost)
		c.holding["pod-000"].lost <- action.Result{}
		synctest.Wait()

		release := undoing(after)
		release.HoldRun = before.UID
		require.NoError(t, p.Group(t.Context(), b, c, []Job{release}))
		assert.Equal(t, v1alpha1.ResultSucceeded, after.Status.Results[0].Outcome)
		assert.True(t, c.holding["pod-000"].released)
		require.NoError(t, p.Drain(t.Context()))

		// Another controller has nothing to release: the lock ended with the one that held it.
		again := runOf(v1alpha1.PostSnapshot, 1, holding)
		release = undoing(again)
		release.HoldRun = before.UID
		require.NoError(t, New(Means{Containers: c}, Options{}).Group(t.Context(), b, c, []Job{release}))
		assert.Equal(t, v1alpha1.ReasonHoldLost, result(t, again).Reason)
	})
}

func TestWatchdogsAreStartedAheadOfTheHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContainers(t, always(well))
		job := jobOf(runOf(v1alpha1.PreSnapshot, 1))
		job.Armings = func(v1alpha1.RunPod, time.Time) []record.Arming {
			return []record.Arming{{Container: "main", Guard: &chain.Guard{}}, {Container: "sidecar", Guard: &chain.Guard{}}}
		}
		require.NoError(t, New(Means{Containers: c}, Options{}).Group(t.Context(), &book{}, c, []Job{job}))
		require.Len(t, c.requests, 2)
		assert.Equal(t, "sidecar", c.requests[0].Container)
		assert.NotNil(t, c.requests[0].Arm)
		assert.Equal(t, "main", c.requests[1].Container)
		assert.NotNil(t, c.requests[1].Arm, "that of its own container with the hook itself")
	})
}

// Chance: how hooks come out, and when the stage is ended.
func TestWhateverHappensEveryPodHasOneResultAndNoneWasEnteredUnnoticed(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 1))
				outcomes := []action.Result{well, well, well, well, badly, lostIt, nobody}
				failing := dice.IntN(len(outcomes)) + 1
				var lock sync.Mutex
				c := newContainers(t, func(string, int) action.Result {
					lock.Lock()
					defer lock.Unlock()
					return outcomes[dice.IntN(failing)]
				})
				c.take = time.Duration(dice.IntN(5000)) * time.Millisecond
				b := &book{}
				run := runOf(v1alpha1.PreSnapshot, dice.IntN(60), func(r *v1alpha1.HookRun) {
					r.Spec.Hook.MaxRetries = int32(dice.IntN(3))
					if dice.IntN(2) == 0 {
						r.Spec.Hook.OnError = v1alpha1.Continue
					}
				})
				places := map[string]int{}
				for place, pod := range run.Spec.Pods {
					places[pod.Name] = place
				}
				c.durable = func(pod string) bool {
					b.lock.Lock()
					defer b.lock.Unlock()
					return b.saved != nil && places[pod] < int(b.saved.Attempted)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if dice.IntN(3) == 0 {
					time.AfterFunc(time.Duration(dice.IntN(10_000))*time.Millisecond, func() { cancel(errors.New("cancelled")) })
				}
				most := 1 + dice.IntN(8)
				require.NoError(t, New(Means{Containers: c}, Options{AtOnce: most}).Group(ctx, b, c, []Job{jobOf(run)}))
				assert.LessOrEqual(t, c.most, most)
				require.Len(t, b.saved.Results, len(run.Spec.Pods))
				for place, got := range b.saved.Results {
					assert.Equal(t, run.Spec.Pods[place].Name, got.Pod)
					assert.Equal(t, c.times[got.Pod] == 0, got.Outcome == v1alpha1.ResultSkipped || got.Reason == string(action.Cancelled) && got.NotRun, got)
				}
			})
		})
	}
}

// What is written grows with the results, not with their square.
func TestAFastRunIsWrittenAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, b := newContainers(t, always(well)), &book{}
		c.take = 60 * time.Millisecond
		run := runOf(v1alpha1.PreSnapshot, 500)
		require.NoError(t, New(Means{Containers: c}, Options{AtOnce: 32}).Group(t.Context(), b, c, []Job{jobOf(run)}))
		assert.LessOrEqual(t, b.saves, 12)
		assert.LessOrEqual(t, b.bytes, 8*500, "results that were written, counted each time")
	})
}

func BenchmarkGroup(b *testing.B) {
	for b.Loop() {
		c := newContainers(&testing.T{}, always(well))
		c.take = 0
		var jobs []Job
		for range 20 {
			jobs = append(jobs, jobOf(runOf(v1alpha1.PreSnapshot, 500)))
		}
		if err := New(Means{Containers: c}, Options{AtOnce: 32}).Group(b.Context(), &book{}, c, jobs); err != nil {
			b.Fatal(err)
		}
	}
}
