// Package run wraps any backup command in a HookSession.
package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// options are what the command line says.
type options struct {
	policies   []string
	selector   string
	operation  string
	dataSource string
	name       string
	timeout    time.Duration
	maxQuiesce time.Duration
	output     string

	namespace string
	argv      []string
	path      string // of the program
	narrowed  *v1alpha1.LabelSelector
}

const long = `Run a backup command while the pods of a namespace are quiesced.

The hooks of before the backup run first, in all pods. Then COMMAND runs, with its own input and output; its environment
has QUIESCE_SESSION, QUIESCE_NAMESPACE and QUIESCE_OPERATION. Its exit code is the outcome by which the hooks of after the
backup are judged, which run then. Talk goes to the error stream; standard output is COMMAND's alone.

Ctrl-C, SIGTERM or SIGHUP cancels: COMMAND gets the signal, what was quiesced is thawed, and the hooks of after the backup run. A
second one ends this program at once, and leaves the thaw to the controller. So does whatever else ends this program: the
controller thaws when maxQuiesce has passed.

COMMAND must be done before the policies' maxQuiesce has passed, 10 minutes by default; --max-quiesce can only shorten it. A tool that takes
a snapshot first, and copies it later, can have pods thawed in between, with operation Backup:
  kubectl -n "$QUIESCE_NAMESPACE" patch hooksession "$QUIESCE_SESSION" --type merge -p '{"spec":{"outcomes":{"snapshot":"Succeeded"}}}'
The session takes COMMAND for failed when it has not ended within a day.

Exit codes:
  0          COMMAND succeeded, and so did the hooks
  121        hooks of before the backup failed, or the session was refused: COMMAND was not run
  122        COMMAND succeeded, but hooks failed, or pods were not quiesced all the while
  124        the hooks of before were not done within --timeout: COMMAND was not run
  125        something else is wrong: no cluster, no rights, a name that there is not
  126, 127   COMMAND cannot be run, or there is none: no pod was touched
  128+N      signal N asked for the end
  otherwise  COMMAND's own, when it failed`

const example = `  # A copy of a database's volume by a tool that knows nothing of databases
  kubectl quiesce run -n shop -- restic backup /mnt/volumes/shop

  # Only the pods of one application, by one policy, quiesced for 2 minutes at most
  kubectl quiesce run -n shop -l app=postgres --policy postgres --max-quiesce 2m -- ./take-snapshot.sh

  # Bring data back, with the hooks of restores around it
  kubectl quiesce run -n shop --operation Restore --from Backup -- ./restore.sh

  # For machines: a JSON line for everything that happens, and for how it ended
  kubectl quiesce run -n shop -o json -- ./back-up.sh 2>events.jsonl`

// New returns the command.
func New(frame *command.Frame) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:     "run [-n NAMESPACE] [flags] -- COMMAND [ARGS...]",
		Short:   "Run a backup command while pods are quiesced",
		Long:    long,
		Example: example,
		RunE: func(c *cobra.Command, args []string) error {
			err := o.complete(c, frame, args)
			if err == nil {
				err = execute(c.Context(), frame, &o)
			}
			return asQuiesce(err, o.output, frame.ErrOut)
		},
	}
	flags := c.Flags()
	flags.SetInterspersed(false)
	flags.StringArrayVar(&o.policies, "policy", nil, "policy to be used; can be repeated. Default: all that select pods of the namespace")
	flags.StringVarP(&o.selector, "selector", "l", "", "label selector that narrows the pods, such as app=postgres")
	flags.StringVar(&o.operation, "operation", string(v1alpha1.OperationBackup), "what COMMAND does: Snapshot, Backup or Restore")
	flags.StringVar(&o.dataSource, "from", "", "what there is already: Live, Snapshot or Backup. Default: Live, and Backup for a Restore")
	flags.StringVar(&o.name, "name", "", "name of the session. Default: one made of COMMAND's")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long to wait for the hooks before COMMAND, and again for those after it")
	flags.DurationVar(&o.maxQuiesce, "max-quiesce", 0, "longest time for which pods may be quiesced, 1s to 24h. It can only shorten that of the policies")
	flags.StringVarP(&o.output, "output", "o", "", "json: a JSON line on the error stream for everything that happens")
	return c
}

