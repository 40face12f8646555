package activity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// cancel is the command of this name.
type cancel struct {
	*command.Frame

	all, allNamespaces, wait, yes bool
	dryRun                        command.DryRun
	timeout                       time.Duration
}

// NewCancel returns the command that cancels sessions.
func NewCancel(frame *command.Frame) *cobra.Command {
	k := &cancel{Frame: frame}
	c := &cobra.Command{
		Use:   "cancel (NAME... | --all)",
		Short: "Cancel sessions: what they have quiesced is thawed",
		Long: `Cancel sessions. The controller thaws what they have quiesced. A backup that a session is for must not begin any more;
one that runs will not be consistent. A Backup or Restore of Velero that is held for a session is refused.

A session that is cancelled already, or is over, is left as it is. Where no controller answers, use kubectl quiesce
thaw.`,
		Example: `  # Cancel a session, and wait until everything is thawed
  kubectl quiesce cancel nightly-42 -n shop --wait

  # Cancel all sessions of a namespace that are not over
  kubectl quiesce cancel --all -n shop

  # See which sessions of the cluster would be cancelled
  kubectl quiesce cancel --all -A --dry-run=server`,
		RunE:              func(c *cobra.Command, args []string) error { return k.run(c, args) },
		ValidArgsFunction: frame.CompleteSessions,
	}
	flags := c.Flags()
	flags.BoolVar(&k.all, "all", false, "All sessions of the namespace that are not over.")
	command.AllNamespacesFlag(flags, &k.allNamespaces, "With --all, sessions")
	flags.BoolVarP(&k.yes, "yes", "y", false, "Do not ask before all sessions are cancelled.")
	command.DryRunFlag(c, &k.dryRun, "With client, print which sessions would be cancelled, and cancel none. With server, also ask the API server whether it would accept that.")
	flags.BoolVar(&k.wait, "wait", false, "Wait until everything is thawed, and print for how long it was quiesced.")
	flags.DurationVar(&k.timeout, "timeout", 5*time.Minute, "How long --wait waits.")
	return c
}

// check tells of flags that make no sense together.
func (k *cancel) check(c *cobra.Command, args []string) error {
	switch {
	case k.all == (len(args) > 0):
		return command.UsageErrorf(c, "write names of sessions, or --all")
	case k.allNamespaces && !k.all:
		return command.UsageErrorf(c, "names are of one namespace: leave -A out, and write -n with it, or write --all")
	case k.wait && k.dryRun.Dry():
		return command.UsageErrorf(c, "in a dry run there is nothing to wait for: leave --wait out, or --dry-run")
	case c.Flags().Changed("timeout") && !k.wait:
		return command.UsageErrorf(c, "--timeout is for --wait: write both")
	}
	return nil
}

func (k *cancel) run(c *cobra.Command, args []string) error {
	if err := k.check(c, args); err != nil {
		return err
	}
	names, err := command.Sessions.NamesOf(args)
	if err != nil {
		return command.UsageErrorf(c, "%w", err)
	}
	namespace := ""
	if !k.allNamespaces {
		if namespace, err = k.Namespace(); err != nil {
			return err
		}
	}
	cluster, err := k.Client()
	if err != nil {
		return err
	}
	if !k.all {
		ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		chosen, failures := named(ctx, cluster, namespace, names)
		return errors.Join(append(failures, k.each(ctx, cluster, chosen))...)
	}
	open, err := unfinished(c.Context(), cluster, namespace)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		where := ""
		if namespace != "" {
			where = " in " + namespace + " namespace"
		}
		fmt.Fprintf(k.ErrOut, "No sessions%s that are not over.\n", where)
		return nil
	}
	if err := k.confirm(c, namespace, open); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return k.each(ctx, cluster, open)
}

