package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// cluster is all that a Sweeper has to do with. Each of its pods has one container, app.
type cluster struct {
	t       *testing.T
	sweeper *Sweeper

	lock       sync.Mutex
	set        *policies.Set
	unlisted   error // why pods cannot be listed
	pods       []keeper.StampedPod
	containers map[string]*container // by pod
	others     []*velero.Backup
	claimed    map[types.UID]bool
	execs      []string // look or sweep, and the pod
	running    int      // at the moment
	most       int      // that ran at once
	events     []string
}

// container is what a script meets.
type container struct {
	watchdog string // which is found; empty where there is none
	// swept is how a sweep of it ends; by default it thaws.
	swept func(c *container) action.Result
	// trouble keeps scripts from being run.
	trouble *action.Result
	takes   time.Duration
}

func policy(name string, maxQuiesce time.Duration, stages ...v1alpha1.Stage) match.Source {
	spec := &v1alpha1.HookPolicySpec{Shell: v1alpha1.Posix}
	spec.MaxQuiesce.Duration = maxQuiesce
	for _, stage := range stages {
		spec.Hooks = append(spec.Hooks, v1alpha1.Hook{
			Name: strings.ToLower(string(stage)), Stages: []v1alpha1.Stage{stage}, OnError: v1alpha1.Fail,
			Exec: &v1alpha1.ExecAction{Command: []string{string(stage), name}}, Timeout: v1alpha1.Duration{Duration: time.Second},
		})
	}
	return match.Source{Ref: match.Ref{Name: name}, Spec: spec}
}

func setOf(t *testing.T, sources ...match.Source) *policies.Set {
	t.Helper()
	index, refused := match.CompileAll(sources)
	require.Empty(t, refused)
	return &policies.Set{Compiled: stamp.New(index, stamp.Options{})}
}

const limit = time.Minute

func freezing(t *testing.T) *policies.Set {
	t.Helper()
	return setOf(t, policy("db", limit, v1alpha1.PreSnapshot, v1alpha1.PostSnapshot))
}

// newCluster has a Sweeper that runs, and pods by namespace/name, stamped by its policies.
func newCluster(t *testing.T, pods ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, set: freezing(t), containers: map[string]*container{}, claimed: map[types.UID]bool{}}
	for _, pod := range pods {
		c.add(pod)
	}
	c.sweeper = New(Options{
		Pods: c, Policies: c, Containers: c, Recorder: c, Scope: match.Scope{Own: "quiesce-system"}, AtOnce: 3,
		Others: func() []*velero.Backup {
			c.lock.Lock()
			defer c.lock.Unlock()
			return slices.Clone(c.others)
		},
		Claimed: func(pod types.UID) bool {
			c.lock.Lock()
			defer c.lock.Unlock()
			return c.claimed[pod]
		},
	})
	return c
}

// start runs the Sweeper to the end of the test.
func (c *cluster) start() {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		assert.NoError(c.t, c.sweeper.Start(ctx))
	}()
	c.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// add adds a pod that has a watchdog.
func (c *cluster) add(name string) *keeper.StampedPod {
	namespace, pod, _ := strings.Cut(name, "/")
	plain := stamp.Pod{Pod: match.Pod{Containers: []match.Container{{Name: "app"}}}}
	plain.Annotations = c.set.Compiled.Decide(match.Namespace{Name: namespace}, plain).Set
	c.pods = append(c.pods, keeper.StampedPod{
		NamespacedName: types.NamespacedName{Namespace: namespace, Name: pod}, UID: types.UID(name), Pod: plain,
	})
	c.containers[name] = &container{watchdog: "7.1"}
	return &c.pods[len(c.pods)-1]
}

// change changes what there is while the Sweeper runs.
func (c *cluster) change(change func()) {
	c.lock.Lock()
	defer c.lock.Unlock()
	change()
}

