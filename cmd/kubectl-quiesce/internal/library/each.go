package library

import (
	"fmt"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
)

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
