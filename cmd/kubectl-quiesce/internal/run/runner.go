package run

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// heartbeat is how often elapsed times are drawn anew.
	heartbeat = 200 * time.Millisecond
	// lastWord is how long a second signal waits for the cancellation to be written, and the end of COMMAND by Ctrl-C for our own.
	lastWord = 5 * time.Second
)

// part is how far the runner is.
type part int

const (
	before  part = iota // hooks quiesce
	running             // COMMAND does
	after               // hooks thaw
)

// runner takes one session through its life. Everything comes to pass in its one loop.
type runner struct {
	*options
	streams  genericiooptions.IOStreams
	teller   teller
	signals  <-chan os.Signal
	created  *v1alpha1.HookSession
	follower *follower
	writer   *writer

	part     part
	deadline *time.Timer
	wrapped  *wrapped
	ending   ending
	// interrupted: a signal has come.
	interrupted bool
	rows        []row           // of all hooks, as they were last seen
	told        map[string]bool // keys of rows whose end has been told, and sentences
	phase       v1alpha1.Phase  // that was told last, and its message
	message     string
}

// run goes from the first hook to the last.
func (r *runner) run(ctx context.Context) {
	r.teller.say(fmt.Sprintf("session %s in namespace %s: hooks run before %s", r.created.Name, r.namespace, r.argv[0]))
	began := time.Now()
	r.deadline = time.NewTimer(r.timeout)
	defer r.deadline.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	defer func() {
		r.settle(ctx)
		r.teller.hush()
	}()
	for !r.step(ctx) {
		select {
		case <-r.follower.changed:
		case <-beat.C:
			if r.part == before && time.Since(began) > unanswered && (r.ending.session == nil || r.ending.session.Status.Phase == "") {
				r.sayOnce("nobody has taken up the session yet: is the controller running? kubectl quiesce doctor finds out")
			}
		case heard := <-r.signals:
			if r.hear(ctx, heard) {
				return
			}
		case <-r.deadline.C:
			r.ending.timedOut = true
			if r.part == after {
				return
			}
			r.cancel(ctx)
		case end := <-r.commandEnded():
			r.conclude(ctx, end)
		case err := <-r.writer.done:
			r.writer.pending--
			if err != nil { // what the session does all the same is still worth seeing
				r.sayOnce(fmt.Sprintf("session %s could not be told: %v", r.created.Name, err))
			}
		}
	}
}

// step goes on as far as the session lets it, and tells whether all is over.
func (r *runner) step(ctx context.Context) (over bool) {
	r.look()
	session := r.ending.session
	switch {
	case session == nil:
		return false
	case r.ending.gone && r.part != running:
		return true
	case r.ending.gone:
		r.sayOnce(r.argv[0] + " no longer runs on what is quiesced: the session was deleted")
		return false
	}
	switch r.part {
	case before:
		if cannotBegin(session) {
			r.enter(ctx, after)
		} else if mayBegin(session) {
			r.begin(ctx)
		}
	case running:
		if why := lost(session); why != "" && r.ending.signal == 0 {
			r.sayOnce(r.argv[0] + " no longer runs on what is quiesced: " + why)
		}
	case after:
		return finished(session) && r.writer.pending == 0
	}
	return false
}

// look takes note of what the API server has, and tells of it.
func (r *runner) look() {
	r.ending.session, r.ending.gone = r.follower.session()
	if err := r.follower.unheard(); err != nil {
		r.sayOnce("the cluster cannot be reached at the moment, and is tried again: " + err.Error())
	}
	if r.part != running {
		r.tell(r.follower.runs())
	}
}

// settle tells of all hooks of a part that is over: that the session goes on may be heard before what became of the last of them.
func (r *runner) settle(ctx context.Context) {
	patience, done := context.WithTimeout(ctx, lastWord)
	defer done()
	r.look()
	if runs, err := r.follower.now(patience); err == nil && r.part != running {
		r.tell(runs)
	}
}

func (r *runner) tell(runs []v1alpha1.HookRun) {
	r.rows = rows(runs)
	shown := side(r.rows, r.part == after)
	for _, row := range shown {
		if row.ended() && !r.told[row.key()] {
			r.told[row.key()] = true
			r.teller.ended(row)
		}
	}
	session := r.ending.session
	if session == nil {
		return
	}
	phase, message := session.Status.Phase, session.Status.Message
	if phase != "" && (phase != r.phase || phase == v1alpha1.PhasePending && message != r.message) {
		r.phase, r.message = phase, message
		r.teller.phase(phase, message)
	}
	r.teller.show(shown, headOf(phase, message))
}

