package action

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/chain"
)

// Exec runs a command and says how it came out.
func (e *Executor) Exec(ctx context.Context, request Request) Result {
	begun := time.Now()
	result := e.exec(ctx, request)
	result.Duration = time.Since(begun)
	return result
}

func (e *Executor) exec(ctx context.Context, request Request) Result {
	if refused := e.check(ctx, request.Target); refused != nil {
		return *refused
	}
	a := e.attempt(request, nil)
	var stdin io.Reader
	if request.Stdin != "" {
		stdin = strings.NewReader(request.Stdin)
	}
	a.begin(context.WithoutCancel(ctx), stdin)
	defer a.stream.close()
	deadline := time.NewTimer(a.net())
	defer deadline.Stop()
	select {
	case <-a.stream.done:
	case <-a.output.reported:
	case <-ctx.Done():
		return a.interrupt(ctx, interruption(ctx))
	case <-deadline.C:
		return a.interrupt(ctx, TimedOut)
	}
	return a.result()
}

// attempt is a command that is being run.
type attempt struct {
	*Executor
	request Request
	call    chain.Call
	output  *output
	stream  *stream
}

func (e *Executor) attempt(request Request, tee func([]byte)) *attempt {
	a := &attempt{Executor: e, request: request}
	prefix := ""
	if !request.NoShell {
		if a.request.Token == "" {
			a.request.Token = NewToken()
		}
		a.call = chain.Call{Token: a.request.Token, Command: request.Command, Timeout: max(request.Timeout, 1), Stdin: request.Stdin != "", Arm: request.Arm, Disarm: request.Disarm}
		if request.Chain {
			a.call.Timeout = 0
		}
		prefix = a.call.ReportPrefix()
	}
	a.output = newOutput(prefix, tee)
	return a
}

// begin runs the command. The context is not the caller's, which ends the command in a way of its own.
func (a *attempt) begin(ctx context.Context, stdin io.Reader) {
	if a.request.NoShell {
		a.stream = a.open(ctx, spdyFirst, a.request.Target, a.request.Command, stdin, a.output)
		return
	}
	a.stream = a.open(ctx, webSocketFirst, a.request.Target, a.call.Argv(), stdin, a.output)
}

// net is when the command is to be ended from outside, because what is to end it inside has not.
func (a *attempt) net() time.Duration {
	if a.call.Timeout > 0 {
		return a.call.Net()
	}
	return a.request.Timeout
}

// interrupt ends a command from outside, and says what has become of it.
func (a *attempt) interrupt(ctx context.Context, reason Reason) Result {
	if a.request.NoShell {
		return a.say(Result{Reason: reason, Process: MayRun, Message: a.why(reason) + "; the container has no shell, so its process could not be ended and may still run"})
	}
	ctx = context.WithoutCancel(ctx)
	process, found := a.end(ctx, a.request.Target, a.call)
	a.settleDown()
	if report, reported := a.output.callReport(); reported {
		return a.reported(report, reason)
	}
	if process == HasEnded && !found { // or it was not begun yet
		a.stream.close()
		time.Sleep(a.settle)
		process, _ = a.end(ctx, a.request.Target, a.call)
	}
	result := Result{Reason: reason, Process: process, Message: a.why(reason) + "; its process is gone"}
	if process == MayRun {
		result.Message = a.why(reason) + "; its process could not be ended and may still run"
	}
	return a.say(result)
}

// End ends the process of a Request that has this token, children first, wherever its Exec has gone. It says whether the
// process has ended, which may have been long before, or may still run.
func (e *Executor) End(ctx context.Context, target Target, token string) Process {
	process, _ := e.end(ctx, target, chain.Call{Token: token})
	return process
}

// end ends a call by a call of its own, and tells whether there was one.
func (e *Executor) end(ctx context.Context, target Target, call chain.Call) (process Process, found bool) {
	ctx, cancel := context.WithTimeout(ctx, chain.EndGrace+5*time.Second)
	defer cancel()
	if refused := e.check(ctx, target); refused != nil {
		if refused.Reason == PodGone || refused.Reason == NotRunning {
			return HasEnded, true // with all that ran there
		}
		return MayRun, true
	}
	ending := e.attempt(Request{Target: target, Command: call.EndArgv(), Timeout: chain.EndGrace + 5*time.Second}, nil)
	ending.begin(ctx, nil)
	defer ending.stream.close()
	select {
	case <-ending.stream.done:
	case <-ending.output.reported:
	}
	result := ending.result()
	switch {
	case result.Reason == Succeeded:
		return HasEnded, true
	case result.Reason == ExitCode && *result.Code == chain.EndNone:
		return HasEnded, false
	}
	return MayRun, true
}

