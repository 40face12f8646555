// Command kubectl-quiesce is the plugin of kubectl by which people use Quiesce: `kubectl quiesce`.
package main

import (
	"os"
	"runtime/debug"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/commands"
)

// gcPercent is for commands, most of which end within a second: to collect garbage as often as a server does was a third of preview's work.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	os.Exit(command.Execute(commands.New(streams), streams, os.Args[1:]))
}