// complete checks the command line, before anything is touched.
func (o *options) complete(c *cobra.Command, frame *command.Frame, args []string) error {
	if len(args) == 0 {
		return command.UsageErrorf(c, "no COMMAND: write it after --, such as kubectl quiesce run -n shop -- restic backup /data")
	}
	if o.output != "" && o.output != "json" {
		return command.UsageErrorf(c, "--output %q: write json, or leave it out", o.output)
	}
	if o.timeout <= 0 {
		return command.UsageErrorf(c, "--timeout %s: write a duration such as 10m", o.timeout)
	}
	if o.maxQuiesce != 0 && (o.maxQuiesce < time.Second || o.maxQuiesce > 24*time.Hour) {
		return command.UsageErrorf(c, "--max-quiesce %s: write a duration of 1s to 24h", o.maxQuiesce)
	}
	if err := o.checkOperation(c); err != nil {
		return err
	}
	if problems := validation.IsDNS1123Subdomain(o.name); o.name != "" && len(problems) > 0 {
		return command.UsageErrorf(c, "--name %q: %s", o.name, problems[0])
	}
	var err error
	if o.narrowed, err = selectorOf(o.selector); err != nil {
		return command.UsageErrorf(c, "--selector %q: %v", o.selector, err)
	}
	o.argv = args
	if o.path, err = exec.LookPath(args[0]); err != nil {
		return noProgram(args[0], err)
	}
	o.namespace, err = frame.Namespace()
	return err
}

// checkOperation takes those in which one command is the whole of it. A clone is two sessions.
func (o *options) checkOperation(c *cobra.Command) error {
	switch v1alpha1.Operation(o.operation) {
	case v1alpha1.OperationSnapshot, v1alpha1.OperationBackup:
	case v1alpha1.OperationRestore:
		if o.dataSource == "" {
			o.dataSource = string(v1alpha1.SourceBackup)
		}
	case v1alpha1.OperationClone, v1alpha1.OperationReplicate:
		return command.UsageErrorf(c, "--operation %s: it takes two sessions, one where the data is and one where it goes: wrap its backup in Snapshot or Backup, "+
			"and what brings the copy up in Restore", o.operation)
	default:
		return command.UsageErrorf(c, "--operation %q: write Snapshot, Backup or Restore", o.operation)
	}
	switch v1alpha1.DataSource(o.dataSource) {
	case "", v1alpha1.SourceLive, v1alpha1.SourceSnapshot, v1alpha1.SourceBackup:
		return nil
	}
	return command.UsageErrorf(c, "--from %q: write Live, Snapshot or Backup", o.dataSource)
}

// noProgram is said before a pod is touched.
func noProgram(name string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return &command.ExitError{Code: exitNotFound, Err: fmt.Errorf("there is no program %q: no session was begun, and nothing was quiesced", name)}
	}
	return &command.ExitError{Code: exitCannotRun, Err: fmt.Errorf("%q cannot be run: %w. No session was begun, and nothing was quiesced", name, err)}
}

// asQuiesce gives errors that have no exit code of their own that of this command, and tells machines of those that came before a session.
func asQuiesce(err error, output string, errOut io.Writer) error {
	var exit *command.ExitError
	if !errors.As(err, &exit) {
		if err == nil {
			return nil
		}
		exit = &command.ExitError{Code: exitQuiesce, Err: err}
	}
	if output == "json" && exit.Err != nil {
		newTeller(&options{output: output}, errOut).end(summary{Code: exit.Code, Reason: reasonRefused, Message: command.Sentence(exit.Err)})
		return &command.ExitError{Code: exit.Code}
	}
	return exit
}
