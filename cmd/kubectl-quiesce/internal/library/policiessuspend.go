package library

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/match"
)

// direction is which way policies are switched.
type direction struct {
	verb, participle    string // suspend, suspended
	suspend             bool
	short, long, sample string
}

var (
	suspending = direction{
		verb: "suspend", participle: "suspended", suspend: true,
		short: "Switch policies off, without deleting them",
		long: `Switch policies off, without deleting them: their hooks are taken off the pods that carry them, and run in no new session.

It takes the right to write policies and nothing else. Sessions that have begun go on as they were, and thaw what they have
quiesced. A policy that is suspended already stays so.`,
		sample: `  # Suspend a policy
  kubectl quiesce policies suspend postgres

  # Suspend a NamespacedHookPolicy, where there is a HookPolicy of its name as well
  kubectl quiesce policies suspend -n shop nhp/postgres

  # In an emergency: suspend every policy of the cluster
  kubectl quiesce policies suspend --all -A --yes`,
	}
	resuming = direction{
		verb: "resume", participle: "resumed",
		short: "Switch policies on again",
		long: `Switch policies on again: their hooks come back to the pods.

To resume a policy is to write it, so that its author's rights are checked, and the author is then who resumed it.`,
		sample: `  # Resume a policy
  kubectl quiesce policies resume postgres

  # Resume those with a label
  kubectl quiesce policies resume -A -l team=storage`,
	}
)

// choice is which policies a command line means.
type choice struct {
	all, allNamespaces, namespaced, yes bool
	selector                            string
	run                                 command.DryRun
}

func newPoliciesSwitch(frame *command.Frame, d direction) *cobra.Command {
	var which choice
	c := &cobra.Command{
		Use:               d.verb + " (NAME... | -l SELECTOR | --all)",
		Short:             d.short,
		Long:              d.long,
		Example:           d.sample,
		ValidArgsFunction: frame.CompletePolicies,
		RunE:              func(c *cobra.Command, args []string) error { return d.run(c, frame, &which, args) },
	}
	c.Flags().BoolVar(&which.all, "all", false, "All HookPolicies, and all NamespacedHookPolicies of the namespace.")
	command.AllNamespacesFlag(c.Flags(), &which.allNamespaces, "With --all or --selector: NamespacedHookPolicies")
	c.Flags().BoolVar(&which.namespaced, "namespaced", false, "NamespacedHookPolicies only.")
	c.Flags().BoolVarP(&which.yes, "yes", "y", false, "With --all: do not ask for confirmation.")
	command.SelectorFlag(c.Flags(), &which.selector, "Policies", "team=storage")
	command.DryRunFlag(c, &which.run, dryRunUsage)
	return c
}

func (w *choice) check(c *cobra.Command, args []string) error {
	switch {
	case w.all && len(args) > 0, w.selector != "" && len(args) > 0, w.all && w.selector != "":
		return command.UsageErrorf(c, "write names of policies, --selector or --all, one of the three")
	case !w.all && w.selector == "" && len(args) == 0:
		return command.UsageErrorf(c, "write names of policies, or --selector, or --all")
	case w.allNamespaces && len(args) > 0:
		return command.UsageErrorf(c, "names are of one namespace: leave -A out, and write -n with it")
	}
	return nil
}

func (d *direction) run(c *cobra.Command, frame *command.Frame, which *choice, args []string) error {
	if err := which.check(c, args); err != nil {
		return err
	}
	cluster, err := frame.Client()
	if err != nil {
		return err
	}
	namespace, err := frame.Namespace()
	if err != nil {
		return err
	}
	if len(args) > 0 {
		return flipEach(c.Context(), frame, cluster, d, which, args, func(argument string) (policy, error) {
			return findPolicy(c.Context(), cluster, namespace, argument, which.namespaced)
		})
	}
	if which.allNamespaces {
		namespace = ""
	}
	found, err := findPolicies(c, frame, namespace, which.selector, which.namespaced)
	if err != nil {
		return err
	}
	if len(found.read) == 0 {
		fmt.Fprintln(frame.ErrOut, "No resources found")
		return nil
	}
	if which.all && !which.yes && which.run == command.DryRunNone {
		if err := d.confirm(c, frame, namespace, found.read); err != nil {
			return err
		}
	}
	return flipEach(c.Context(), frame, cluster, d, which, found.read, func(p policy) (policy, error) { return p, nil })
}

