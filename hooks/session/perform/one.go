package perform

import (
	"context"
	"fmt"
	"time"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// firstBackOff and lastBackOff are the pauses between repetitions of a hook; they double.
	firstBackOff, lastBackOff = time.Second, 30 * time.Second
	// soon and late are those between attempts to reach a pod at all.
	soon, late = 500 * time.Millisecond, 15 * time.Second
	// patience is how long it is tried to end a process of which the connection was lost.
	patience = 20 * time.Second
)

// one runs a hook in a pod; nil when the controller ends before it is known what became of it.
func (t *task) one(ctx context.Context, pod v1alpha1.RunPod, before *v1alpha1.PodResult) *v1alpha1.PodResult {
	undoes := t.undoesIn(pod)
	if undoes {
		// Only the controller's end ends a thaw.
		thawing, stop := untilShutdown(ctx)
		defer stop()
		ctx = thawing
	}
	a := &attempt{task: t, pod: pod, hook: &t.Run.Spec.Hook, undoes: undoes, slot: t.slots(pod)}
	if before != nil {
		a.count = int(max(before.Attempts, 1))
	}
	result := a.run(ctx)
	if result == nil || shutDown(ctx) && result.Outcome == v1alpha1.ResultFailed {
		return nil
	}
	result.Pod = pod.Name
	if undoes {
		t.session.Trouble(pod.Name, "")
	}
	return result
}

// untilShutdown is a context that ends when the controller does, and for no other reason for which another ends.
func untilShutdown(ctx context.Context) (context.Context, context.CancelFunc) {
	lasting, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if shutDown(ctx) {
			end(ErrShutdown)
		}
	})
	return lasting, func() {
		stop()
		end(nil)
	}
}

// attempt is a hook in a pod.
type attempt struct {
	*task
	pod    v1alpha1.RunPod
	hook   *v1alpha1.ResolvedHook
	undoes bool

	count    int // of attempts
	ran      bool
	tookOver bool
	until    time.Time // by when whatever may still run has ended
	started  time.Time
	secrets  []string // what the attempt has read of Secrets
	slot     chan struct{}
}

func (a *attempt) target() action.Target {
	return action.Target{Namespace: a.Run.Namespace, Pod: a.pod.Name, Container: a.pod.Container, UID: a.pod.UID}
}

func (a *attempt) noShell() bool { return a.Run.Spec.Policy.Shell == v1alpha1.NoShell }

// run runs it, as often as may be.
func (a *attempt) run(ctx context.Context) *v1alpha1.PodResult {
	if a.pod.Obstacle != "" {
		outcome := v1alpha1.ResultFailed
		if a.hook.OnError == v1alpha1.Continue {
			outcome = v1alpha1.ResultSkipped
		}
		return &v1alpha1.PodResult{Outcome: outcome, Reason: string(action.ContainerNotFound), ExitCode: noCode, NotRun: true, Message: a.pod.Obstacle}
	}
	if unready := a.await(ctx); unready != nil {
		return unready
	}
	if passed := a.onlyIf(ctx); passed != nil {
		return passed
	}
	first := time.Now()
	retries, backOff, pause := 0, firstBackOff, soon
	for {
		result := a.once(ctx)
		switch {
		case result.Outcome != v1alpha1.ResultFailed, ctx.Err() != nil:
			return result
		case a.undoes && a.abandoned():
			result.Reason = v1alpha1.ReasonAbandoned
			result.Message = "somebody has taken over the thaw (" + v1alpha1.AbandonAnnotation + "); before, " + result.Message
			return result
		case a.undoes && (result.Reason == string(action.PodGone) || result.Reason == string(action.NamespaceEnding)):
			return &v1alpha1.PodResult{Outcome: v1alpha1.ResultSkipped, Reason: result.Reason, NotRun: true, Message: result.Message}
		case a.undoes && !concluded(result):
			a.session.Trouble(a.pod.Name, result.Message)
			if !a.pause(ctx, pause) {
				return result
			}
			pause = min(2*pause, late)
		case !a.undoes && !a.ran && result.Reason == string(action.Unreachable) && time.Since(first) < a.hook.Timeout.Duration:
			if !a.pause(ctx, pause) { // nothing was run, so that this is no repetition
				return result
			}
		case retries < int(a.hook.MaxRetries) && repeatable(result):
			retries++
			if !a.pause(ctx, backOff) {
				return result
			}
			backOff = min(2*backOff, lastBackOff)
		default:
			return result
		}
	}
}

