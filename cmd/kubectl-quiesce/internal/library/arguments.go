package library

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
)

// one is for a command with one argument.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return command.UsageErrorf(c, "write %s: there are %d arguments, and it takes one", what, len(args))
		}
		return nil
	}
}

// atLeastOne is for a command with one argument or more.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return command.UsageErrorf(c, "write %s", what)
		}
		return nil
	}
}

// each does something for all of some things. What fails for one of them does not keep it from the others.
func each[T any](frame *command.Frame, things []T, do func(T) error) error {
	if len(things) == 1 {
		return do(things[0])
	}
	failed := false
	for _, thing := range things {
		if err := do(thing); err != nil {
			failed = true
			fmt.Fprintf(frame.ErrOut, "error: %s\n", command.Sentence(err))
		}
	}
	if failed {
		return &command.ExitError{Code: command.ExitFailure}
	}
	return nil
}
