package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// Exit codes of all commands but run, which has more: see its own page.
const (
	ExitOK      = 0
	ExitFailure = 1
	// ExitUsage is for a command line that makes no sense, as in most programs.
	ExitUsage = 2
)

// ExitError ends the program with a code of its own. Without Err nothing is printed: whoever returns it has said all.
type ExitError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap implements errors.Unwrap.
func (e *ExitError) Unwrap() error { return e.Err }

func usageError(c *cobra.Command, err error) error {
	return &ExitError{Code: ExitUsage, Err: fmt.Errorf("%w\nSee '%s --help'", err, c.CommandPath())}
}

// UsageErrorf is the error for arguments that make no sense together, with a pointer to the command's help.
func UsageErrorf(c *cobra.Command, format string, args ...any) error {
	return usageError(c, fmt.Errorf(format, args...))
}

// Execute runs the command tree on a command line and returns the program's exit code. Errors are printed as sentences.
func Execute(root *cobra.Command, streams genericiooptions.IOStreams, args []string) int {
	// What libraries log is not for the person at the terminal: what matters of it comes back as errors.
	klog.SetLogger(logr.Discard())
	log.SetLogger(logr.Discard())
	args, err := takeLeading(root, args)
	if err == nil {
		root.SetArgs(args)
		err = root.Execute()
	}
	if err == nil {
		return ExitOK
	}
	var exit *ExitError
	if errors.As(err, &exit) && exit.Err == nil {
		return exit.Code
	}
	for _, sentence := range sentences(err) {
		fmt.Fprintf(streams.ErrOut, "error: %s\n", terminal.Escape(strings.TrimSpace(sentence)))
	}
	if exit != nil {
		return exit.Code
	}
	return ExitFailure
}
