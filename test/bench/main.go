// Command bench measures what a change of policy costs on a cluster of ten thousand pods: how long until all carry it, held
// against the rate limit, and what memory and CPU time the controller took. The API server, the webhook and the controller
// are real; the pods and their nodes are simulated by kwok. `make bench-scale` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/test/bench/process"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

func main() {
	pods := flag.Int("pods", 10_000, "how many pods to stamp")
	rate := flag.Int("rate", 100, "stamps a second that the controller is allowed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log.SetLogger(logr.Discard())
	err := run(ctx, *pods, *rate)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, pods, rate int) (err error) {
	repository, err := walkthrough.Repository()
	if err != nil {
		return err
	}
	cluster := walkthrough.Cluster{Repository: repository, Progress: os.Stderr}
	if err := cluster.Up(ctx, "--kwok"); err != nil {
		return err
	}
	if err := cluster.Load(ctx, "quiesce"); err != nil {
		return err
	}
	terminal, err := walkthrough.OpenTerminal(ctx, cluster, nil)
	if err != nil {
		return err
	}
	if err := walkthrough.Install(ctx, terminal, fmt.Sprintf("controller.stampsPerSecond=%d", rate)); err != nil {
		return err
	}
	api, err := walkthrough.Connect(ctx, cluster)
	if err != nil {
		return err
	}
	s := scale{api: api, pods: pods}
	if err := s.remove(ctx); err != nil {
		return fmt.Errorf("removing what an interrupted run has left: %w", err)
	}
	defer func() {
		if removeErr := s.remove(context.WithoutCancel(ctx)); err == nil {
			err = removeErr
		}
	}()
	if err := s.create(ctx); err != nil {
		return err
	}
	controller, err := process.Controller()
	if err != nil {
		return err
	}
	before, err := controller.Usage()
	if err != nil {
		return err
	}
	for _, change := range []struct {
		what string
		make func(context.Context) error
		done condition
	}{
		{"an edit of the policy", s.edit, carriesEdit},
		{"its suspension", s.suspend, bare},
	} {
		took, err := s.measure(ctx, change.make, change.done)
		if err != nil {
			return fmt.Errorf("%s: %w", change.what, err)
		}
		least := time.Duration(pods) * time.Second / time.Duration(rate)
		fmt.Printf("%-22s reached %d pods in %6.1f s; at %d a second no less than %.1f s: %.2f times\n",
			change.what, pods, took.Seconds(), rate, least.Seconds(), took.Seconds()/least.Seconds())
	}
	after, err := controller.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("the controller: %d MiB of memory at most, %.0f s of CPU time for these changes\n", after.Peak>>20, (after.CPU - before.CPU).Seconds())
	return nil
}
