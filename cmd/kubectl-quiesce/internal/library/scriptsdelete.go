package library

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newScriptsDelete(frame *command.Frame) *cobra.Command {
	var run command.DryRun
	c := &cobra.Command{
		Use:     "delete NAME...",
		Aliases: []string{"rm"},
		Short:   "Delete scripts that nobody uses",
		Long: `Delete scripts that nobody uses.

One that is used is not deleted, and its users are named. Policies that are suspended count as well.`,
		Example: `  # Delete a script
  kubectl quiesce scripts delete verify-db

  # See whether it could be deleted
  kubectl quiesce scripts delete verify-db --dry-run=server`,
		Args:              command.AtLeastOne("the NAME of a script"),
		ValidArgsFunction: frame.CompleteScripts,
		RunE: func(c *cobra.Command, args []string) error {
			names, err := command.Scripts.NamesOf(args)
			if err != nil {
				return command.UsageErrorf(c, "%w", err)
			}
			cluster, err := frame.Client()
			if err != nil {
				return err
			}
			return each(frame, names, func(name string) error { return deleteScript(c.Context(), frame, cluster, name, run) })
		},
	}
	command.DryRunFlag(c, &run, dryRunUsage)
	return c
}

func deleteScript(ctx context.Context, frame *command.Frame, cluster client.Client, name string, run command.DryRun) error {
	script := &v1alpha1.HookScript{}
	if err := get(ctx, cluster, name, script); err != nil {
		return err
	}
	if run != command.DryRunClient {
		// That one which was read, and no other that has come under its name.
		options := []client.DeleteOption{client.Preconditions{UID: &script.UID}}
		if run == command.DryRunServer {
			options = append(options, client.DryRunAll)
		}
		err := cluster.Delete(ctx, script, options...)
		if client.IgnoreNotFound(err) != nil {
			if apierrors.IsConflict(err) && script.Status.Uses > 0 {
				fmt.Fprintf(frame.ErrOut, "HookScript %q is used by\n", name)
				listUsers(frame, &script.Status.Usage)
			}
			return err
		}
	}
	fmt.Fprintln(frame.Out, named(script), run.Said("deleted"))
	return nil
}