func (c *cluster) Pods(context.Context) ([]keeper.StampedPod, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	return slices.Clone(c.pods), c.unlisted
}

func (c *cluster) Pod(_ context.Context, name types.NamespacedName, uid types.UID) (keeper.StampedPod, bool, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, pod := range c.pods {
		if pod.NamespacedName == name {
			return pod, pod.UID == uid, nil
		}
	}
	return keeper.StampedPod{}, false, nil
}

func (c *cluster) Current() *policies.Set {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.set
}

func code(code int) action.Result {
	return action.Result{Reason: action.ExitCode, Code: &code, Process: action.HasEnded}
}

func (c *cluster) Exec(_ context.Context, request action.Request) action.Result {
	c.lock.Lock()
	defer c.lock.Unlock()
	kind, pod := strings.TrimPrefix(request.Command[3], "quiesce-"), request.Namespace+"/"+request.Pod
	assert.Equal(c.t, types.UID(pod), request.UID)
	assert.Equal(c.t, "app", request.Container)
	assert.True(c.t, request.Chain && request.Timeout > 0)
	c.execs = append(c.execs, kind+" "+pod)
	where := c.containers[pod]
	c.running++
	c.most = max(c.most, c.running)
	if where.takes > 0 {
		c.lock.Unlock()
		time.Sleep(where.takes)
		c.lock.Lock()
	}
	c.running--
	switch {
	case where.trouble != nil:
		return *where.trouble
	case kind == "look" && where.watchdog != "":
		return action.Result{Reason: action.Succeeded, Output: "quiesce-found: " + where.watchdog + "\n", Process: action.HasEnded}
	case kind == "look":
		return code(chain.ExitNothing)
	case request.Command[6] != where.watchdog:
		return code(chain.ExitNothing)
	case where.swept != nil:
		return where.swept(where)
	}
	assert.Contains(c.t, request.Command[4], "'PostSnapshot' 'db'", "rendered from the policy")
	where.watchdog = ""
	return action.Result{Reason: action.Succeeded, Process: action.HasEnded}
}

// Eventf implements events.EventRecorder.
func (c *cluster) Eventf(regarding, _ runtime.Object, kind, reason, _, note string, args ...any) {
	c.lock.Lock()
	defer c.lock.Unlock()
	pod := regarding.(*corev1.Pod)
	assert.Equal(c.t, types.UID(pod.Namespace+"/"+pod.Name), pod.UID)
	c.events = append(c.events, strings.Join([]string{pod.Namespace + "/" + pod.Name, kind, reason, fmt.Sprintf(note, args...)}, " | "))
}

// take returns what has been run, and told, since the last time.
func (c *cluster) take() (execs, events []string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	execs, events = c.execs, c.events
	c.execs, c.events = nil, nil
	slices.Sort(execs)
	return execs, events
}

// counts are the metrics, in the order of the results.
func counts() (counted [4]int) {
	for i, result := range []result{resultThawed, resultNothing, resultFailed, resultGivenUp} {
		counted[i] = int(testutil.ToFloat64(sweeps.WithLabelValues(string(result))))
	}
	return counted
}

func backup(name, phase string, namespaces ...string) *velero.Backup {
	b := &velero.Backup{ObjectMeta: metav1.ObjectMeta{Namespace: "velero", Name: name, UID: types.UID(name)}}
	b.Status.Phase, b.Spec.IncludedNamespaces = phase, namespaces
	b.Status.Started = &metav1.Time{Time: time.Now()}
	return b
}

// passes lets time pass, until nothing happens any more.
func passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const (
	look  = "look shop/db-0"
	sweep = "sweep shop/db-0"
	swept = "shop/db-0 | Normal | Swept | thawed after Backup velero/nightly ended as Failed"
)

