package command

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestOnlyAYesIsOne(t *testing.T) {
	for answer, yes := range map[string]bool{"y\n": true, "Yes\n": true, "\tyes": true, "\n": false, "": false, "n\n": false, "yesterday\n": false} {
		streams, in, _, errOut := genericiooptions.NewTestIOStreams()
		in.WriteString(answer)
		_, frame := NewRoot(streams)
		err := frame.ask("Go on? [y/N] ")
		assert.Equal(t, "Go on? [y/N] ", errOut.String())
		if yes {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, "nothing was changed, since the answer was not yes")
		}
	}
}

func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	_, frame := NewRoot(streams)
	err := frame.Confirm(&cobra.Command{Use: "c"}, "Go on?")
	var exit *ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, ExitUsage, exit.Code)
	require.ErrorContains(t, err, "nothing was changed, since there is no terminal to ask on: write --yes to have this done")
	assert.Empty(t, errOut.String())
}
