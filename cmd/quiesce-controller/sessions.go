package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
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
	requestHosts  string
	jobAccounts   bool
}

func (o *sessionOptions) bindFlags(flags *flag.FlagSet) {
	flags.IntVar(&o.hooksAtOnce, "hooks-at-once", 32, "how many hooks of sessions run at once before a snapshot, and as many that thaw")
	flags.DurationVar(&o.ttl, "session-ttl", 7*24*time.Hour, "time after which a finished session is deleted that says nothing of it itself")
	flags.BoolVar(&o.keepOutput, "keep-output", true, "keep the end of what a failed hook has written, in its HookRun")
	flags.StringVar(&o.requestHosts, "request-hosts", "", "hosts, IPs and CIDRs, separated by commas, to which http and tcp hooks may go beside pods: example.com, *.example.com, 192.0.2.0/24, each with :port or without")
	flags.BoolVar(&o.jobAccounts, "job-service-accounts", false, "let Jobs of hooks run under ServiceAccounts that their templates name, with their tokens")
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
	jobs, err := action.NewJobs(mgr.GetConfig(), action.JobOptions{ServiceAccounts: options.sessions.jobAccounts})
	if err != nil {
		return nil, err
	}
	addresses := &action.ClusterAddresses{Live: mgr.GetAPIReader(), Config: mgr.GetConfig()}
	secrets := action.Secrets{Live: mgr.GetAPIReader(), Account: options.scope.Own + ":quiesce-controller"}
	sender, err := action.NewSender(action.SenderOptions{Hosts: words(options.sessions.requestHosts), Refused: addresses.Prefixes})
	if err != nil {
		return nil, fmt.Errorf("--request-hosts: %w", err)
	}
	means := perform.Means{
		Containers: perform.OfCluster(executor),
		Sender:     sender,
		Jobs:       jobs,
		Secrets:    secrets,
	}
	sessions := &session.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Policies: loader, Scope: options.scope, Witness: pods,
		Performer: perform.New(means, perform.Options{AtOnce: options.sessions.hooksAtOnce, KeepOutput: options.sessions.keepOutput}),
		Secrets:   secrets,
		Teller:    &tell.Teller{Recorder: mgr.GetEventRecorder("quiesce-controller")},
		Options:   session.Options{TTL: options.sessions.ttl},
	}
	if err := (tell.Gauges{Sessions: sessions.Open}).Register(); err != nil {
		return nil, err
	}
	if err := sessions.SetupWithManager(mgr); err != nil {
		return nil, err
	}
	return sessions, nil
}

// words are those of a list with commas.
func words(list string) []string {
	var words []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
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
