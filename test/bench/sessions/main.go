// Command sessions measures what a HookSession costs. On real pods: how long a stage takes beside the same commands by a bare
// parallel client and one after another, and how long pods are quiesced beside their slowest pair of hooks. On pods that kwok
// simulates, as many as are asked for: the largest object, what is written, and the controller's memory. `make bench-sessions` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

func main() {
	running := flag.Int("real", 100, "how many real pods")
	simulated := flag.Int("simulated", 5_000, "how many simulated ones, each with a hook on either side")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log.SetLogger(logr.Discard())
	err := run(ctx, *running, *simulated)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bench is what all measurements use.
type bench struct {
	api      client.WithWatch
	config   *rest.Config
	executor *action.Executor
}

func run(ctx context.Context, running, simulated int) error {
	repository, err := walkthrough.Repository()
	if err != nil {
		return err
	}
	cluster := walkthrough.Cluster{Repository: repository, Progress: os.Stderr}
	if err := cluster.Up(ctx, "--kwok"); err != nil {
		return err
	}
	if err := cluster.Load(ctx, "busybox", "quiesce"); err != nil {
		return err
	}
	terminal, err := walkthrough.OpenTerminal(ctx, cluster, nil)
	if err != nil {
		return err
	}
	// On a machine that is busy, pods get what they have asked for: the bare client, which is no pod, would be ahead otherwise.
	if err := walkthrough.Install(ctx, terminal, "controller.resources.requests.cpu=700m"); err != nil {
		return err
	}
	api, err := walkthrough.Connect(ctx, cluster)
	if err != nil {
		return err
	}
	config, err := walkthrough.Config(ctx, cluster)
	if err != nil {
		return err
	}
	executor, err := action.New(config, api)
	if err != nil {
		return err
	}
	b := &bench{api, config, executor}
	if running > 0 {
		if err := b.measureReal(ctx, running); err != nil {
			return err
		}
	}
	if simulated > 0 {
		return b.measureSimulated(ctx, simulated)
	}
	return nil
}
