// Command reference writes the page about kubectl quiesce: all commands, as their help has them, with what they really print.
//
//	go run ./cmd/kubectl-quiesce/internal/reference docs/cli.md
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/commands"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: reference FILE, and not %q", args)
	}
	text, err := page(tree())
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], []byte(text), 0o644)
}

func tree() *cobra.Command { return commands.New(genericiooptions.NewTestIOStreamsDiscard()) }
