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

var operations = []string{string(v1alpha1.OperationSnapshot), string(v1alpha1.OperationBackup), string(v1alpha1.OperationRestore)}

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

The hooks before the backup run first, in all pods. Then COMMAND runs, with its own input and output; its environment
has QUIESCE_SESSION, QUIESCE_NAMESPACE and QUIESCE_OPERATION. Its exit code is the outcome that the hooks after the
backup go by, which run then. Messages go to standard error; standard output is COMMAND's alone.

Ctrl-C, SIGTERM or SIGHUP cancels: COMMAND gets the signal, what was quiesced is thawed, and the hooks after the
backup run. A second one ends this program at once, and leaves the thaw to the controller. So does whatever else ends
this program: the controller thaws when maxQuiesce has passed.

COMMAND must be done before the policies' maxQuiesce has passed, 10 minutes by default; --max-quiesce can only shorten
it. A tool that takes a snapshot first, and copies it later, can have pods thawed in between, with operation Backup:
  kubectl -n "$QUIESCE_NAMESPACE" patch hooksession "$QUIESCE_SESSION" --type merge -p '{"spec":{"outcomes":{"snapshot":"Succeeded"}}}'
The session takes COMMAND for failed when it has not ended within a day.

Exit codes:
  0          COMMAND succeeded, and so did the hooks
  121        hooks before the backup failed, or the session was refused: COMMAND was not run
  122        COMMAND succeeded, but hooks failed, or pods were not quiesced all the while
  124        the hooks before the backup were not done within --timeout: COMMAND was not run
  125        something else is wrong: the command line, no cluster, no rights, a name that there is not
  126, 127   COMMAND cannot be run, or there is no such program: no pod was touched
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
	flags.StringArrayVar(&o.policies, "policy", nil, "Policy to use; can be repeated. Without it, all that select pods of the namespace.")
	command.SelectorFlag(flags, &o.selector, "Pods", "app=postgres")
	flags.StringVar(&o.operation, "operation", string(v1alpha1.OperationBackup), "What COMMAND does: Snapshot, Backup or Restore.")
	command.Choice(c, &o.dataSource, "from", "", "What there is already. Without it Live, and Backup for a Restore.",
		string(v1alpha1.SourceLive), string(v1alpha1.SourceSnapshot), string(v1alpha1.SourceBackup))
	flags.StringVar(&o.name, "name", "", "Name of the session. Without it, one made of COMMAND's.")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "How long to wait for the hooks before COMMAND, and again for those after it.")
	flags.DurationVar(&o.maxQuiesce, "max-quiesce", 0, "Longest time for which pods may be quiesced, 1s to 24h. It can only shorten that of the policies.")
	command.Choice(c, &o.output, "output", "o", "A JSON line on standard error for everything that happens.", "json")
	command.CompleteFlag(c, "policy", frame.CompletePolicies)
	command.CompleteFlag(c, "operation", cobra.FixedCompletions(operations, cobra.ShellCompDirectiveNoFileComp))
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return asQuiesce(command.FlagError(c, err), o.output, frame.ErrOut)
	})
	return c
}

// complete checks the command line, before anything is touched.
func (o *options) complete(c *cobra.Command, frame *command.Frame, args []string) error {
	if len(args) == 0 {
		return command.UsageErrorf(c, "no COMMAND: write it after --, such as kubectl quiesce run -n shop -- restic backup /data")
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
		return command.UsageErrorf(c, "%w", err)
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
	return nil
}

// noProgram is said before a pod is touched.
func noProgram(name string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return &command.ExitError{Code: exitNotFound, Err: fmt.Errorf("there is no program %q: no session was begun, and nothing was quiesced", name)}
	}
	return &command.ExitError{Code: exitCannotRun, Err: fmt.Errorf("%q cannot be run: %w. No session was begun, and nothing was quiesced", name, err)}
}

// asQuiesce gives errors the exit codes of this command, since 1 and 2 may be COMMAND's, and tells machines of those that came before a session.
func asQuiesce(err error, output string, errOut io.Writer) error {
	var exit *command.ExitError
	if !errors.As(err, &exit) {
		if err == nil {
			return nil
		}
		exit = &command.ExitError{Code: exitQuiesce, Err: err}
	}
	if exit.Code == command.ExitUsage {
		exit = &command.ExitError{Code: exitQuiesce, Err: exit.Err}
	}
	if output == "json" && exit.Err != nil {
		newTeller(&options{output: output}, errOut).end(summary{Code: exit.Code, Reason: reasonRefused, Message: command.Sentence(exit.Err)})
		return &command.ExitError{Code: exit.Code}
	}
	return exit
}
