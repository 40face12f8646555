package action

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
)

// HoldRequest is a command that is held: it runs until it is released.
type HoldRequest struct {
	Target
	Command []string
	// Stdin is given to the command at first; its stdin then stays open.
	Stdin string
	// Ready matches a line of what the command writes when it holds what it is to hold. A line that stays unfinished for a
	// while counts as well.
	Ready *regexp.Regexp
	// ReadyTimeout is how long it may take to be ready.
	ReadyTimeout time.Duration
	// Limit is the longest that the command runs in the container, from its start, whatever becomes of us: in whole
	// seconds, rounded up. It needs a shell.
	Limit time.Duration
	// StopStdin is given to the command when it is released, before its stdin is closed.
	StopStdin string
	// Grace is how long it may then take to end by itself.
	Grace time.Duration
	// NoShell says that the container has no /bin/sh, or no sleep: the command is not ended but by the end of its stdin.
	NoShell bool
	// Token is as in Request.
	Token string
}

// Hold is a command that holds. Each must be released.
type Hold struct {
	attempt *attempt
	request HoldRequest
	begun   time.Time
	stdin   *io.PipeWriter
	lost    chan Result

	lock     sync.Mutex
	released bool
	result   *Result
}

// Hold runs a command and returns when it is ready; the result is then a success, of which the process runs on. Otherwise
// there is no Hold, and the result says why; the process was then ended as far as may be. The end of the context breaks the
// connection, whenever it comes, so that the command comes to the end of its stdin.
func (e *Executor) Hold(ctx context.Context, request HoldRequest) (*Hold, Result) {
	begun := time.Now()
	if refused := e.check(ctx, request.Target); refused != nil {
		refused.Duration = time.Since(begun)
		return nil, *refused
	}
	ready := newReadiness(request.Ready)
	h := &Hold{request: request, begun: begun, lost: make(chan Result, 1)}
	h.attempt = e.attempt(Request{Target: request.Target, Command: request.Command, Timeout: request.Limit, NoShell: request.NoShell, Token: request.Token}, ready.see)
	h.attempt.call.Stdin = true
	stdin, in := io.Pipe()
	h.stdin = in
	argv := request.Command
	if !request.NoShell {
		argv = h.attempt.call.Argv()
	}
	h.attempt.stream = e.open(ctx, webSocketOnly, request.Target, argv, stdin, h.attempt.output)
	go func() {
		<-h.attempt.stream.done
		_ = stdin.CloseWithError(io.ErrClosedPipe) // whoever writes is not to wait
	}()
	h.write(request.Stdin)

	timeout := time.NewTimer(request.ReadyTimeout)
	defer timeout.Stop()
	select {
	case <-ready.ready:
		go h.watch(ctx)
		return h, Result{
			Reason: Succeeded, Process: MayRun, Message: "the command holds",
			Output: h.attempt.output.tail(), Duration: time.Since(begun),
		}
	case <-h.attempt.stream.done:
	case <-h.attempt.output.reported:
	case <-timeout.C:
		return nil, h.unready(ctx)
	}
	result := h.early(ctx)
	h.close()
	h.endLeftovers(ctx, &result)
	return nil, result
}

// unready ends a command that was not ready in time.
func (h *Hold) unready(ctx context.Context) Result {
	_ = h.stdin.Close()
	if h.request.NoShell { // it may end all the same
		h.await(ctx)
	}
	result := h.end(ctx, TimedOut)
	result.Reason, result.Code = TimedOut, nil // whatever the end of its stdin made it do
	result.Message = fmt.Sprintf("nothing that the command wrote within %s matches readyPattern %s; %s", h.request.ReadyTimeout, h.request.Ready, ended(result.Process))
	return result
}

// await gives the command its grace to end by itself.
func (h *Hold) await(ctx context.Context) (over bool) {
	grace := time.NewTimer(h.request.Grace)
	defer grace.Stop()
	select {
	case <-h.attempt.stream.done:
	case <-h.attempt.output.reported:
	case <-grace.C:
	case <-ctx.Done():
	}
	return h.attempt.over()
}

