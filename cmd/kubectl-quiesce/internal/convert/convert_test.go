package convert_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/convert"
)

const cases = "../../../../hooks/convert/testdata"

// quiesce runs the command in the way of the program.
func quiesce(stdin string, args ...string) (code int, out, errOut string) {
	var stdout, stderr bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &stdout, ErrOut: &stderr}
	root, frame := command.NewRoot(streams)
	root.AddCommand(convert.New(frame))
	code = command.Execute(root, streams, append([]string{"convert"}, args...))
	return code, stdout.String(), stderr.String()
}

func content(t *testing.T, path string) string {
	t.Helper()
	read, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(read)
}

func TestPoliciesGoToStdoutAndWhatIsSaidOfThemToStderr(t *testing.T) {
	code, out, said := quiesce("", "-f", filepath.Join(cases, "trident-odd.in.yaml"))
	assert.Equal(t, command.ExitOK, code)
	golden, warnings, _ := strings.Cut(content(t, filepath.Join(cases, "trident-odd.out.yaml")), "# Warning: ")
	assert.Equal(t, golden, out)
	assert.Contains(t, said, "Not converted: ExecHook web/sideways: Hook sideways is left out: ")
	assert.Contains(t, said, "Warning: "+strings.TrimSuffix(warnings, "\n")+".\n")
}

func TestStdinAndSeveralFilesAreOneInput(t *testing.T) {
	rules := content(t, filepath.Join(cases, "stork-rules.in.yaml"))
	parts := strings.Split(rules, "\n---\n")
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "deep"), 0o700))
	for name, part := range map[string]string{"a.yaml": parts[0], "notes.txt": "no: [YAML", "deep/b.yml": parts[1]} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(part), 0o600))
	}
	golden := content(t, filepath.Join(cases, "stork-rules.out.yaml"))
	rest := strings.Join(parts[2:], "\n---\n")

	code, out, said := quiesce(rest, "-R", "-f", folder, "-f", "-")
	assert.Equal(t, command.ExitOK, code, said)
	assert.Equal(t, golden, out)

	_, out, _ = quiesce(rest, "-f", folder, "-f", "-")
	assert.Contains(t, out, "mysql-postsnap-rule is not in the input", "a directory within another is read with -R alone")
}

func TestFlagsOfTheConversion(t *testing.T) {
	_, out, _ := quiesce("", "-f", filepath.Join(cases, "mixed-namespaced.in.yaml"), "--namespaced")
	assert.Contains(t, content(t, filepath.Join(cases, "mixed-namespaced.out.yaml")), out)

	_, out, _ = quiesce("", "-f", filepath.Join(cases, "session-mode.in.yaml"), "--mode", "Session")
	assert.Contains(t, content(t, filepath.Join(cases, "session-mode.out.yaml")), out)

	_, out, _ = quiesce("", "-f", filepath.Join(cases, "stork-stage.in.yaml"), "--stage", "PreBackup")
	assert.Contains(t, content(t, filepath.Join(cases, "stork-stage.out.yaml")), out)

	file := filepath.Join(t.TempDir(), "policies.yaml")
	code, out, said := quiesce("", "-f", filepath.Join(cases, "backup-fsfreeze.in.yaml"), "-o", file)
	assert.Equal(t, command.ExitOK, code, said)
	assert.Empty(t, out)
	assert.Equal(t, content(t, filepath.Join(cases, "backup-fsfreeze.out.yaml")), content(t, file))
}

func TestExitCodesAndErrorsSayWhatToDo(t *testing.T) {
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\na: ["), 0o600))
	empty := t.TempDir()
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"nothing to read":           {nil, command.ExitUsage, "write -f with a file that has the hooks, or --cluster"},
		"no such file":              {[]string{"-f", "none.yaml"}, command.ExitFailure, "there is no file none.yaml"},
		"a document that is none":   {[]string{"-f", broken}, command.ExitFailure, "broken.yaml, document 2 is no YAML"},
		"an empty directory":        {[]string{"-f", empty}, command.ExitFailure, "has no files with names that end in .yaml, .yml or .json"},
		"a kind without --cluster":  {[]string{"-f", broken, "pods"}, command.ExitUsage, "kinds are for --cluster"},
		"-A without --cluster":      {[]string{"-f", broken, "-A"}, command.ExitUsage, "-A is for --cluster"},
		"a mode that is none":       {[]string{"-f", broken, "--mode", "stamp"}, command.ExitUsage, `--mode "stamp": write Stamp or Session`},
		"a stage that is none":      {[]string{"-f", broken, "--stage", "Pre"}, command.ExitUsage, `--stage "Pre": write one of PreBackup, PreSnapshot`},
		"strict, with all":          {[]string{"-f", filepath.Join(cases, "backup-fsfreeze.in.yaml"), "--strict"}, command.ExitOK, ""},
		"strict, and something not": {[]string{"-f", filepath.Join(cases, "stork-others.in.yaml"), "--strict"}, convert.ExitLeft, "Not converted: Rule web/empty"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, said := quiesce("", test.args...)
			assert.Equal(t, test.code, code)
			assert.Contains(t, said, test.want)
		})
	}
}