func (r *runner) sayOnce(sentence string) {
	if !r.told[sentence] {
		r.told[sentence] = true
		r.teller.say(sentence)
	}
}

// enter goes on to another part, for which there is --timeout anew; COMMAND takes as long as it takes.
func (r *runner) enter(ctx context.Context, next part) {
	r.settle(ctx)
	r.teller.hush()
	r.part = next
	r.deadline.Stop()
	if next != running {
		r.deadline.Reset(r.timeout)
	}
}

// begin runs COMMAND.
func (r *runner) begin(ctx context.Context) {
	r.enter(ctx, running)
	r.teller.say("quiesced: " + strings.Join(r.argv, " "))
	var err error
	if r.wrapped, err = start(r.options, r.streams, r.created); err != nil {
		r.ending.refused = err
		r.cancel(ctx)
	}
}

// commandEnded is nil, and so never ready, while COMMAND does not run.
func (r *runner) commandEnded() <-chan commandEnd {
	if r.wrapped == nil {
		return nil
	}
	return r.wrapped.ended
}

// conclude reports what became of COMMAND.
func (r *runner) conclude(ctx context.Context, end commandEnd) {
	if heard := r.pressed(end); heard != nil {
		r.hear(ctx, heard)
	}
	r.ending.command, r.wrapped = &end, nil
	r.enter(ctx, after)
	if r.ending.signal != 0 {
		return // it is cancelled already
	}
	outcome := v1alpha1.Failed
	if end.code == 0 {
		outcome = v1alpha1.Succeeded
	}
	r.teller.say(fmt.Sprintf("%s ended with exit code %d: hooks run after it", r.argv[0], end.code))
	r.writer.report(ctx, outcome)
}

// pressed is the signal by which COMMAND may have ended, nil for none. A terminal tells COMMAND and this program of Ctrl-C together, and
// COMMAND may be the faster.
func (r *runner) pressed(end commandEnd) os.Signal {
	select {
	case heard := <-r.signals:
		return heard
	default:
	}
	if r.interrupted || !r.wrapped.heardItself || end.code != exitSignal+int(syscall.SIGINT) {
		return nil
	}
	patience := time.NewTimer(lastWord)
	defer patience.Stop()
	select {
	case heard := <-r.signals:
		return heard
	case <-patience.C: // it was sent to COMMAND alone
		return nil
	}
}

// cancel asks for the session's end, and goes on to see it, unless COMMAND still runs.
func (r *runner) cancel(ctx context.Context) {
	r.writer.cancel(ctx)
	if r.wrapped == nil {
		r.enter(ctx, after)
	}
}

// hear takes a signal: the first cancels, a second one ends this program. It tells whether it does.
func (r *runner) hear(ctx context.Context, heard os.Signal) (over bool) {
	number, _ := heard.(syscall.Signal)
	if r.interrupted {
		r.ending.signal = int(number)
		r.leave()
		return true
	}
	r.interrupted = true
	if r.part == after { // there is nothing to cancel any more
		r.sayOnce(fmt.Sprintf("%s: hooks run that come after; once more leaves them to the controller", heard))
		return false
	}
	r.ending.signal = int(number)
	if r.wrapped != nil {
		r.wrapped.tell(heard)
	}
	r.sayOnce(fmt.Sprintf("%s: what is quiesced is being thawed; once more leaves that to the controller", heard))
	r.cancel(ctx)
	return false
}

// leave ends COMMAND, and waits a moment until the session is told.
func (r *runner) leave() {
	if r.wrapped != nil {
		r.wrapped.kill()
	}
	patience := time.NewTimer(lastWord)
	defer patience.Stop()
	for r.writer.pending > 0 {
		select {
		case err := <-r.writer.done:
			r.writer.pending--
			if err != nil {
				r.sayOnce(fmt.Sprintf("session %s could not be told: %v", r.created.Name, err))
			}
		case <-patience.C:
			r.sayOnce("the session could not be cancelled: the controller thaws when maxQuiesce has passed")
			return
		}
	}
}
