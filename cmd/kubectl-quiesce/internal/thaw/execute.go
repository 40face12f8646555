package thaw

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// thaw does what was planned. All sessions are cancelled before anything is waited for.
func (t *thaw) thaw(ctx context.Context, all []place) error {
	left := make([]int, len(all)) // what could not be done, in each
	for i, one := range all {
		left[i] = t.cancel(ctx, one)
	}
	cancelled := time.Now()
	var failures []error
	for i, one := range all {
		if t.allNamespaces {
			fmt.Fprintf(t.Out, "Namespace %s\n", one.plan.namespace)
		}
		failures = append(failures, t.place(ctx, one, left[i], cancelled))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// cancel tells the controllers of all sessions; it returns how many could not be told.
func (t *thaw) cancel(ctx context.Context, one place) (left int) {
	for _, s := range one.plan.sessions {
		if !s.cancels || ctx.Err() != nil {
			continue
		}
		if err := cancel(ctx, one.reader, s.Session); err != nil {
			t.complain(err)
			fmt.Fprintf(t.ErrOut, "session %s goes on, and may quiesce pods anew: what it has quiesced is thawed from here\n", s.Session.Name)
			s.uncancelled = true
			left++
		}
	}
	return left
}

func (t *thaw) complain(err error) { fmt.Fprintln(t.ErrOut, terminal.Escape(command.Sentence(err))) }

// place thaws a namespace in which so much is left already.
func (t *thaw) place(ctx context.Context, one place, left int, cancelled time.Time) error {
	r, p := one.reader, one.plan
	do := &performer{reader: r, containers: r.containers, results: newResults(t.Out)}
	each(p.stamped, func(pod *stampedPod) { do.stamped(ctx, pod, cancelled.Add(t.timeout)) })
	for _, s := range p.sessions {
		if ctx.Err() != nil {
			break
		}
		open, err := t.session(ctx, r, do, s, cancelled)
		if err != nil {
			t.complain(err)
			left++
		}
		left += open
	}
	do.steps(ctx, p.forced)
	if forced := manual(p.forced); len(forced) > 0 {
		writeManual(t.Out, forced)
		left += len(forced)
	}
	if ctx.Err() == nil {
		left += t.begunSince(ctx, one)
	}
	switch {
	case do.results.err != nil:
		return do.results.err
	case ctx.Err() != nil:
		return errors.New("ended before everything was thawed: run this again")
	case left+do.results.failed > 0 || len(p.unknown) > 0:
		return &command.ExitError{Code: command.ExitFailure, Err: fmt.Errorf("not everything is thawed in namespace %s: see above", p.namespace)}
	}
	fmt.Fprintf(t.ErrOut, "Everything is thawed %s.\n", r.scope.within("in namespace "+p.namespace))
	return nil
}

// begunSince tells of sessions that nobody was asked about, since they have begun later; it returns how many there are.
func (t *thaw) begunSince(ctx context.Context, one place) int {
	later, err := one.reader.later(ctx, one.plan, time.Now())
	if err != nil {
		t.complain(fmt.Errorf("whether another session has begun meanwhile is not known: %w", err))
		return 1
	}
	for _, s := range later {
		fmt.Fprintf(t.ErrOut, "session %s has begun meanwhile, and was let be: run this again to thaw it too\n", s.Session.Name)
	}
	return len(later)
}

// session has a session thawed, by its controller if that answers, and else from here; it returns how many steps are left to be done by hand.
func (t *thaw) session(ctx context.Context, r *reader, do *performer, s *theSession, cancelled time.Time) (left int, err error) {
	name := s.Session.Name
	if s.cancels && !s.uncancelled {
		givenUp := await(ctx, r, s.Session, cancelled, t.timeout)
		if givenUp == "" {
			fmt.Fprintf(t.Out, "session %s: cancelled, and thawed by its controller after %s\n", name, terminal.Duration(time.Since(cancelled)))
			return 0, nil
		}
		fmt.Fprintf(t.ErrOut, "session %s: %s\n", name, givenUp)
	}
	read, err := r.record(ctx, s.Session)
	if err != nil {
		return 0, err
	}
	todo := steps(&read, r.wanted, time.Now())
	do.steps(ctx, todo)
	if open := manual(todo); len(open) > 0 {
		fmt.Fprintf(t.Out, "Of session %s this is left to you:\n", name)
		writeManual(t.Out, open)
		return len(open), nil
	}
	return 0, nil
}