// over tells whether the command is known to have ended, or the connection to it has.
func (a *attempt) over() bool {
	select {
	case <-a.stream.done:
		return true
	case <-a.output.reported:
		return true
	default:
		return false
	}
}

// settleDown lets the last of the output come.
func (a *attempt) settleDown() {
	select {
	case <-a.output.reported:
	case <-a.stream.done:
	case <-time.After(a.settle):
	}
}

// result is that of a command whose stream has ended, or whose report has come.
func (a *attempt) result() Result {
	if report, found := a.output.callReport(); found {
		// Something that the command has left behind may keep the stream open.
		select {
		case <-a.stream.done:
		case <-time.After(a.settle):
		}
		return a.reported(report, "")
	}
	target, shell := a.request.Target, !a.request.NoShell
	switch err := a.stream.err; {
	case err != nil:
		failed := failure(target, err, shell)
		if failed.Process == NeverRan && a.output.tail() != "" { // a sentence that we read wrongly
			failed.Reason, failed.Process = Unknown, MayRun
		}
		return a.say(*failed)
	case shell:
		return a.say(Result{
			Reason: ConnectionLost, Process: MayRun,
			Message: fmt.Sprintf("the connection to %s was lost: it ended as after a success, but the container has not reported one", target),
		})
	}
	return a.say(Result{Reason: Succeeded, Code: new(0), Process: HasEnded, Message: "the command has succeeded"})
}

// reported is the result of a call that has reported; interrupted is why it was ended from outside, if it was.
func (a *attempt) reported(report chain.Report, interrupted Reason) Result {
	result := Result{Process: HasEnded, Guard: guardState(report)}
	switch report.How {
	case chain.Unarmed:
		return a.say(a.unarmed(report.Code))
	case chain.Unable:
		return a.say(*refusal(NoShell, fmt.Sprintf("%s lacks /proc or the program sleep; nothing was run; set shell: None in the policy", a.request.Target)))
	case chain.TimedOut:
		result.Reason, result.Message = TimedOut, a.why(TimedOut)+" and was ended"
	case chain.Ended:
		if interrupted == "" {
			result.Reason, result.Code = ExitCode, new(chain.ExitTerminated)
			result.Message = "the command was ended by a signal from within the container"
			break
		}
		result.Reason, result.Message = interrupted, a.why(interrupted)+" and was ended"
	case chain.Exited:
		result.Code = new(report.Code)
		switch {
		case report.Code == 0:
			result.Reason, result.Message = Succeeded, "the command has succeeded"
		case a.request.Chain && report.Code == chain.ExitTerminated && interrupted != "":
			result.Reason, result.Message = interrupted, a.why(interrupted)+"; it was ended, and has undone what it did"
		default:
			result.Reason, result.Message = ExitCode, fmt.Sprintf("the command ended with code %d", report.Code)
		}
	}
	if report.Stuck {
		result.Process = MayRun
		result.Message += ", but its process does not end and may still run"
	}
	return a.say(result)
}

// why says why a command did not come to its own end.
func (a *attempt) why(reason Reason) string {
	if reason == Cancelled {
		return "the command was cancelled"
	}
	return fmt.Sprintf("the command did not end within its timeout of %s", a.request.Timeout)
}

func (a *attempt) say(result Result) Result {
	result.Output = a.output.tail()
	return result
}

// guardState is what a report tells of the watchdog.
func guardState(report chain.Report) GuardState {
	switch {
	case report.TookOver:
		return TookOver
	case report.Early:
		return ThawedEarly
	}
	return ""
}

// unarmed is the result of a call that has run nothing, since its watchdog could not be started.
func (a *attempt) unarmed(code int) Result {
	switch code {
	case chain.ExitBusy:
		return *refusal(Busy, fmt.Sprintf("another backup is quiescing %s; nothing was run", a.request.Target))
	case chain.ExitNoWatchdog:
		return *refusal(NoShell, fmt.Sprintf("%s lacks what a watchdog needs; nothing was run; set shell: None in the policy", a.request.Target))
	}
	return *refusal(NotStarted, fmt.Sprintf("the watchdog of %s could not be started (code %d); nothing was run", a.request.Target, code))
}