// abandoned tells whether somebody has taken over the thaw of the pod.
func (a *attempt) abandoned() bool { return a.session.Abandoned(a.pod.Name) }

// concluded tells whether a thaw has come to an end of its own, so that to repeat it is up to its author.
func concluded(result *v1alpha1.PodResult) bool {
	switch action.Reason(result.Reason) {
	case action.ExitCode:
		return true
	case action.TimedOut:
		return result.MayRunUntil == nil
	case action.NoShell, action.ContainerNotFound, action.NoWebSocket, action.Status, action.AddressRefused, action.TLSFailed,
		action.BadRequest, action.Refused, action.JobFailed:
		return true
	}
	return result.Reason == v1alpha1.ReasonHoldLost
}

// repeatable tells whether another attempt could come out otherwise.
func repeatable(result *v1alpha1.PodResult) bool {
	switch action.Reason(result.Reason) {
	case action.PodGone, action.ContainerNotFound, action.NoShell, action.Forbidden, action.NoWebSocket, action.AddressRefused, action.BadRequest, action.Refused:
		return false
	}
	return true
}

// yield lets another hook have the slot, until the function that it returns is called.
func (a *attempt) yield() (resume func()) {
	if a.slot == nil {
		return func() {}
	}
	<-a.slot
	return func() { a.slot <- struct{}{} }
}

// pause waits; false when the context ends. Others may run in the meantime.
func (a *attempt) pause(ctx context.Context, wait time.Duration) bool {
	defer a.yield()()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// once is one attempt.
func (a *attempt) once(ctx context.Context) *v1alpha1.PodResult {
	a.started = time.Now()
	a.count++
	a.secrets = nil
	if _, there := a.pods.Pod(a.pod.UID); !there && a.pod.UID != "" && a.hook.Exec == nil && a.hook.Hold == nil {
		// Those who run commands look for themselves, and see more.
		return a.say(action.Result{Reason: action.PodGone, Process: action.NeverRan, Message: fmt.Sprintf("pod %q is gone", a.pod.Name)})
	}
	switch hook := a.hook; {
	case hook.Exec != nil:
		return a.command(ctx, hook.Exec.Command, "")
	case hook.Script != nil:
		return a.script(ctx)
	case hook.HTTPGet != nil:
		return a.get(ctx)
	case hook.HTTPPost != nil:
		return a.post(ctx)
	case hook.TCPSocket != nil:
		return a.connect(ctx)
	case hook.Job != nil:
		return a.job(ctx)
	case hook.Hold != nil && a.isPre():
		return a.hold(ctx)
	case hook.Hold != nil:
		return a.release(ctx)
	}
	return a.say(action.Result{Reason: action.NotStarted, Process: action.NeverRan, Message: "this version of quiesce-controller does not know the hook's action"})
}

// onlyIf asks the hook's condition; nil where the hook is to run.
func (a *attempt) onlyIf(ctx context.Context) *v1alpha1.PodResult {
	if a.hook.OnlyIf == nil || a.hook.Hold != nil && !a.isPre() {
		return nil
	}
	a.started = time.Now()
	result := a.means.Containers.Exec(ctx, action.Request{
		Target: a.target(), Command: a.hook.OnlyIf.Command, Timeout: a.hook.Timeout.Duration, NoShell: a.noShell(),
	})
	switch result.Reason {
	case action.Succeeded:
		return nil
	case action.ExitCode:
		return &v1alpha1.PodResult{
			Outcome: v1alpha1.ResultSkipped, Reason: "OnlyIf", NotRun: true,
			Message: "onlyIf ended with code " + result.CodeText(),
		}
	}
	failed := a.say(result)
	a.ran, a.until = false, time.Time{}
	failed.NotRun, failed.MayRunUntil, failed.Message = true, nil, record.Cut("onlyIf: "+failed.Message, maxMessage)
	return failed
}
