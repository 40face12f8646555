// Package command is the frame that all commands of the plugin share: the flags that kubectl's users know, the way to the
// cluster, and errors as sentences that say what to do.
package command

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
)

// Frame is what a command works with. A command gets it when it is made, and asks it for the cluster when it runs.
type Frame struct {
	genericiooptions.IOStreams
	// Flags are kubectl's own for reaching a cluster: --kubeconfig, --context, --namespace, --as and so on.
	Flags *genericclioptions.ConfigFlags

	warnings rest.WarningHandler
}

// NewRoot returns the command without subcommands, and the frame for them.
func NewRoot(streams genericiooptions.IOStreams) (*cobra.Command, *Frame) {
	// Help and docs/cli.md have commands in the order in which they are added.
	cobra.EnableCommandSorting = false
	frame := &Frame{IOStreams: streams, Flags: genericclioptions.NewConfigFlags(true)}
	root := &cobra.Command{
		Use:   "kubectl-quiesce",
		Short: "Application-consistent backups and restores, whatever tool takes them",
		Long: `Application-consistent backups and restores, whatever tool takes them.

Wrap a backup command in hooks, see why a hook runs or does not, try a policy before it touches a pod, and thaw what is
quiesced. Everything is done with your own kubeconfig and rights.`,
		// How kubectl shows its plugins in usage lines.
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl quiesce"},
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	Group(root)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.SetUsageTemplate(usage)
	root.SetFlagErrorFunc(FlagError)
	frame.Flags.AddFlags(root.PersistentFlags())
	frame.completeFlags(root)
	return root, frame
}
