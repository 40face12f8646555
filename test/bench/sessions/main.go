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
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/test/bench/place"
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
type bench struct{ *place.Place }

func run(ctx context.Context, running, simulated int) error {
	cluster, err := place.Open(ctx, []string{"--kwok"})
	if err != nil {
		return err
	}
	b := &bench{cluster}
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
