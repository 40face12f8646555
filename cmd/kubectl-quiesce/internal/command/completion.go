package command

import (
	_ "embed"
	"io"

	"github.com/spf13/cobra"
)

// CompletionProgram is what kubectl runs to complete `kubectl quiesce`: an executable of the name kubectl_complete-quiesce in PATH
// (k8s.io/kubectl: pkg/cmd/plugin/plugin_completion.go).
//
//go:embed kubectl_complete-quiesce
var CompletionProgram string

// AddCompletion adds `completion` to a root that has all its other commands: cobra's own for shells, which completes the program's own
// name, and one for kubectl, which completes the plugin's.
func AddCompletion(root *cobra.Command, frame *Frame) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil || completion == root {
		return // cobra has none for a root without commands
	}
	Group(completion, &cobra.Command{
		Use:   "kubectl",
		Short: "Print the program by which kubectl completes kubectl quiesce",
		Long: `Print the program by which kubectl completes kubectl quiesce.

kubectl runs it wherever its own completion is set up (kubectl completion --help). It has to be in PATH as
kubectl_complete-quiesce. Archives of releases have it beside the plugin.`,
		Example: `  # Complete kubectl quiesce
  kubectl quiesce completion kubectl > ~/.local/bin/kubectl_complete-quiesce
  chmod +x ~/.local/bin/kubectl_complete-quiesce`,
		Args:              None(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(frame.Out, CompletionProgram)
			return err
		},
	})
}
