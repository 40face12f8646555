// Command demo shows the main job of Quiesce on real parts: from a bare machine to a backup by Velero that was taken
// while the application stood still, and to the proof that it did. `make demo` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo has failed: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	down := flag.Bool("down", false, "take down what the demo has left: its cluster and its filesystem")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *down {
		return takeDown(ctx)
	}
	return tell(ctx)
}
