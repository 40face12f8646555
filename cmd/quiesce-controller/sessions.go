package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session"
	"github.com/quiesce-io/quiesce/hooks/session/perform"
	"github.com/quiesce-io/quiesce/hooks/session/tell"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
)

// sessionOptions are those of HookSessions.
type sessionOptions struct {
	hooksAtOnce   int
	ttl           time.Duration
	keepOutput    bool
	handoverLimit time.Duration
}

func (o *sessionOptions) bindFlags(flags *flag.FlagSet) {
	flags.IntVar(&o.hooksAtOnce, "hooks-at-once", 32, "how many hooks of sessions run at once before a snapshot, and as many that thaw")
	flags.DurationVar(&o.ttl, "session-ttl", 7*24*time.Hour, "time after which a finished session is deleted that says nothing of it itself")
	flags.BoolVar(&o.keepOutput, "keep-output", true, "keep the end of what a failed hook has written, in its HookRun")
	flags.DurationVar(&o.handoverLimit, "handover-limit", time.Minute, "how long to wait at the end for holds to be released")
}

func (o *sessionOptions) check() error {
	switch {
	case o.hooksAtOnce < 1 || o.hooksAtOnce > 1000:
		return fmt.Errorf("--hooks-at-once: got %d, write 1 to 1000", o.hooksAtOnce)
	case o.ttl < 0:
		return fmt.Errorf("--session-ttl: got %s, write 0s or more", o.ttl)
	case o.handoverLimit < 0:
		return fmt.Errorf("--handover-limit: got %s, write 0s or more", o.handoverLimit)
	}
	return nil
}

// addSessions adds what takes HookSessions through their hooks.
func addSessions(mgr manager.Manager, loader *policies.Loader, options options) (*session.Reconciler, error) {
	executor, err := action.New(mgr.GetConfig(), mgr.GetAPIReader())
	if err != nil {
		return nil, err
	}
	pods, err := witness.New(mgr.GetConfig())
	if err != nil {
		return nil, err
	}
	sessions := &session.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Policies: loader, Scope: options.scope, Witness: pods,
		Performer: perform.New(perform.OfCluster(executor), perform.Options{
			AtOnce: options.sessions.hooksAtOnce, KeepOutput: options.sessions.keepOutput,
		}),
		Teller:  &tell.Teller{Recorder: mgr.GetEventRecorder("quiesce-controller")},
		Options: session.Options{TTL: options.sessions.ttl},
	}
	if err := (tell.Gauges{Sessions: sessions.Open}).Register(); err != nil {
		return nil, err
	}
	if err := sessions.SetupWithManager(mgr); err != nil {
		return nil, err
	}
	return sessions, nil
}

// handedOver is a context that ends after another, once no hold is open any more or the limit has passed: a controller that is told
// to end stays the leader until then.
func handedOver(told context.Context, sessions *session.Reconciler, limit time.Duration) context.Context {
	ending, end := context.WithCancel(context.WithoutCancel(told))
	go func() {
		defer end()
		<-told.Done()
		waiting, stop := context.WithTimeout(ending, limit)
		defer stop()
		if err := sessions.Drain(waiting); err != nil {
			ctrl.Log.Info("Ending with holds open: what they lock is unlocked, and their sessions are not consistent", "reason", err.Error())
		}
	}()
	return ending
}
