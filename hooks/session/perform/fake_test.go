package perform

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// containers are made up: a function says how a command comes out in a pod, the how-manieth time.
type containers struct {
	t       *testing.T
	comeOut func(pod string, time int) action.Result
	take    time.Duration
	durable func(pod string) bool // whether it is that the pod may be entered

	lock     sync.Mutex
	times    map[string]int
	requests []action.Request
	ended    []string
	at, most int
	holding  map[string]*lock
	gone     map[types.UID]bool
	away     map[types.UID]bool
	process  action.Process // what End finds
	changed  chan struct{}
}

func newContainers(t *testing.T, comeOut func(pod string, time int) action.Result) *containers {
	t.Helper()
	return &containers{
		t: t, comeOut: comeOut, take: 100 * time.Millisecond, times: map[string]int{}, holding: map[string]*lock{},
		gone: map[types.UID]bool{}, away: map[types.UID]bool{}, process: action.HasEnded, durable: func(string) bool { return true },
	}
}

var (
	well   = action.Result{Reason: action.Succeeded, Code: new(0), Process: action.HasEnded}
	badly  = action.Result{Reason: action.ExitCode, Code: new(3), Process: action.HasEnded, Message: "the command ended with code 3", Output: "no\n"}
	lostIt = action.Result{Reason: action.ConnectionLost, Process: action.MayRun, Message: "the connection was lost"}
	nobody = action.Result{Reason: action.Unreachable, Process: action.NeverRan, Message: "the node did not answer"}
)

func always(result action.Result) func(string, int) action.Result {
	return func(string, int) action.Result { return result }
}

// Exec implements Executor.
func (c *containers) Exec(ctx context.Context, request action.Request) action.Result {
	c.lock.Lock()
	assert.True(c.t, c.durable(request.Pod), "pod %s was entered before that was durable", request.Pod)
	c.times[request.Pod]++
	count := c.times[request.Pod]
	c.requests = append(c.requests, request)
	c.at++
	c.most = max(c.most, c.at)
	c.lock.Unlock()
	defer func() {
		c.lock.Lock()
		defer c.lock.Unlock()
		c.at--
	}()
	select {
	case <-time.After(c.take):
		return c.comeOut(request.Pod, count)
	case <-ctx.Done():
		return action.Result{Reason: action.Cancelled, Process: action.HasEnded, Message: "the command was cancelled and was ended"}
	}
}

// lock is a hold that is made up.
type lock struct {
	lost     chan action.Result
	released bool
}

func (l *lock) Lost() <-chan action.Result { return l.lost }

func (l *lock) Release(context.Context) action.Result {
	l.released = true
	return well
}

// Hold implements Executor.
func (c *containers) Hold(_ context.Context, request action.HoldRequest) (Hold, action.Result) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.times[request.Pod]++
	if result := c.comeOut(request.Pod, c.times[request.Pod]); result.Reason != action.Succeeded {
		return nil, result
	}
	held := &lock{lost: make(chan action.Result, 1)}
	c.holding[request.Pod] = held
	return held, action.Result{Reason: action.Succeeded, Process: action.MayRun}
}

// End implements Executor.
func (c *containers) End(_ context.Context, target action.Target, token string) action.Process {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.ended = append(c.ended, target.Pod+" "+token)
	return c.process
}

// Pod implements Pods: all run, and are ready.
func (c *containers) Pod(uid types.UID) (*witness.Pod, bool) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.gone[uid] {
		return nil, false
	}
	pod := &witness.Pod{States: []witness.State{{Name: "main", Running: !c.away[uid]}}}
	pod.Ready = true
	return pod, true
}

// Changed implements Pods.
func (c *containers) Changed(types.UID) (changed <-chan struct{}, done func()) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed, func() {}
}

func (c *containers) change(do func()) {
	c.lock.Lock()
	defer c.lock.Unlock()
	do()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// book is a session that keeps what it is told.
type book struct {
	lock      sync.Mutex
	saved     *v1alpha1.HookRunStatus
	saves     int
	bytes     int
	trouble   []string
	abandoned bool
	lost      []string
}

// Save implements Session.
func (b *book) Save(_ context.Context, run *v1alpha1.HookRun) error {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.saved = run.Status.DeepCopy()
	b.saves++
	b.bytes += len(run.Status.Results)
	return nil
}

// Trouble implements Session.
func (b *book) Trouble(pod, sentence string) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if sentence != "" {
		b.trouble = append(b.trouble, pod+": "+sentence)
	}
}

// Abandoned implements Session.
func (b *book) Abandoned(string) bool {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.abandoned
}

// Lost implements Session.
func (b *book) Lost(_ *v1alpha1.HookRun, pod string, result action.Result) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.lost = append(b.lost, pod+": "+result.Message)
}

// runOf is a run of a stage in so many pods, changed.
func runOf(stage v1alpha1.Stage, pods int, change ...func(*v1alpha1.HookRun)) *v1alpha1.HookRun {
	run := &v1alpha1.HookRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "run", UID: types.UID("run-" + stage)}}
	run.Spec.Stage = stage
	run.Spec.Hook = v1alpha1.ResolvedHook{
		Name: "hook", Exec: &v1alpha1.ExecAction{Command: []string{"x"}}, Timeout: v1alpha1.Duration{Duration: 30 * time.Second}, OnError: v1alpha1.Fail,
	}
	run.Spec.Hook.ExecutionPolicy = v1alpha1.Always
	for i := range pods {
		name := fmt.Sprintf("pod-%03d", i)
		run.Spec.Pods = append(run.Spec.Pods, v1alpha1.RunPod{Name: name, UID: types.UID(name), Container: "main"})
	}
	for _, change := range change {
		change(run)
	}
	return run
}

func jobOf(run *v1alpha1.HookRun) Job {
	job := Job{Run: run}
	for place := range run.Spec.Pods {
		job.Places = append(job.Places, place)
	}
	return job
}

func undoing(run *v1alpha1.HookRun) Job {
	job := jobOf(run)
	job.Undoes = func(v1alpha1.RunPod) bool { return true }
	return job
}
