// Package thaw is the way out of an emergency: it thaws what is quiesced in a namespace, whether or not Quiesce is well.
package thaw

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/action"
)

// thaw is the command of this name.
type thaw struct {
	*command.Frame

	selector           string
	policies           []string
	timeout            time.Duration
	yes, dryRun, force bool
}

// New returns the command that thaws a namespace.
func New(frame *command.Frame) *cobra.Command {
	t := &thaw{Frame: frame}
	c := &cobra.Command{
		Use:   "thaw [pod/NAME...]",
		Short: "Thaw what is quiesced in a namespace, now, whether or not Quiesce is well",
		Long: `Thaw what is quiesced in a namespace, now, whether or not Quiesce is well. Backups that run there will not be consistent.

First it says what it is going to run, and where, and asks. Then
 1. sessions that may have quiesced something are cancelled, and their controller has --timeout to thaw it: one that
    does not answer within 5 seconds is taken for dead;
 2. stamped pods in which the watchdog of a backup waits are thawed by the hooks of their policies, and the watchdog is ended;
 3. what sessions have quiesced and no controller has thawed is thawed from here, by the record of the session: processes
    that its hooks may have left behind are ended, and so is what a hold holds; then the hooks that undo what was attempted
    are run, in their order, and the watchdogs ended.

Commands and scripts are run with your own rights: you need create on pods/exec, as for kubectl exec. What only the controller
can run (requests and Jobs) is listed, with what to do instead. Running this twice, or while a controller thaws as well, runs
hooks that thaw twice, which they have to bear: sessions do so too.

In pods of which nothing says that they are quiesced, nothing is run: a hook that thaws may do harm where nothing is frozen.
--force runs the post hooks of all stamped pods, and those of all policies that select pods of the namespace.

The exit code is 0 only if all is thawed.`,
		Example: `  # See what would be run, and where
  kubectl quiesce thaw -n shop --dry-run

  # Thaw the namespace
  kubectl quiesce thaw -n shop

  # One pod, without a question
  kubectl quiesce thaw pod/db-0 -n shop --yes`,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // what runs is let run to its end, unless it is said twice
			return t.run(ctx, c, args)
		},
		ValidArgsFunction: t.complete,
	}
	flags := c.Flags()
	flags.StringVarP(&t.selector, "selector", "l", "", "Only pods with these labels")
	flags.StringSliceVar(&t.policies, "policy", nil, "Only what the HookPolicies or NamespacedHookPolicies with these names have quiesced; of what is stamped, all of a pod")
	flags.DurationVar(&t.timeout, "timeout", 30*time.Second, "How long the controller has to thaw what sessions have quiesced, before it is done from here")
	flags.BoolVarP(&t.yes, "yes", "y", false, "Do not ask")
	flags.BoolVar(&t.dryRun, "dry-run", false, "Say what would be run, and where, and change nothing")
	flags.BoolVar(&t.force, "force", false, "Also run the hooks that thaw in pods of which nothing says that they are quiesced")
	return c
}

func (t *thaw) run(ctx context.Context, c *cobra.Command, args []string) error {
	s, err := t.scope(args)
	if err != nil {
		return command.UsageErrorf(c, "%w", err)
	}
	namespace, err := t.Namespace()
	if err != nil {
		return err
	}
	cluster, err := t.Client()
	if err != nil {
		return err
	}
	config, err := t.REST()
	if err != nil {
		return err
	}
	containers, err := action.New(config, cluster)
	if err != nil {
		return err
	}
	r := &reader{Client: cluster, containers: containers, namespace: namespace, scope: s, force: t.force, timeout: t.timeout}
	p, err := r.plan(ctx, time.Now())
	if err != nil {
		return err
	}
	if err := p.show(t.Out, time.Now()); err != nil {
		return err
	}
	if p.empty() {
		if len(p.unknown) > 0 {
			return &command.ExitError{Code: command.ExitFailure, Err: errors.New("nothing else is quiesced, but of some pods it is not known: see above")}
		}
		fmt.Fprintf(t.ErrOut, "Nothing is quiesced in namespace %s.\n", namespace)
		return nil
	}
	if t.dryRun {
		return nil
	}
	if err := t.confirm(c); err != nil {
		return err
	}
	return t.thaw(ctx, r, p)
}

