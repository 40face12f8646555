// Command velero measures how long an application of many pods is quiesced for a backup by Velero: by hooks that Velero runs itself, pod by
// pod, as they are stamped on the pods, and by a session that quiesces all of them while Velero waits. `make bench-velero` runs it.
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

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/bench/place"
)

func main() {
	pods := flag.Int("pods", 50, "how many pods, each with a hook before its backup and one after it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log.SetLogger(logr.Discard())
	err := run(ctx, *pods)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// manner is a way for hooks to come to a backup.
type manner struct {
	name string
	mode v1alpha1.VeleroMode
	// inOneBlock has Velero quiesce all pods before it backs the first of them up, by spec.orderedResources.
	inOneBlock bool
}

var manners = []manner{
	{"Stamp", v1alpha1.VeleroStamp, false},
	{"Stamp, the pods in one block", v1alpha1.VeleroStamp, true},
	{"Session", v1alpha1.VeleroSession, false},
}

func run(ctx context.Context, pods int) error {
	cluster, err := place.Open(ctx, nil)
	if err != nil {
		return err
	}
	b := &bench{cluster, pods}
	for _, hook := range []time.Duration{0, time.Second} {
		fmt.Printf("%d pods, hooks that take %s:\n\n", pods, hook)
		fmt.Println("| | the stage before | all quiesced at once for | from the first freeze to the last thaw | one pod, on average | the backup | quiesced to Velero's start |")
		fmt.Println("|---|---|---|---|---|---|---|")
		for _, manner := range manners {
			measured, err := b.measure(ctx, manner, hook)
			if err != nil {
				return fmt.Errorf("%s: %w", manner.name, err)
			}
			fmt.Printf("| %s | %s\n", manner.name, measured)
		}
		fmt.Println()
	}
	return nil
}
