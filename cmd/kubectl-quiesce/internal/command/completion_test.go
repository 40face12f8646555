package command

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestTheProgramThatCompletesIsPrinted(t *testing.T) {
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	root, frame := NewRoot(streams)
	root.AddCommand(&cobra.Command{Use: "run", Run: func(*cobra.Command, []string) {}})
	AddCompletion(root, frame)
	root.SetArgs([]string{"completion", "kubectl"})
	require.NoError(t, root.Execute())
	assert.Equal(t, CompletionProgram, out.String())
	assert.Contains(t, out.String(), "\nexec kubectl-quiesce __complete \"$@\"\n")
}

func TestAWarningIsPrintedOnce(t *testing.T) {
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	_, frame := NewRoot(streams)
	frame.Warn("mind this")
	frame.Warn("mind this")
	frame.warningHandler().HandleWarningHeader(299, "-", "mind this") // the API server's
	assert.Equal(t, "Warning: mind this\n", errOut.String())
}

func TestOnlyTheFirstArgumentIsCompleted(t *testing.T) {
	completion := First(cobra.FixedCompletions([]string{"a"}, cobra.ShellCompDirectiveNoFileComp))
	first, _ := completion(nil, nil, "")
	second, directive := completion(nil, []string{"a"}, "")
	assert.Equal(t, []string{"a"}, first)
	assert.Empty(t, second)
	assert.Equal(t, cobra.ShellCompDirectiveNoFileComp, directive)
}