// scope reads what is meant.
func (t *thaw) scope(args []string) (scope, error) {
	s := scope{policies: t.policies}
	for _, arg := range args {
		kind, name, typed := strings.Cut(arg, "/")
		switch {
		case !typed:
			return s, fmt.Errorf("%q: write pod/%s", arg, arg)
		case kind != "pod" && kind != "pods" && kind != "po" || name == "":
			return s, fmt.Errorf("%q: only pods can be thawed: write pod/NAME", arg)
		}
		s.pods = append(s.pods, name)
	}
	selector, err := labels.Parse(t.selector)
	if err != nil {
		return s, fmt.Errorf("-l %s: %w", t.selector, err)
	}
	s.selector = selector
	return s, nil
}

// confirm asks whether to go on.
func (t *thaw) confirm(c *cobra.Command) error {
	if t.yes {
		return nil
	}
	in, is := t.In.(*os.File)
	if !is || !term.IsTerminal(int(in.Fd())) {
		return command.UsageErrorf(c, "nothing was changed, since there is no terminal to ask on: write --yes to have this done")
	}
	fmt.Fprint(t.ErrOut, "Go on? [y/N] ")
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return &command.ExitError{Code: command.ExitFailure, Err: errors.New("nothing was changed")}
	}
	return nil
}

// thaw does what was planned.
func (t *thaw) thaw(ctx context.Context, r *reader, p *thawPlan) error {
	do := &performer{reader: r, containers: r.containers, results: newResults(t.Out)}
	left := 0 // what could not be done
	for _, s := range p.sessions {
		if !s.cancels {
			continue
		}
		if err := cancel(ctx, r, s.Session); err != nil {
			fmt.Fprintf(t.ErrOut, "%s\n", command.Sentence(err))
			left++ // its controller may quiesce pods anew
		}
	}
	cancelled := time.Now()
	each(p.stamped, func(pod *stampedPod) { do.stamped(ctx, pod, cancelled.Add(t.timeout)) })
	for _, s := range p.sessions {
		open, err := t.session(ctx, r, do, s, cancelled)
		if err != nil {
			fmt.Fprintf(t.ErrOut, "%s\n", command.Sentence(err))
			left++
		}
		left += open
	}
	do.steps(ctx, p.forced)
	if forced := manual(p.forced); len(forced) > 0 {
		writeManual(t.Out, forced)
		left += len(forced)
	}
	switch {
	case do.results.err != nil:
		return do.results.err
	case ctx.Err() != nil:
		return errors.New("ended before everything was thawed: run this again")
	case left+do.results.failed > 0 || len(p.unknown) > 0:
		return &command.ExitError{Code: command.ExitFailure, Err: fmt.Errorf("not everything is thawed in namespace %s: see above", p.namespace)}
	}
	fmt.Fprintf(t.ErrOut, "Everything is thawed in namespace %s.\n", p.namespace)
	return nil
}

// session has a session thawed, by its controller if that answers, and else from here; it returns how many steps are left to be done by hand.
func (t *thaw) session(ctx context.Context, r *reader, do *performer, s *theSession, cancelled time.Time) (left int, err error) {
	name := s.Session.Name
	if s.cancels {
		givenUp := await(ctx, r, s.Session, cancelled, t.timeout)
		if givenUp == "" {
			fmt.Fprintf(t.Out, "session %s: cancelled, and thawed by its controller after %s\n", name, time.Since(cancelled).Round(10*time.Millisecond))
			return 0, nil
		}
		fmt.Fprintf(t.ErrOut, "session %s: %s\n", name, givenUp)
	}
	read, err := r.record(ctx, s.Session)
	if err != nil {
		return 0, err
	}
	todo := steps(&read, r.wanted, time.Now())
	do.steps(ctx, todo)
	if open := manual(todo); len(open) > 0 {
		fmt.Fprintf(t.Out, "Of session %s this is left to you:\n", name)
		writeManual(t.Out, open)
		return len(open), nil
	}
	return 0, nil
}

func (t *thaw) complete(c *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	namespace, err := t.Namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	cluster, err := t.Client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var pods corev1.PodList
	if err := cluster.List(c.Context(), &pods, client.InNamespace(namespace)); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var found []cobra.Completion
	for i := range pods.Items {
		if name := "pod/" + pods.Items[i].Name; strings.HasPrefix(name, toComplete) && !slices.Contains(args, name) {
			found = append(found, name)
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
