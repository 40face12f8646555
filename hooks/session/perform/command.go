package perform

import (
	"context"
	"time"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// command runs a command in the hook's container.
func (a *attempt) command(ctx context.Context, argv []string, stdin string) *v1alpha1.PodResult {
	request := action.Request{
		Target: a.target(), Command: argv, Stdin: stdin, Timeout: a.hook.Timeout.Duration, NoShell: a.noShell(),
		Token: Token(a.Run.UID, a.pod.UID, a.count),
	}
	if refused := a.arm(ctx, &request); refused != nil {
		return refused
	}
	request.Disarm = a.Disarms != nil && a.undoes && !a.noShell() && a.Disarms(a.pod)
	result, known := untilKnown(ctx, func(ctx context.Context) action.Result { return a.means.Containers.Exec(ctx, request) })
	if !known {
		return a.leave()
	}
	a.makeSure(ctx, request, &result)
	return a.say(result)
}

// leave is the result of what goes on while the controller ends.
func (a *attempt) leave() *v1alpha1.PodResult {
	return a.say(action.Result{Reason: action.Cancelled, Process: action.MayRun, Message: ErrShutdown.Error()})
}

// untilKnown runs something that goes on when the controller ends: then it is false, and nobody waits.
func untilKnown(ctx context.Context, run func(context.Context) action.Result) (action.Result, bool) {
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
		results <- run(running)
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
		if result.Process = a.means.Containers.End(context.WithoutCancel(ctx), request.Target, request.Token); result.Process == action.HasEnded {
			result.Message += "; its process is gone"
		} else if shutDown(ctx) || !a.pause(context.WithoutCancel(ctx), soon) {
			return
		}
	}
}