// endLeftovers ends what a connection that was lost may have left behind.
func (h *Hold) endLeftovers(ctx context.Context, lost *Result) {
	if lost.Process != MayRun || h.request.NoShell {
		return
	}
	if lost.Process = h.attempt.End(context.WithoutCancel(ctx), h.request.Target, h.attempt.call.Token); lost.Process == HasEnded {
		lost.Message += "; its process is gone"
	}
}

// write gives the command something to read. It does not wait until that is read.
func (h *Hold) write(text string) {
	if text == "" {
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.Copy(h.stdin, strings.NewReader(text)) // what fails shows in how the command ends
	}()
	select {
	case <-written:
	case <-time.After(h.attempt.settle):
	}
}

// close breaks the connection.
func (h *Hold) close() {
	_ = h.stdin.Close()
	h.attempt.stream.close()
}

// watch waits for the end that is not to come before the release.
func (h *Hold) watch(ctx context.Context) {
	select {
	case <-h.attempt.stream.done:
	case <-h.attempt.output.reported:
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	defer close(h.lost)
	if h.released {
		return
	}
	result := h.early(ctx)
	h.result = &result
	h.lost <- result
}

// early is the result of a command that has ended before it was released. It is never a success.
func (h *Hold) early(ctx context.Context) Result {
	var result Result
	if _, found := h.attempt.output.callReport(); !found && ctx.Err() != nil {
		result = h.attempt.say(Result{
			Reason: interruption(ctx), Process: MayRun,
			Message: "the hold was cancelled, and the connection with it; the command has come to the end of its stdin but may still run",
		})
	} else {
		result = h.attempt.result()
	}
	switch result.Reason {
	case Succeeded:
		result.Reason, result.Message = ExitCode, "the command ended by itself, with code 0, before it was released"
	case ExitCode:
		result.Message += " before it was released"
	case TimedOut:
		result.Message = fmt.Sprintf("the command was held longer than its limit of %s and was ended", h.request.Limit)
	}
	if notSpoken(h.attempt.stream.failure()) {
		result = *refusal(NoWebSocket, "a hold needs a WebSocket, which the API server, or a proxy before it, does not give: "+
			plain(h.attempt.stream.failure()))
	}
	result.Duration = time.Since(h.begun)
	return result
}

// Lost gives the result when the command ends, or the connection to it, before it is released. It is closed when there is
// nothing more to come, after a release too.
func (h *Hold) Lost() <-chan Result { return h.lost }

// Release ends the hold, and says how the command came out: a success is one that had held until now, and then ended with
// code 0. Of a hold that was lost it ends what may be left, and says how it was lost. The end of the context shortens the
// grace.
func (h *Hold) Release(ctx context.Context) Result {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.released && h.result != nil {
		return *h.result
	}
	h.released = true
	defer h.close()
	if h.result == nil && h.attempt.over() { // and the watch is still to hear of it
		lost := h.early(ctx)
		h.result = &lost
	}
	if lost := h.result; lost != nil {
		h.endLeftovers(ctx, lost)
		return *lost
	}
	result := h.release(ctx)
	h.result = &result
	return result
}

func (h *Hold) release(ctx context.Context) Result {
	h.write(h.request.StopStdin)
	_ = h.stdin.Close()
	if !h.await(ctx) {
		return h.overdue(ctx)
	}
	result := h.attempt.result()
	result.Duration = time.Since(h.begun)
	return result
}

// overdue ends a command that does not end by itself.
func (h *Hold) overdue(ctx context.Context) Result {
	result := h.end(ctx, TimedOut)
	if result.Reason == TimedOut {
		result.Message = fmt.Sprintf("the command did not end within %s of the end of its stdin; %s", h.request.Grace, ended(result.Process))
	}
	return result
}

// end ends the command by a signal where there is a shell for it, and otherwise by the end of its stdin.
func (h *Hold) end(ctx context.Context, reason Reason) Result {
	result := h.attempt.interrupt(ctx, reason)
	if h.request.NoShell && h.attempt.over() {
		result = h.attempt.result()
	}
	h.close()
	result.Duration = time.Since(h.begun)
	return result
}

func ended(process Process) string {
	if process == MayRun {
		return "its process could not be ended and may still run"
	}
	return "it was ended"
}