func TestAPodThatABackupHasLeftQuiescedIsThawed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, before := newCluster(t, "shop/db-0"), counts()
		c.start()
		c.sweeper.Ended(backup("nightly", velero.Failed, "shop"))
		passes(secondThought)
		execs, events := c.take()
		assert.Equal(t, []string{look, sweep}, execs)
		assert.Equal(t, []string{swept}, events)
		assert.Equal(t, before[0]+1, counts()[0])
		passes(time.Hour)
		execs, _ = c.take()
		assert.Empty(t, execs)
		assert.Empty(t, c.sweeper.tasks, "nothing is kept")

		// Who is told again looks again, as after a restart.
		c.sweeper.Ended(backup("nightly", velero.Failed, "shop"))
		passes(secondThought)
		execs, events = c.take()
		assert.Equal(t, []string{look}, execs)
		assert.Empty(t, events)
		assert.Equal(t, before[1]+1, counts()[1])
	})
}

func TestOnlyGuardedPodsThatTheBackupCoversAreLookedInto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "shop/db-0", "shop/db-1", "other/db-0", "kube-system/db-0", "quiesce-system/db-0")
		c.set = setOf(t, policy("db", limit, v1alpha1.PreSnapshot))
		c.add("shop/unguarded")
		c.set = freezing(t)
		c.add("shop/edited").Annotations[v1alpha1.VeleroPostPrefix+v1alpha1.VeleroContainer] = "mine"
		b := backup("nightly", velero.Failed, "sh*", "kube-system", "quiesce-system")
		// By a volume, Velero may come to pods that this does not select.
		b.Spec.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}
		c.start()
		c.sweeper.Ended(b)
		passes(limit)
		execs, _ := c.take()
		assert.Equal(t, []string{look, "look shop/db-1", sweep, "sweep shop/db-1"}, execs)

		b.Spec.ExcludedResources = []string{"pods"}
		c.sweeper.Ended(b)
		passes(limit)
		execs, _ = c.take()
		assert.Empty(t, execs)
	})
}

func TestAfterWhichBackupsPodsAreLookedInto(t *testing.T) {
	failedHooks := func(b *velero.Backup) { b.Status.HookStatus = &velero.HookStatus{Attempted: 2, Failed: 1} }
	tests := map[string]struct {
		phase  string
		change func(*velero.Backup)
		why    string // empty where they are not
	}{
		"Failed":               {phase: velero.Failed, why: "Backup velero/nightly ended as Failed"},
		"PartiallyFailed":      {phase: velero.PartiallyFailed, why: "Backup velero/nightly ended as PartiallyFailed"},
		"on its way there":     {phase: "FinalizingPartiallyFailed", why: "Backup velero/nightly ended as FinalizingPartiallyFailed"},
		"Completed":            {phase: velero.Completed},
		"though hooks failed":  {phase: velero.Completed, change: failedHooks, why: "1 hooks of Backup velero/nightly had failed"},
		"about to complete":    {phase: "WaitingForPluginOperations"},
		"and hooks have run":   {phase: velero.Completed, change: func(b *velero.Backup) { b.Status.HookStatus = &velero.HookStatus{Attempted: 2} }},
		"deleted while it ran": {phase: velero.InProgress, why: "Backup velero/nightly was deleted while it ran"},
		"deleted before":       {phase: velero.New, change: func(b *velero.Backup) { b.Status.Started = nil }},
		"deleted afterwards":   {phase: velero.Deleting},
		"never begun":          {phase: velero.FailedValidation},
		"refused by us": {phase: velero.Failed, change: func(b *velero.Backup) {
			b.Annotations = map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateRefused}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := backup("nightly", test.phase)
			if test.change != nil {
				test.change(b)
			}
			require.Equal(t, test.why != "", due(b))
			if test.why != "" {
				assert.Equal(t, test.why, endOf(b))
			}
		})
	}
}

