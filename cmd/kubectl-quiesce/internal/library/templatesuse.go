package library

import (
	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newTemplatesUse(frame *command.Frame) *cobra.Command {
	return newPolicyOf(frame, &cobra.Command{
		Use:   "use NAME --as POLICY",
		Short: "Write a policy that uses a template",
		Long: `Write a policy that uses a template.

The policy refers to the template, and follows its changes. It is for the pods that the template suggests, unless flags say
otherwise: each replaces that part of the suggestion.`,
		Example: `  # Have all PostgreSQL of opted-in namespaces write a checkpoint before a snapshot
  kubectl quiesce templates use postgresql --as postgres

  # For the pods of one namespace, with a user of its own: a team needs no more rights than edit
  kubectl quiesce templates use postgresql --as postgres -n shop --namespaced --param user=backup

  # With a password that a Secret has, for some pods of some namespaces
  kubectl quiesce templates use elasticsearch --as search --param-from-secret password=search/password -l app=search --include-namespace 'shop-*'

  # See what would be written, and what the API server says of it
  kubectl quiesce templates use postgresql --as postgres --dry-run=server -o yaml`,
	}, func(use *v1alpha1.HookPolicySpec, _ *v1alpha1.HookPolicySpec) v1alpha1.HookPolicySpec { return *use })
}

func newTemplatesClone(frame *command.Frame) *cobra.Command {
	return newPolicyOf(frame, &cobra.Command{
		Use:   "clone NAME --as POLICY",
		Short: "Write a policy of its own with the hooks of a template",
		Long: `Write a policy of its own with the hooks of a template.

The hooks stand in the policy, with params replaced and the text of scripts in their place, so that nobody's changes reach
it. Values of secret params stay in their Secrets.`,
		Example: `  # Have the hooks of a template in a policy of its own
  kubectl quiesce templates clone postgresql --as postgres --param user=backup

  # Change them before they are applied
  kubectl quiesce templates clone postgresql --as postgres --dry-run=client -o yaml > postgres.yaml

  # The same without a cluster, of the templates that come with this plugin
  kubectl quiesce templates clone postgresql --delivered --as postgres --dry-run=client -o yaml > postgres.yaml`,
	}, clone)
}

// clone is a policy that stands for itself: as resolved, but for what no policy may have beside the text of a script.
func clone(_, resolved *v1alpha1.HookPolicySpec) v1alpha1.HookPolicySpec {
	own := *resolved.DeepCopy()
	for i := range own.Hooks {
		if script := own.Hooks[i].Script; script != nil && script.Inline != "" {
			script.Name = ""
		}
	}
	return own
}
