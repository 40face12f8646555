// Package commands puts the plugin's commands together.
package commands

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/activity"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/convert"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/doctor"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/explain"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/library"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/lint"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/preview"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/run"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/thaw"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/version"
)

// New returns the whole command tree of kubectl quiesce.
func New(streams genericiooptions.IOStreams) *cobra.Command {
	root, frame := command.NewRoot(streams)
	// In the order in which people meet them.
	root.AddCommand(run.New(frame), explain.New(frame), preview.New(frame), lint.New(frame))
	root.AddCommand(activity.New(frame)...)
	root.AddCommand(thaw.New(frame))
	root.AddCommand(library.NewScripts(frame), library.NewTemplates(frame), library.NewPolicies(frame))
	root.AddCommand(convert.New(frame), doctor.New(frame), version.New(frame))
	command.AddCompletion(root, frame)
	command.AddHelp(root)
	return root
}
