package library

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
)

func TestOnlyAYesIsOne(t *testing.T) {
	for answer, yes := range map[string]bool{"y\n": true, "Yes\n": true, "\tyes": true, "\n": false, "": false, "n\n": false, "yesterday\n": false} {
		streams, in, _, errOut := genericiooptions.NewTestIOStreams()
		in.WriteString(answer)
		_, frame := command.NewRoot(streams)
		err := ask(frame, "Go on? [y/N] ")
		assert.Equal(t, "Go on? [y/N] ", errOut.String())
		if yes {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, "nothing was changed, since the answer was not yes")
		}
		assert.False(t, isTerminal(streams.In))
	}
}