func TestAPodIsNotThawedWhileAnotherBackupMayBeQuiescingIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "shop/db-0")
		failed, other, elsewhere := backup("nightly", velero.Failed), backup("other", velero.InProgress), backup("elsewhere", velero.InProgress, "crm")
		stale := backup("nightly", velero.InProgress) // the one that has ended may still be in the cache as it was
		c.others = []*velero.Backup{elsewhere}
		c.start()
		c.sweeper.Ended(failed)
		passes(secondThought / 2)
		execs, _ := c.take()
		assert.Equal(t, []string{look}, execs)
		// It begins after the look, and before the sweep.
		c.change(func() { c.others = append(c.others, other) })
		passes(limit / 2)
		execs, _ = c.take()
		assert.Empty(t, execs, "nor is there anything to look for")

		// It ends, and its own post hook has ended another watchdog.
		c.change(func() { c.others, c.containers["shop/db-0"].watchdog = nil, "" })
		passes(secondThought)
		execs, events := c.take()
		assert.Equal(t, []string{look}, execs)
		assert.Empty(t, events)

		// Or it ends, and the pod is quiesced as it was.
		c.change(func() { c.others, c.containers["shop/db-0"].watchdog = []*velero.Backup{other}, "9.2" })
		c.sweeper.Ended(failed)
		passes(limit / 2)
		c.change(func() { c.others = []*velero.Backup{elsewhere, stale} })
		passes(2 * secondThought)
		execs, events = c.take()
		assert.Equal(t, []string{look, look, sweep}, execs)
		assert.Equal(t, []string{swept}, events)
	})
}

func TestAPodThatASessionHasClaimedIsNotThawed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, before := newCluster(t, "shop/db-0"), counts()
		c.claimed["shop/db-0"] = true
		c.start()
		c.sweeper.Ended(backup("nightly", velero.Failed))
		passes(2 * limit)
		execs, events := c.take()
		assert.Equal(t, []string{look}, execs)
		assert.Equal(t, []string{"shop/db-0 | Warning | SweepGivenUp | after Backup velero/nightly ended as Failed the pod is left to its watchdog, " +
			"which thaws it at its deadline: a HookSession has claimed it"}, events)
		assert.Equal(t, before[3]+1, counts()[3])
	})
}

func TestAPodThatCannotBeReachedIsTriedUntilItsWatchdogHasThawed(t *testing.T) {
	trouble := &action.Result{Reason: action.Unreachable, Message: "the node does not answer", Process: action.NeverRan}
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "shop/db-0")
		c.containers["shop/db-0"].trouble = trouble
		c.start()
		c.sweeper.Ended(backup("nightly", velero.Failed))
		passes(limit / 2)
		execs, _ := c.take()
		assert.Len(t, execs, 5, "at 0, 1, 3, 7 and 15 seconds")
		c.change(func() { c.containers["shop/db-0"].trouble = nil })
		passes(limit / 2)
		execs, events := c.take()
		assert.Equal(t, []string{look, sweep}, execs)
		assert.Equal(t, []string{swept}, events)

		before := counts()
		c.change(func() { c.containers["shop/db-0"].trouble = trouble })
		c.sweeper.Ended(backup("nightly", velero.Failed))
		passes(limit)
		_, events = c.take()
		require.Len(t, events, 1)
		assert.Contains(t, events[0], "the pod is left to its watchdog, which thaws it at its deadline: the node does not answer")
		assert.Equal(t, before[3]+1, counts()[3])
		execs, _ = c.take()
		assert.Empty(t, execs)
	})
}