// flipEach switches policies, and then tells of open sessions that run hooks of those suspended: they go on by their own record all the same,
// and in an emergency nothing is to wait for them.
func flipEach[T any](ctx context.Context, frame *command.Frame, cluster client.Client, d *direction, which *choice, things []T, find func(T) (policy, error)) error {
	var switched []match.Ref
	err := each(frame, things, func(thing T) error {
		p, err := find(thing)
		if err != nil {
			return err
		}
		changed, err := d.flip(ctx, frame, cluster, which, p)
		if changed {
			switched = append(switched, p.Ref)
		}
		return err
	})
	if d.suspend {
		warnOfSessions(ctx, frame, cluster, switched)
	}
	return err
}

// flip switches one policy, and tells whether it did. One that is as it is to be is left alone.
func (d *direction) flip(ctx context.Context, frame *command.Frame, cluster client.Client, which *choice, p policy) (bool, error) {
	if p.spec.Suspend == d.suspend {
		fmt.Fprintf(frame.Out, "%s %s already\n", namedWithNamespace(p), d.state())
		return false, nil
	}
	if which.run != command.DryRunClient {
		var options []client.PatchOption
		if which.run == command.DryRunServer {
			options = append(options, client.DryRunAll)
		}
		patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"suspend":%t}}`, d.suspend))
		pods := *p.status
		if err := cluster.Patch(ctx, p.object, patch, options...); err != nil {
			return false, err
		}
		p.status = &pods
	}
	fmt.Fprintf(frame.Out, "%s %s%s\n", namedWithNamespace(p), which.run.Said(d.participle), d.affected(p))
	return true, nil
}

// state is how a policy is that is left alone.
func (d *direction) state() string {
	if d.suspend {
		return "is suspended"
	}
	return "is in use"
}

// affected is which pods a policy has hooks for. While it is suspended nobody has counted.
func (d *direction) affected(p policy) string {
	if !d.suspend {
		return ": see which pods it matches by " + listCommand(p.Ref)
	}
	return fmt.Sprintf(": its hooks are taken off %s, of %d that it matches", pods(p.status.StampedPods), p.status.MatchedPods)
}

func pods(count int32) string {
	if count == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", count)
}

func namedWithNamespace(p policy) string {
	if p.Namespace == "" {
		return named(p.object)
	}
	return named(p.object) + " in namespace " + p.Namespace
}

// question is what is asked before all policies are switched.
func (d *direction) question(namespace string, all []policy) string {
	var (
		clustered, namespaced int
		stamped               int32
	)
	for _, p := range all {
		if p.spec.Suspend == d.suspend {
			continue
		}
		if p.Namespace == "" {
			clustered++
		} else {
			namespaced++
		}
		stamped += p.status.StampedPods
	}
	where := "of all namespaces"
	if namespace != "" {
		where = "of namespace " + namespace
	}
	text := fmt.Sprintf("This will %s %d HookPolicies of the cluster, and %d NamespacedHookPolicies %s", d.verb, clustered, namespaced, where)
	if d.suspend {
		text += "; their hooks are taken off " + pods(stamped)
	}
	return text + ". Go on?"
}

func (d *direction) confirm(c *cobra.Command, frame *command.Frame, namespace string, all []policy) error {
	if !slices.ContainsFunc(all, func(p policy) bool { return p.spec.Suspend != d.suspend }) {
		return nil
	}
	return frame.Confirm(c, d.question(namespace, all))
}
