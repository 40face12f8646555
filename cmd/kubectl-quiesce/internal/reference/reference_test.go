package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/test/transcript"
)

func TestEveryCommandIsDocumented(t *testing.T) {
	root := tree()
	for _, c := range documented(root) {
		t.Run(name(c), func(t *testing.T) {
			assert.NotEmpty(t, c.Short, "Short")
			assert.NotContains(t, strings.TrimSuffix(c.Short, "."), ". ", "Short is one sentence")
			c.NonInheritedFlags().VisitAll(func(flag *pflag.Flag) { assert.NotEmpty(t, flag.Usage, "--%s", flag.Name) })
			if isGroup(c) {
				return
			}
			assert.NotEmpty(t, c.Long, "Long")
			if !isCompletion(c) {
				assert.NotEmpty(t, c.Example, "Example")
			}
			shown, err := shownOf(c)
			require.NoError(t, err)
			var commands []string
			for _, step := range transcript.Parse(shown).Steps() {
				commands = append(commands, step.Command)
			}
			assert.Contains(t, strings.Join(commands, "\n"), c.CommandPath(), "a console of %s shows what the command prints", pageOf(c))
		})
	}
}

func TestEveryPageIsOfACommand(t *testing.T) {
	known := map[string]bool{}
	for _, c := range documented(tree()) {
		known[pageOf(c)] = true
	}
	found, err := fs.Glob(pages, "pages/*")
	require.NoError(t, err)
	for _, file := range found {
		assert.True(t, known[file], "%s is of no command", file)
	}
}

// Whatever a reader may copy out of help or documentation makes sense to the command.
func TestCommandsThatAreShownAreRight(t *testing.T) {
	for _, c := range documented(tree()) {
		for _, line := range commandLines(t, c.Example) {
			t.Run(name(c)+": "+line.String(), line.check)
		}
	}
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, block := range blocks(string(text)) {
			for _, line := range commandLines(t, block) {
				t.Run(filepath.Base(file)+": "+line.String(), line.check)
			}
		}
	}
}

func TestHelpBecomesMarkdown(t *testing.T) {
	help := `Do it, with <this> and *.

Exit codes:
  0  done
  3  not done

Then
 1. first,
    and more
 2. second_one`
	assert.Equal(t, "Do it, with &lt;this> and \\*.\n\nExit codes:\n```text\n0  done\n3  not done\n```\n\nThen\n 1. first,\n    and more\n 2. second\\_one",
		markdown(help))
}

func TestASectionHasAllThatThereIsToKnow(t *testing.T) {
	root := &cobra.Command{Use: "kubectl-quiesce", Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl quiesce"}}
	parent := &cobra.Command{Use: "things", Short: "Of things", Long: "All of things."}
	c := &cobra.Command{Use: "add NAME -f FILE", Short: "Add", Long: "Add a thing.", Example: "  # One\n  kubectl quiesce things add a -f b", Run: func(*cobra.Command, []string) {}}
	c.Flags().StringP("filename", "f", "", "the `FILE|-` with it")
	c.Flags().Duration("timeout", 0, "how long")
	c.Flags().Int("times", 3, "how often")
	parent.AddCommand(c)
	root.AddCommand(parent)
	assert.Equal(t, `### things add

Add a thing.

`+"```sh\n# One\nkubectl quiesce things add a -f b\n```"+`

Words.

`+"```\nkubectl quiesce things add NAME -f FILE [flags]\n```"+`

| flag | | default |
|---|---|---|
| `+"`-f, --filename FILE\\|-` | the FILE\\|- with it |  |"+`
| `+"`--timeout duration` | how long |  |"+`
| `+"`--times int` | how often | `3` |"+`

`, section(c, "Words.\n"))
	assert.Equal(t, []*cobra.Command{parent, c}, documented(root))
}