func TestHowASweepComesOut(t *testing.T) {
	const failedSwept = "shop/db-0 | Warning | SweepFailed | not all could be thawed after Backup velero/nightly ended as Failed, and the watchdog goes on trying: "
	ends := func(result action.Result, then string) func(*container) action.Result {
		return func(c *container) action.Result {
			c.watchdog, c.swept = then, nil
			return result
		}
	}
	stillThawing := code(chain.ExitStillThawing)
	stillThawing.Output = "secret\nquiesce: hookpolicy/db/thaw failed with code 5\nquiesce: the watchdog goes on\n"
	tests := map[string]struct {
		swept  func(*container) action.Result
		execs  []string
		events []string
		result result
	}{
		"thawed, with a watchdog left": {
			swept: ends(code(chain.ExitOtherThaw), "7.1"), execs: []string{look, sweep},
			events: []string{swept + "; its policies have changed in the meantime: its watchdog also runs what they had, at its deadline"}, result: resultThawed,
		},
		"not wholly thawed": {
			swept: ends(stillThawing, "8.1"), execs: []string{look, sweep},
			events: []string{failedSwept + "hookpolicy/db/thaw failed with code 5; the watchdog goes on"}, result: resultFailed,
		},
		"thawed by somebody else in between":   {swept: ends(code(chain.ExitNothing), ""), execs: []string{look, sweep}, result: resultNothing},
		"thawed by the post hook that runs":    {swept: ends(code(chain.ExitBusy), ""), execs: []string{look, look, sweep}, result: resultNothing},
		"thawed after one that came to naught": {swept: ends(code(chain.ExitBusy), "7.1"), execs: []string{look, look, sweep, sweep}, events: []string{swept}, result: resultThawed},
		"undone":                               {swept: ends(code(chain.ExitUndoing), ""), execs: []string{look, look, sweep}, events: []string{swept}, result: resultThawed},
		"a lost connection, and thawed": {
			swept: ends(action.Result{Reason: action.ConnectionLost, Process: action.MayRun}, ""), execs: []string{look, look, sweep},
			events: []string{swept}, result: resultThawed,
		},
		"no connection, and thawed by itself": {
			swept: ends(action.Result{Reason: action.Unreachable, Process: action.NeverRan}, ""), execs: []string{look, look, sweep}, result: resultNothing,
		},
		"a lost connection, and not thawed": {
			swept: ends(action.Result{Reason: action.ConnectionLost, Process: action.MayRun}, "7.1"), execs: []string{look, look, sweep, sweep},
			events: []string{swept}, result: resultThawed,
		},
		"the container has ended": {
			swept: ends(action.Result{Reason: action.NotRunning, Process: action.NeverRan}, ""), execs: []string{look, sweep}, result: resultNothing,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, "shop/db-0")
				c.containers["shop/db-0"].swept = test.swept
				before := testutil.ToFloat64(sweeps.WithLabelValues(string(test.result)))
				c.start()
				c.sweeper.Ended(backup("nightly", velero.Failed))
				passes(limit)
				execs, events := c.take()
				assert.Equal(t, test.execs, execs)
				assert.Equal(t, test.events, events)
				assert.InDelta(t, before+1, testutil.ToFloat64(sweeps.WithLabelValues(string(test.result))), 0)
				assert.Empty(t, c.sweeper.tasks)
			})
		})
	}
}

func TestWhereNoWatchdogCanBeThereIsNothingToDo(t *testing.T) {
	for _, reason := range []action.Reason{action.PodGone, action.NotRunning, action.ContainerNotFound, action.NoShell} {
		synctest.Test(t, func(t *testing.T) {
			c, before := newCluster(t, "shop/db-0"), counts()
			c.containers["shop/db-0"].trouble = &action.Result{Reason: reason, Process: action.NeverRan}
			c.start()
			c.sweeper.Ended(backup("nightly", velero.Failed))
			passes(limit)
			execs, events := c.take()
			assert.Equal(t, []string{look}, execs, reason)
			assert.Empty(t, events)
			assert.Equal(t, before[1]+1, counts()[1])
		})
	}
}

