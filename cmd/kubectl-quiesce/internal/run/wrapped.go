package run

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// wrapped is COMMAND, running.
type wrapped struct {
	process *exec.Cmd
	ended   chan commandEnd
	// heardItself: the terminal sends Ctrl-C to all of its foreground, COMMAND included.
	heardItself bool
}

// start runs COMMAND in the foreground, with the streams of this program.
func start(o *options, streams genericiooptions.IOStreams, session *v1alpha1.HookSession) (*wrapped, error) {
	process := exec.Command(o.path, o.argv[1:]...) //nolint:noctx // a second signal ends it, and nothing else
	process.Args[0] = o.argv[0]
	process.Stdin, process.Stdout, process.Stderr = streams.In, streams.Out, streams.ErrOut
	process.Env = append(os.Environ(), "QUIESCE_SESSION="+session.Name, "QUIESCE_NAMESPACE="+session.Namespace, "QUIESCE_OPERATION="+o.operation)
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("%q cannot be run: %w", o.argv[0], err)
	}
	w := &wrapped{process: process, ended: make(chan commandEnd, 1), heardItself: inForeground()}
	go func() { w.ended <- commandEnd{code: codeOf(process.Wait())} }()
	return w, nil
}

// tell hands a signal on. Of the terminal's Ctrl-C COMMAND has heard already.
func (w *wrapped) tell(signal os.Signal) {
	if signal != os.Interrupt || !w.heardItself {
		_ = w.process.Process.Signal(signal)
	}
}

// kill ends COMMAND, so that no backup goes on for which nobody answers.
func (w *wrapped) kill() { _ = w.process.Process.Kill() }

// codeOf is the exit code as shells have it: 128 and the number of a signal.
func codeOf(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return exitCannotRun // its output could not be copied
	}
	if status, is := exit.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return exitSignal + int(status.Signal())
	}
	return exit.ExitCode()
}
