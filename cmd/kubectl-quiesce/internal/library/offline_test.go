package library

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// offline runs the plugin where there is no cluster.
func offline(t *testing.T, args ...string) (code int, out, errOut string, frame *command.Frame) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	streams, _, outBuffer, errBuffer := genericiooptions.NewTestIOStreams()
	root, frame := command.NewRoot(streams)
	root.AddCommand(NewScripts(frame), NewTemplates(frame), NewPolicies(frame))
	code = command.Execute(root, streams, args)
	return code, outBuffer.String(), errBuffer.String(), frame
}

func TestTemplatesThatComeWithThePluginNeedNoCluster(t *testing.T) {
	code, out, errOut, _ := offline(t, "templates", "list", "--delivered", "-o", "name")
	require.Equal(t, command.ExitOK, code, errOut)
	assert.Contains(t, out, "hooktemplate.quiesce.io/postgresql\n")

	code, out, errOut, _ = offline(t, "templates", "show", "hooktemplate.quiesce.io/postgresql", "--delivered")
	require.Equal(t, command.ExitOK, code, errOut)
	assert.Contains(t, out, "Name:         postgresql\n")

	code, out, errOut, _ = offline(t, "templates", "clone", "ht/postgresql", "--delivered", "--as", "db", "--param", "user=backup", "--dry-run", "-o", "yaml")
	require.Equal(t, command.ExitOK, code, errOut)
	var written v1alpha1.HookPolicy
	require.NoError(t, yaml.UnmarshalStrict([]byte(out), &written))
	assert.Equal(t, "db", written.Name)
	assert.NotEmpty(t, written.Spec.Hooks)

	code, _, errOut, _ = offline(t, "templates", "show", "postgress", "--delivered")
	assert.Equal(t, command.ExitFailure, code)
	assert.Equal(t, "error: there is no template delivered with this plugin \"postgress\": did you mean \"postgresql\"?\n", errOut)
}

func TestWithoutAClusterItIsToldHowTemplatesAreHadAllTheSame(t *testing.T) {
	for _, args := range [][]string{
		{"templates", "list"}, {"templates", "show", "postgresql"}, {"templates", "clone", "postgresql", "--as", "db", "--dry-run=client"},
		{"templates", "list", "--server", "https://127.0.0.1:1"},
	} {
		code, _, errOut, _ := offline(t, args...)
		assert.Equal(t, command.ExitFailure, code)
		assert.Contains(t, errOut, "\nTo take the templates that come with this plugin, write --delivered\n", args)
	}
	_, _, errOut, _ := offline(t, "scripts", "list")
	assert.NotContains(t, errOut, "--delivered")
}

func TestWhoIsImpersonatedIsNotThePolicysName(t *testing.T) {
	code, out, errOut, frame := offline(t, "--as", "alice", "templates", "use", "postgresql", "--delivered", "--as", "db", "--dry-run")
	require.Equal(t, command.ExitOK, code, errOut)
	assert.Equal(t, "hookpolicy.quiesce.io/db created (dry run)\n", out)
	assert.Equal(t, "alice", *frame.Flags.Impersonate)

	code, out, errOut, _ = offline(t, "--as", "alice", "templates", "use", "postgresql", "--delivered", "--dry-run")
	assert.Equal(t, command.ExitUsage, code)
	assert.Contains(t, errOut, "write --as with the name that the policy is to have")
	assert.Empty(t, out)
}

func TestWhatCannotBeIsRefusedBeforeTheClusterIsAsked(t *testing.T) {
	for says, args := range map[string][]string{
		`--output "foo": write wide, json`:                             {"policies", "list", "-o", "foo"},
		`--output "bar": write json`:                                   {"scripts", "add", "x", "-f", "x", "-o", "bar"},
		`-l "a in": write labels such as`:                              {"policies", "list", "-l", "a in"},
		`-l "a=b=c": write labels such as`:                             {"templates", "use", "postgresql", "--delivered", "--as", "x", "-l", "a=b=c"},
		`-l "a>1": a policy cannot compare labels by gt`:               {"templates", "use", "postgresql", "--delivered", "--as", "x", "-l", "a>1"},
		`--dry-run "maybe": write none, client or server`:              {"templates", "use", "postgresql", "--as", "x", "--dry-run=maybe"},
		`--velero-mode "Maybe": write Stamp or Session`:                {"templates", "use", "postgresql", "--as", "x", "--velero-mode", "Maybe"},
		`"pod/x" names no HookScript: write NAME, or hookscript/NAME`:  {"scripts", "show", "pod/x"},
		`"hs/x" names no HookTemplate: write NAME, or hooktemplate/NA`: {"templates", "show", "hs/x"},
	} {
		code, _, errOut, _ := offline(t, args...)
		assert.Equal(t, command.ExitUsage, code, "%s: %s", args, errOut)
		assert.Contains(t, errOut, says)
	}
}