func TestWhatAPolicyThatIsGoneHasQuiescedIsLeftToTheWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "shop/db-0", "shop/idle-0")
		c.set = setOf(t)
		c.containers["shop/idle-0"].watchdog = ""
		c.start()
		c.sweeper.Ended(backup("nightly", velero.Failed))
		passes(limit)
		execs, events := c.take()
		assert.Equal(t, []string{look, "look shop/idle-0"}, execs)
		assert.Equal(t, []string{"shop/db-0 | Warning | SweepGivenUp | after Backup velero/nightly ended as Failed the pod is left to its watchdog, " +
			`which thaws it at its deadline: it was quiesced by HookPolicy "db", of which there is nothing any more to thaw it with`}, events)
	})
}

func TestAPodThatHasGoneOrLostItsStampIsLeft(t *testing.T) {
	tests := map[string]func(*cluster){
		"gone":              func(c *cluster) { c.pods = nil },
		"replaced":          func(c *cluster) { c.pods[0].UID = "another" },
		"without a stamp":   func(c *cluster) { c.pods[0].Annotations = nil },
		"stamped by others": func(c *cluster) { delete(c.pods[0].Annotations, v1alpha1.StampAnnotation) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, "shop/db-0")
				c.start()
				c.sweeper.Ended(backup("nightly", velero.Failed))
				passes(secondThought / 2)
				c.change(func() { change(c) })
				passes(limit)
				execs, events := c.take()
				assert.Equal(t, []string{look}, execs)
				assert.Empty(t, events)
			})
		})
	}
}

func TestSoManyCommandsRunAtOnceAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pods []string
		for i := range 50 {
			pods = append(pods, fmt.Sprintf("shop/db-%d", i))
		}
		c := newCluster(t, pods...)
		for _, where := range c.containers {
			where.takes = time.Second
		}
		c.start()
		c.sweeper.Ended(backup("nightly", velero.Failed))
		passes(limit)
		assert.Equal(t, 3, c.most)
		_, events := c.take()
		assert.Len(t, events, 50)
	})
}

func TestABackupThatIsToldOfAgainIsLookedIntoOnceMoreAndNeverTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "shop/db-0")
		c.containers["shop/db-0"].takes = 10 * time.Second
		c.start()
		for range 5 {
			c.sweeper.Ended(backup("nightly", velero.PartiallyFailed))
		}
		passes(time.Second)
		for _, name := range []string{"nightly", "hourly", "hourly"} {
			c.sweeper.Ended(backup(name, velero.Failed))
			passes(time.Second)
		}
		passes(limit)
		execs, events := c.take()
		assert.Equal(t, 1, c.most)
		assert.Equal(t, []string{look, look, sweep}, execs)
		assert.Equal(t, []string{"shop/db-0 | Normal | Swept | thawed after Backup velero/hourly ended as Failed"}, events)
	})
}

func TestWhatIsToldEarlyIsDoneWhenItCanBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "shop/db-0")
		known := c.set
		c.set, c.unlisted = nil, errors.New("no cache")
		c.sweeper.Ended(backup("nightly", velero.Failed)) // before it leads
		c.start()
		passes(limit)
		c.change(func() { c.set = &policies.Set{Provisional: true} })
		passes(limit)
		c.change(func() { c.set = known })
		passes(limit)
		execs, _ := c.take()
		assert.Empty(t, execs)
		c.change(func() { c.unlisted = nil })
		passes(notYet + secondThought)
		_, events := c.take()
		assert.Equal(t, []string{swept}, events)
	})
}

func TestASweeperThatIsToldToEndDoesSoWhateverRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "shop/db-0", "shop/db-1", "shop/db-2", "shop/db-3", "shop/db-4")
		for _, where := range c.containers {
			where.takes = time.Hour
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.sweeper.Start(ctx) }()
		c.sweeper.Ended(backup("nightly", velero.Failed))
		passes(time.Second)
		before := counts()
		cancel()
		synctest.Wait()
		select {
		case err := <-ended:
			assert.NoError(t, err)
		default:
			assert.Fail(t, "it waits for what runs")
		}
		assert.Equal(t, before, counts(), "nobody knows what came of them")
		time.Sleep(2 * time.Hour)
	})
}
