package perform

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
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
	undoes := t.Undoes != nil && t.Undoes(pod)
	if undoes {
		// Only the controller's end ends a thaw.
		thawing, stop := untilShutdown(ctx)
		defer stop()
		ctx = thawing
	}
	a := &attempt{task: t, pod: pod, hook: &t.Run.Spec.Hook, undoes: undoes}
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
		case a.undoes && a.Abandoned():
			result.Reason = v1alpha1.ReasonAbandoned
			result.Message = "somebody has taken over the thaw (" + v1alpha1.AbandonAnnotation + "); before, " + result.Message
			return result
		case a.undoes && result.Reason == string(action.PodGone):
			return &v1alpha1.PodResult{Outcome: v1alpha1.ResultSkipped, Reason: v1alpha1.ReasonPodGone, NotRun: true, Message: result.Message}
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

// Abandoned tells whether somebody has taken over the thaw of the pod.
func (a *attempt) Abandoned() bool { return a.session.Abandoned(a.pod.Name) }

// concluded tells whether a thaw has come to an end of its own, so that to repeat it is up to its author.
func concluded(result *v1alpha1.PodResult) bool {
	switch action.Reason(result.Reason) {
	case action.ExitCode:
		return true
	case action.TimedOut:
		return result.MayRunUntil == nil
	case action.NoShell, action.ContainerNotFound, action.NoWebSocket:
		return true
	}
	return result.Reason == v1alpha1.ReasonHoldLost
}

// repeatable tells whether another attempt could come out otherwise.
func repeatable(result *v1alpha1.PodResult) bool {
	switch action.Reason(result.Reason) {
	case action.PodGone, action.ContainerNotFound, action.NoShell, action.Forbidden, action.NoWebSocket:
		return false
	}
	return true
}

// pause waits, or until the pod changes; false when the context ends.
func (a *attempt) pause(ctx context.Context, wait time.Duration) bool {
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
	switch {
	case a.hook.Hold == nil:
		return a.exec(ctx)
	case a.isPre():
		return a.hold(ctx)
	}
	return a.release(ctx)
}

// exec runs the hook's command.
func (a *attempt) exec(ctx context.Context) *v1alpha1.PodResult {
	request := action.Request{
		Target: a.target(), Command: a.hook.Exec.Command, Timeout: a.hook.Timeout.Duration, NoShell: a.noShell(),
		Token: Token(a.Run.UID, a.pod.UID, a.count),
	}
	if refused := a.arm(ctx, &request); refused != nil {
		return refused
	}
	request.Disarm = a.Disarms != nil && a.undoes && !a.noShell() && a.Disarms(a.pod)
	result, known := a.runUntilShutdown(ctx, request)
	if !known {
		return a.say(action.Result{Reason: action.Cancelled, Process: action.MayRun, Message: ErrShutdown.Error()})
	}
	a.makeSure(ctx, request, &result)
	return a.say(result)
}

// runUntilShutdown runs a command, which goes on when the controller ends: then it is false, and nobody waits.
func (a *attempt) runUntilShutdown(ctx context.Context, request action.Request) (action.Result, bool) {
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if !shutDown(ctx) {
			end()
		}
	})
	results := make(chan action.Result, 1)
	go func() {
		defer end()
		defer stop()
		results <- a.executor.Exec(running, request)
	}()
	select {
	case result := <-results:
		return result, true
	case <-ctx.Done():
		if shutDown(ctx) {
			return action.Result{}, false
		}
		return <-results, true
	}
}

// makeSure ends a process of which the connection was lost, so that nobody has to wait until it can have done what it was to do.
func (a *attempt) makeSure(ctx context.Context, request action.Request, result *action.Result) {
	if a.noShell() || result.Reason != action.ConnectionLost && result.Reason != action.Unknown {
		return
	}
	for until := time.Now().Add(patience); result.Process == action.MayRun && time.Now().Before(until); {
		if result.Process = a.executor.End(context.WithoutCancel(ctx), request.Target, request.Token); result.Process == action.HasEnded {
			result.Message += "; its process is gone"
		} else if shutDown(ctx) || !a.pause(context.WithoutCancel(ctx), soon) {
			return
		}
	}
}

// arm starts the watchdogs that are to be there before anything is quiesced: that of the hook's own container together with
// the hook, the others ahead of it.
func (a *attempt) arm(ctx context.Context, request *action.Request) *v1alpha1.PodResult {
	if a.Armings == nil || a.ran {
		return nil
	}
	for _, arming := range a.Armings(a.pod, time.Now()) {
		if request != nil && arming.Container == a.pod.Container && !a.noShell() {
			request.Arm = arming.Guard
			continue
		}
		target := a.target()
		target.Container = arming.Container
		result := a.executor.Exec(ctx, action.Request{Target: target, Command: []string{"true"}, Timeout: chain.GuardTimeout, Arm: arming.Guard})
		if result.Reason != action.Succeeded {
			refused := a.say(result)
			refused.Message = fmt.Sprintf("the watchdog of container %q cannot be started: %s", arming.Container, refused.Message)
			return refused
		}
		a.tookOver = a.tookOver || result.Guard == action.TookOver
		a.ran = true // there is a watchdog to be ended
	}
	return nil
}

const noCode = "N/A"

// say is the result in the words of the record.
func (a *attempt) say(result action.Result) *v1alpha1.PodResult {
	a.ran = a.ran || result.Process != action.NeverRan
	a.tookOver = a.tookOver || result.Guard == action.TookOver
	if result.Process == action.MayRun {
		if until := a.started.Add(a.limit()); until.After(a.until) {
			a.until = until
		}
	}
	started := metav1.NewMicroTime(a.started)
	said := &v1alpha1.PodResult{
		Outcome: v1alpha1.ResultSucceeded, ExitCode: result.CodeText(), StartedAt: &started,
		Duration: round(result.Duration).String(), NotRun: !a.ran, TookOver: a.tookOver, ThawedEarly: result.Guard == action.ThawedEarly,
	}
	if a.count > 1 {
		said.Attempts = int32(a.count) //nolint:gosec // a few
	}
	if result.Reason != action.Succeeded {
		said.Outcome, said.Reason, said.Message = v1alpha1.ResultFailed, string(result.Reason), cut(result.Message, maxMessage)
		if a.options.KeepOutput {
			said.Output = result.Output
		}
	}
	if !a.until.IsZero() && !a.undoes {
		until := metav1.NewMicroTime(a.until)
		said.MayRunUntil = &until
	}
	if a.undoes && result.Process == action.MayRun {
		until := metav1.NewMicroTime(a.started.Add(a.limit()))
		said.MayRunUntil = &until
	}
	return said
}

// limit is how long an attempt may last in the container, whatever becomes of us.
func (a *attempt) limit() time.Duration {
	if a.hook.Hold != nil {
		return a.HoldLimit + chain.EndGrace
	}
	return chain.Call{Timeout: a.hook.Timeout.Duration}.Net() + chain.GuardTimeout
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// maxMessage is how long a message may be, by the schema.
const maxMessage = 512

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len("…")], "") + "…"
}

// onlyIf asks the hook's condition; nil where the hook is to run.
func (a *attempt) onlyIf(ctx context.Context) *v1alpha1.PodResult {
	if a.hook.OnlyIf == nil || a.hook.Hold != nil && !a.isPre() {
		return nil
	}
	a.started = time.Now()
	result := a.executor.Exec(ctx, action.Request{
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
	failed.NotRun, failed.MayRunUntil, failed.Message = true, nil, cut("onlyIf: "+failed.Message, maxMessage)
	return failed
}
