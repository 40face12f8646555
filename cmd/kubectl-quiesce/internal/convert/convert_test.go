package convert_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
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
	directory := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(directory, "deep"), 0o700))
	for name, part := range map[string]string{"a.yaml": parts[0], "notes.txt": "no: [YAML", "deep/b.yml": parts[1]} {
		require.NoError(t, os.WriteFile(filepath.Join(directory, name), []byte(part), 0o600))
	}
	golden := content(t, filepath.Join(cases, "stork-rules.out.yaml"))
	rest := strings.Join(parts[2:], "\n---\n")

	code, out, said := quiesce(rest, "-R", "-f", directory, "-f", "-")
	assert.Equal(t, command.ExitOK, code, said)
	assert.Equal(t, golden, out)

	_, out, _ = quiesce(rest, "-f", directory, "-f", "-")
	assert.Contains(t, out, "mysql-postsnap-rule is not in the input", "a directory within another is read with -R alone")
}

func TestFlagsOfTheConversion(t *testing.T) {
	_, out, _ := quiesce("", "-f", filepath.Join(cases, "mixed-namespaced.in.yaml"), "--namespaced")
	assert.Contains(t, content(t, filepath.Join(cases, "mixed-namespaced.out.yaml")), out)

	_, out, _ = quiesce("", "-f", filepath.Join(cases, "session-mode.in.yaml"), "--mode", "Session")
	assert.Contains(t, content(t, filepath.Join(cases, "session-mode.out.yaml")), out)

	_, out, _ = quiesce("", "-f", filepath.Join(cases, "stork-stage.in.yaml"), "--stage", "PreBackup")
	assert.Contains(t, content(t, filepath.Join(cases, "stork-stage.out.yaml")), out)
}

func TestTheFileOfTheOutputIsWholeAndNoOther(t *testing.T) {
	convertible, golden := filepath.Join(cases, "backup-fsfreeze.in.yaml"), content(t, filepath.Join(cases, "backup-fsfreeze.out.yaml"))
	directory := t.TempDir()
	file := filepath.Join(directory, "policies.yaml")
	code, out, said := quiesce("", "-f", convertible, "--output-file", file)
	require.Equal(t, command.ExitOK, code, said)
	assert.Empty(t, out)
	assert.Equal(t, golden, content(t, file))
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o644))
	require.NoError(t, os.Chmod(file, 0o644))
	code, _, said = quiesce("", "-f", convertible, "--output-file", file)
	assert.Equal(t, command.ExitFailure, code)
	assert.Contains(t, said, "there is a file "+file+" already: write --force to overwrite it")
	assert.Equal(t, "mine", content(t, file))

	const bare = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
	_, _, said = quiesce(bare, "-f", "-", "--output-file", file, "--force")
	assert.Contains(t, said, "Not written: "+file)
	assert.Equal(t, "mine", content(t, file), "there was nothing to write")

	code, _, said = quiesce("", "-f", convertible, "--output-file", file, "--force")
	require.Equal(t, command.ExitOK, code, said)
	assert.Equal(t, golden, content(t, file))
	info, err = os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode(), "commands may have passwords in them")

	code, _, said = quiesce("", "-f", convertible, "--output-file", directory)
	assert.Equal(t, command.ExitFailure, code)
	assert.Contains(t, said, "is a directory")
	left, err := os.ReadDir(directory)
	require.NoError(t, err)
	assert.Len(t, left, 1)
}

// TestAClusterWithoutTheKindsOfOtherToolsIsRead has an API server without Velero, to whose kinds it answers as API servers do.
func TestAClusterWithoutTheKindsOfOtherToolsIsRead(t *testing.T) {
	const deployments = "/apis/apps/v1/namespaces/default/deployments"
	answers := map[string]string{
		"/api":      `{"kind":"APIVersions","versions":["v1"]}`,
		"/apis":     `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}]}`,
		deployments: `{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"default"},"spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"},"annotations":{"pre.hook.backup.velero.io/command":"[\"sync\"]"}}}}}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if answer := answers[request.URL.Path]; answer != "" {
			_, _ = io.WriteString(w, answer)
			return
		}
		http.NotFound(w, request)
	}))
	defer server.Close()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	code, out, said := quiesce("", "--cluster", "--server", server.URL, "--cache-dir", t.TempDir())
	require.Equal(t, command.ExitOK, code, said)
	assert.Contains(t, out, "# From the annotations of Deployment default/web.")
	code, _, said = quiesce("", "--cluster", "schedules.velero.io", "--server", server.URL, "--cache-dir", t.TempDir())
	assert.Equal(t, command.ExitFailure, code)
	assert.Contains(t, said, "this cluster has no schedules.velero.io")
}

func TestExitCodesAndErrorsSayWhatToDo(t *testing.T) {
	directory := t.TempDir()
	broken := filepath.Join(directory, "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\na: ["), 0o600))
	broken2 := filepath.Join(directory, "broken2.yaml")
	require.NoError(t, os.WriteFile(broken2, []byte("- a\n"), 0o600))
	empty := t.TempDir()
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"nothing to read":           {nil, command.ExitUsage, "write -f with a file that has the hooks, or --cluster"},
		"no such file":              {[]string{"-f", "none.yaml"}, command.ExitFailure, `there is no file "none.yaml"`},
		"a document that is none":   {[]string{"-f", broken}, command.ExitFailure, "broken.yaml:5:1: this is no YAML: "},
		"an empty directory":        {[]string{"-f", empty}, command.ExitFailure, "there are no .yaml, .yml or .json files in "},
		"a kind without --cluster":  {[]string{"-f", broken, "pods"}, command.ExitUsage, "kinds are for --cluster"},
		"-A without --cluster":      {[]string{"-f", broken, "-A"}, command.ExitUsage, "-A is for --cluster"},
		"a mode that is none":       {[]string{"-f", broken, "--mode", "Stmp"}, command.ExitUsage, `--mode "Stmp": write Stamp or Session`},
		"a stage that is none":      {[]string{"-f", broken, "--stage", "Pre"}, command.ExitUsage, `--stage "Pre": write PreBackup, PreSnapshot`},
		"-f and --cluster":          {[]string{"-f", broken, "--cluster"}, command.ExitUsage, "write -f for the hooks of files, or --cluster for those of the cluster, not both"},
		"--force without a file":    {[]string{"-f", broken, "--force"}, command.ExitUsage, "--force is for --output-file"},
		"an address":                {[]string{"-f", "https://example.com/a.yaml"}, command.ExitUsage, "-f https://example.com/a.yaml: addresses are not read"},
		"several mistakes":          {[]string{"-f", broken + "," + broken2}, command.ExitFailure, "broken2.yaml:1:1: this is no object of Kubernetes"},
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
