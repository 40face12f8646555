// Package thaw is the way out of an emergency: it thaws what is quiesced in a namespace, whether or not Quiesce is well.
package thaw

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
)

// thaw is the command of this name.
type thaw struct {
	*command.Frame

	selector                  string
	policies                  []string
	timeout                   time.Duration
	yes, force, allNamespaces bool
	dryRun                    command.DryRun
}

// New returns the command that thaws a namespace.
func New(frame *command.Frame) *cobra.Command {
	t := &thaw{Frame: frame}
	c := &cobra.Command{
		Use:   "thaw [pod/NAME...]",
		Short: "Thaw what is quiesced in a namespace, now, whether or not Quiesce is well",
		Long: `Thaw what is quiesced in a namespace, now, whether or not Quiesce is well. Backups that run there will not be
consistent.

First it prints what it is going to run, and where, and asks. Then
 1. sessions that may have quiesced something are cancelled, and their controller has --timeout to thaw it: a
    controller that does not answer within 5 seconds is taken for dead;
 2. stamped pods in which the watchdog of a backup waits are thawed by the hooks of their policies, and the watchdog
    is ended;
 3. what sessions have quiesced and no controller has thawed is thawed from here, by the record of the session:
    processes that its hooks may have left behind are ended, holds among them; then the hooks that undo what was
    attempted are run, in their order, and the watchdogs ended, unless a policy that you leave out still needs them.

Commands and scripts are run with your own rights: you need create on pods/exec, as for kubectl exec. Requests and
Jobs, which only the controller can run, are listed, with what to do instead. Running this twice, or while a
controller thaws as well, runs thaw hooks twice, which they must tolerate: sessions do so too.

In pods that do not look quiesced, nothing is run: a hook that thaws may do harm where nothing is frozen. --force runs
the post hooks of all stamped pods, and those of all policies that select pods of the namespace.

The exit code is 0 only if all that was asked for is thawed.`,
		Example: `  # See what would be run, and where
  kubectl quiesce thaw -n shop --dry-run

  # Thaw the namespace
  kubectl quiesce thaw -n shop

  # Thaw one pod, without a question
  kubectl quiesce thaw pod/db-0 -n shop --yes

  # Thaw whatever is quiesced in the cluster
  kubectl quiesce thaw -A`,
		RunE:              func(c *cobra.Command, args []string) error { return t.run(c, args) },
		ValidArgsFunction: completePods(frame),
	}
	flags := c.Flags()
	command.AllNamespacesFlag(flags, &t.allNamespaces, "Sessions and pods")
	command.SelectorFlag(flags, &t.selector, "Pods", "app=postgres")
	flags.StringSliceVar(&t.policies, "policy", nil,
		"HookPolicy or NamespacedHookPolicy of which to thaw what it has quiesced; can be repeated. Stamped pods are thawed wholly. Without it, all policies.")
	flags.DurationVar(&t.timeout, "timeout", 30*time.Second, "How long the controller has to thaw what sessions have quiesced, before it is thawed from here.")
	flags.BoolVarP(&t.yes, "yes", "y", false, "Do not ask before anything is run.")
	command.DryRunFlag(c, &t.dryRun, "With client or server, print what would be run, and where, and change nothing.")
	flags.BoolVar(&t.force, "force", false, "Also run the hooks that thaw in pods that do not look quiesced.")
	command.CompleteFlag(c, "policy", frame.CompletePolicies)
	return c
}

// run plans, asks, and thaws. Ctrl-C ends it at once before it has begun to thaw, and then lets what runs come to its end.
func (t *thaw) run(c *cobra.Command, args []string) error {
	s, err := t.scope(args)
	if err != nil {
		return command.UsageErrorf(c, "%w", err)
	}
	all, err := t.plan(c.Context(), s)
	if err != nil {
		return err
	}
	for _, one := range all {
		if t.allNamespaces {
			fmt.Fprintf(t.Out, "Namespace %s\n\n", one.plan.namespace)
		}
		if err := one.plan.show(t.Out, time.Now()); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(all, func(one place) bool { return !one.plan.empty() }) {
		return t.nothing(s, all)
	}
	if t.dryRun.Dry() {
		return nil
	}
	if !t.yes {
		if err := t.Confirm(c, "Go on?"); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // what runs is let run to its end, unless it is said twice
	return t.thaw(ctx, all)
}

// nothing says that nothing is quiesced, as far as it is known.
func (t *thaw) nothing(s scope, all []place) error {
	if slices.ContainsFunc(all, func(one place) bool { return len(one.plan.unknown) > 0 }) {
		return &command.ExitError{Code: command.ExitFailure, Err: errors.New("nothing else is quiesced, but of some pods it is not known: see above")}
	}
	if t.allNamespaces {
		fmt.Fprintf(t.ErrOut, "Nothing is quiesced %s.\n", s.within("in any namespace"))
		return nil
	}
	for _, one := range all {
		fmt.Fprintf(t.ErrOut, "Nothing is quiesced %s.\n", s.within("in namespace "+one.plan.namespace))
	}
	return nil
}

// scope reads what is meant.
func (t *thaw) scope(args []string) (scope, error) {
	s := scope{}
	for _, arg := range args {
		if !strings.Contains(arg, "/") {
			return s, fmt.Errorf("%q: write pod/%s", arg, arg)
		}
		name, err := command.Pods.NameOf(arg)
		if err != nil {
			return s, fmt.Errorf("%q: only pods can be thawed: write pod/NAME", arg)
		}
		s.pods = append(s.pods, name)
	}
	switch {
	case t.allNamespaces && len(args) > 0:
		return s, errors.New("pods are of one namespace: leave -A out, and write -n with it")
	case t.allNamespaces && t.force:
		return s, errors.New("--force is for one namespace: leave -A out, and write -n with it")
	}
	for _, policy := range t.policies {
		s.policies = append(s.policies, command.PolicyName(policy))
	}
	var err error
	s.selector, err = command.Selector(t.selector)
	return s, err
}

// completePods completes pods as pod/NAME.
func completePods(frame *command.Frame) cobra.CompletionFunc {
	const prefix = "pod/"
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		name, is := strings.CutPrefix(typed, prefix)
		if !is && !strings.HasPrefix(prefix, typed) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if !is {
			name = ""
		}
		there := make([]string, len(args))
		for i, arg := range args {
			there[i] = strings.TrimPrefix(arg, prefix)
		}
		offered, directive := frame.CompletePods(c, there, name)
		for i := range offered {
			offered[i] = prefix + offered[i]
		}
		return offered, directive
	}
}
