package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/optional"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session"
	"github.com/quiesce-io/quiesce/hooks/signal"
	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
	"github.com/quiesce-io/quiesce/hooks/sweep"
)

// signalOptions are those of what accompanies Velero's Backups.
type signalOptions struct{ signal.Options }

func (o *signalOptions) bindFlags(flags *flag.FlagSet) {
	flags.BoolVar(&o.Gate, "velero-gate", true, "have Velero's Backups wait until sessions have quiesced their pods; false lets go those that wait")
	flags.IntVar(&o.ConcurrentBackups, "velero-concurrent-backups", 1, "how many backups Velero runs at once, as in velero server --concurrent-backups")
	flags.DurationVar(&o.StartGrace, "velero-start-grace", 15*time.Second,
		"how long Velero has to begin a Backup whose pods are quiesced; then they are thawed, and the Backup waits again")
}

func (o *signalOptions) check() error {
	switch {
	case o.ConcurrentBackups < 1:
		return fmt.Errorf("--velero-concurrent-backups: got %d, write 1 or more", o.ConcurrentBackups)
	case o.StartGrace < time.Second:
		return fmt.Errorf("--velero-start-grace: got %s, write 1s or more", o.StartGrace)
	}
	return nil
}

// addSignals adds what has sessions accompany Velero's Backups, and what thaws behind those that went wrong.
func addSignals(mgr manager.Manager, loader *policies.Loader, sessions *session.Reconciler, options options) error {
	served, objects, err := optional.Clients(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return err
	}
	signals := &signal.Controller{
		Client: mgr.GetClient(), Cache: mgr.GetCache(), Live: mgr.GetAPIReader(), Served: served, Objects: objects,
		Policies: loader, Scope: options.scope, Recorder: mgr.GetEventRecorder("quiesce-controller"), Options: options.signals.Options,
	}
	executor, err := action.New(mgr.GetConfig(), mgr.GetAPIReader())
	if err != nil {
		return err
	}
	sweeper := sweep.New(sweep.Options{
		Pods: keeper.Stamped{Cache: mgr.GetCache()}, Policies: loader, Containers: executor, Scope: options.scope,
		Others: signals.Running, Claimed: sessions.Claimed, Recorder: mgr.GetEventRecorder("quiesce-controller"), AtOnce: options.sessions.hooksAtOnce,
	})
	signals.Sweeper = sweeper
	return errors.Join(signals.SetupWithManager(mgr), mgr.Add(sweeper), metrics.Registry.Register(signals))
}
