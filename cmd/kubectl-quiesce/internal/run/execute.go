package run

import (
	"context"
	"os/signal"
	"time"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
)

// unanswered is after how long a session that nobody has taken up is worth a word.
const unanswered = 15 * time.Second

// execute runs the whole. Its error has the exit code; what there was to say has been said by then, or is in it.
func execute(ctx context.Context, frame *command.Frame, o *options) error {
	cluster, err := frame.Client()
	if err != nil {
		return err
	}
	if err := preflight(ctx, cluster, o); err != nil {
		return err
	}
	// From here on a signal must not end this program before the session is there to be cancelled.
	signals := listen()
	defer signal.Stop(signals)
	session, err := create(ctx, cluster, newSession(o))
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(ctx)
	defer stop()
	r := &runner{
		options: o, streams: frame.IOStreams, teller: newTeller(o, frame.ErrOut), signals: signals, created: session,
		follower: follow(following, cluster, session), writer: newWriter(cluster, session), told: map[string]bool{},
	}
	r.run(following)
	s := summarise(o, session.Name, r.ending, r.rows)
	r.teller.end(s)
	if s.Code == 0 {
		return nil
	}
	return &command.ExitError{Code: s.Code}
}
