package walkthrough

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheTerminalShowsWhatAPersonWouldSee(t *testing.T) {
	var screen strings.Builder
	terminal := &Terminal{Screen: &screen}

	output, err := terminal.Run(t.Context(), "printf", `%s\n`, "it's here")
	require.NoError(t, err)
	assert.Equal(t, "it's here\n", output)
	assert.Equal(t, "$ printf '%s\\n' 'it'\\''s here'\nit's here\n", screen.String())

	screen.Reset()
	_, err = terminal.run(t.Context(), "a\n", "cat", "-")
	require.NoError(t, err)
	assert.Equal(t, "$ cat - <<EOF\na\nEOF\na\n", screen.String())

	screen.Reset()
	_, err = terminal.Quietly().Run(t.Context(), "sh", "-c", "echo reason >&2; exit 3")
	assert.EqualError(t, err, "sh -c 'echo reason >&2; exit 3': exit status 3\nreason")
	assert.Empty(t, screen.String())
}

func TestALongCommandIsBrokenAtItsFlags(t *testing.T) {
	long := strings.Repeat("x", longestLine)
	assert.Equal(t, "helm install quiesce \\\n    --set "+long+" \\\n    --wait",
		commandLine("helm", []string{"install", "quiesce", "--set", long, "--wait"}))
	assert.Equal(t, "helm install --wait", commandLine("helm", []string{"install", "--wait"}))
}