// named are the sessions of these names. Of one that there is not there is an error, which keeps nobody from the others.
func named(ctx context.Context, cluster client.Client, namespace string, names []string) (chosen []*v1alpha1.HookSession, failures []error) {
	for _, name := range names {
		session, err := get(ctx, cluster, namespace, name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		chosen = append(chosen, session)
	}
	return chosen, failures
}

// unfinished are the sessions of a namespace, or of all for "", that are not over.
func unfinished(ctx context.Context, cluster client.Client, namespace string) ([]*v1alpha1.HookSession, error) {
	var open []*v1alpha1.HookSession
	_, err := eachPage(ctx, cluster, func(page *v1alpha1.HookSessionList) {
		for i := range page.Items {
			if !page.Items[i].Status.Phase.Finished() {
				open = append(open, &page.Items[i])
			}
		}
	}, client.InNamespace(namespace))
	return open, err
}

// confirm asks before all sessions are cancelled, if any is that is not yet.
func (k *cancel) confirm(c *cobra.Command, namespace string, open []*v1alpha1.HookSession) error {
	open = slices.DeleteFunc(slices.Clone(open), func(session *v1alpha1.HookSession) bool { return session.Spec.Cancel })
	if k.yes || k.dryRun.Dry() || len(open) == 0 {
		return nil
	}
	if err := k.list(namespace, open); err != nil {
		return err
	}
	return k.Confirm(c, "Backups that they are for will not be consistent. Go on?")
}

func (k *cancel) list(namespace string, open []*v1alpha1.HookSession) error {
	where := "all namespaces"
	if namespace != "" {
		where = "namespace " + namespace
	}
	fmt.Fprintf(k.ErrOut, "These sessions of %s will be cancelled:\n", where)
	columns := layout{namespaces: namespace == ""}
	out := printers.GetNewTabWriter(k.ErrOut)
	printRow(out, columns.header())
	for _, session := range open {
		printRow(out, columns.row(session, time.Now()))
	}
	return out.Flush()
}

// each cancels sessions, and waits for their thaw where that is asked for.
func (k *cancel) each(ctx context.Context, cluster client.Client, chosen []*v1alpha1.HookSession) error {
	var (
		failures []error
		waiting  []*v1alpha1.HookSession
	)
	for _, session := range chosen {
		cancelled, err := k.cancel(ctx, cluster, session)
		if err != nil {
			failures = append(failures, err)
		} else if cancelled {
			waiting = append(waiting, session)
		}
		if ctx.Err() != nil {
			return errors.Join(append(failures, errors.New("interrupted before all were cancelled: run this again"))...)
		}
	}
	if k.wait {
		limited, end := context.WithTimeout(ctx, k.timeout)
		defer end()
		for _, session := range waiting {
			failures = append(failures, k.await(limited, cluster, session))
		}
	}
	return errors.Join(failures...)
}

// name is how a session is told of.
func (k *cancel) name(session *v1alpha1.HookSession) string {
	if k.allNamespaces {
		return fmt.Sprintf("hooksession/%s in namespace %s", session.Name, session.Namespace)
	}
	return "hooksession/" + session.Name
}

// cancel cancels a session, says so, and tells whether there is a thaw to wait for.
func (k *cancel) cancel(ctx context.Context, cluster client.Client, session *v1alpha1.HookSession) (waits bool, err error) {
	name := k.name(session)
	switch phase := phaseOf(session); {
	case phase.Finished():
		fmt.Fprintf(k.Out, "%s is over already: %s\n", name, phase)
		return false, nil
	case session.Spec.Cancel:
		fmt.Fprintf(k.Out, "%s was cancelled already\n", name)
		return true, nil
	}
	if k.dryRun != command.DryRunClient {
		var options []client.PatchOption
		if k.dryRun == command.DryRunServer {
			options = append(options, client.DryRunAll)
		}
		if err := cluster.Patch(ctx, session, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"cancel":true}}`)), options...); err != nil {
			return false, fmt.Errorf("cancelling %s: %w", name, err)
		}
	}
	fmt.Fprintf(k.Out, "%s %s\n", name, k.dryRun.Said("cancelled"))
	if source := session.Spec.Velero; source != nil && source.Held && session.Status.BegunAt == nil {
		then := "was held for it, and is refused now: create another one"
		if k.dryRun.Dry() {
			then = "is held for it, and would be refused"
		}
		fmt.Fprintf(k.ErrOut, "%s %s/%s %s\n", source.Kind, source.Namespace, source.Name, then)
	}
	return true, nil
}
