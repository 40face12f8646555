package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
)

const asPlugin = "QUIESCE_TEST_AS_PLUGIN"

// TestMain has the test's own program be the plugin, where a shell calls it so.
func TestMain(m *testing.M) {
	if os.Getenv(asPlugin) == "" {
		os.Exit(m.Run())
	}
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	os.Exit(command.Execute(New(streams), streams, os.Args[1:]))
}

func TestBashCompletesTheProgram(t *testing.T) {
	const installed = "/usr/share/bash-completion/bash_completion"
	require.FileExists(t, installed, "it comes with the package bash-completion, which make shells installs")
	// What bash does when Tab is pressed behind these words.
	const press = `
source ` + installed + `
source <(kubectl-quiesce completion bash)
function="$(complete -p kubectl-quiesce)"; [[ $function =~ -F\ ([^ ]+) ]] || exit 1
COMP_WORDS=(kubectl-quiesce "$@"); COMP_CWORD=$#; COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
"${BASH_REMATCH[1]}" kubectl-quiesce "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
`
	tests := map[string]struct {
		words []string
		want  []string
	}{
		"a command":              {[]string{"expl"}, []string{"explain"}},
		"commands below another": {[]string{"templates", ""}, []string{"list", "show", "use", "clone"}},
		"a flag":                 {[]string{"explain", "--out"}, []string{"--output"}},
		"a flag's values":        {[]string{"explain", "-o", ""}, []string{"json", "yaml"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.ElementsMatch(t, test.want, completed(t, "bash", append([]string{"--norc", "-c", press, "bash"}, test.words...)...))
		})
	}
}

// kubectl runs this program with the words behind `kubectl quiesce`.
func TestKubectlsProgramCompletes(t *testing.T) {
	words := completed(t, "kubectl_complete-quiesce", "expl")
	require.NotEmpty(t, words)
	assert.Equal(t, "explain", words[0])
	assert.Equal(t, ":4", words[1], "files are no answer")
}

// completed are the words that a program prints, without what they mean.
func completed(t *testing.T, program string, args ...string) []string {
	t.Helper()
	folder := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(folder, "kubectl-quiesce")))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "kubectl_complete-quiesce"), []byte(command.CompletionProgram), 0o755))
	c := exec.CommandContext(t.Context(), program, args...)
	c.Env = append(os.Environ(), asPlugin+"=1", "PATH="+folder+":"+os.Getenv("PATH"), "HOME="+folder, "KUBECONFIG="+filepath.Join(folder, "none"))
	if found := filepath.Join(folder, program); program != "bash" {
		c.Path, c.Err = found, nil
	}
	printed, err := c.Output()
	require.NoError(t, err)
	var words []string
	for line := range strings.SplitSeq(strings.TrimSpace(string(printed)), "\n") {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		word, _, _ = strings.Cut(word, " ")
		words = append(words, word)
	}
	return words
}
