package command

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// execute has a small plugin read a command line, and returns what it prints.
func execute(args ...string) (code int, out, errOut string) {
	streams, _, outBuffer, errBuffer := genericiooptions.NewTestIOStreams()
	root, frame := NewRoot(streams)
	ask := &cobra.Command{Use: "ask", Short: "Ask the cluster", Args: None(": write --about"), RunE: func(*cobra.Command, []string) error {
		if _, err := frame.Namespace(); err != nil {
			return err
		}
		_, err := frame.REST()
		return err
	}}
	ask.Flags().Duration("wait", time.Minute, "How long.")
	ask.Flags().Int("times", 1, "How often.")
	ask.Flags().Bool("loud", false, "Whether loudly.")
	colour := ""
	Choice(ask, &colour, "colour", "", "Which one.", "Red", "Green")
	things := Group(&cobra.Command{Use: "things", Short: "Things"}, &cobra.Command{Use: "list", Short: "List", Run: func(*cobra.Command, []string) {}})
	root.AddCommand(ask, things)
	AddCompletion(root, frame)
	AddHelp(root)
	return Execute(root, streams, args), outBuffer.String(), errBuffer.String()
}

func TestACommandLineThatMakesNoSenseIsAnsweredBySentences(t *testing.T) {
	const seeAsk = "\nSee 'kubectl quiesce ask --help'\n"
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"thinks"}, "error: kubectl quiesce: there is no command \"thinks\": did you mean \"things\"?\nSee 'kubectl quiesce --help'\n"},
		{[]string{"help", "thinks"}, "error: kubectl quiesce: there is no command \"thinks\": did you mean \"things\"?\nSee 'kubectl quiesce --help'\n"},
		{[]string{"things", "lst"}, "error: kubectl quiesce things: there is no command \"lst\": did you mean \"list\"?\nSee 'kubectl quiesce things --help'\n"},
		{[]string{"help", "things", "lst"}, "error: kubectl quiesce things: there is no command \"lst\": did you mean \"list\"?\nSee 'kubectl quiesce things --help'\n"},
		{[]string{"completion", "csh"}, "error: kubectl quiesce completion: there is no command \"csh\": did you mean \"zsh\"?\nSee 'kubectl quiesce completion --help'\n"},
		{[]string{"ask", "me"}, "error: kubectl quiesce ask takes no arguments, and there is \"me\": write --about" + seeAsk},
		{[]string{"ask", "--no-such"}, "error: unknown flag: --no-such" + seeAsk},
		{[]string{"ask", "--wait", "1d"}, "error: --wait \"1d\": write a duration such as 90s, 10m or 2h" + seeAsk},
		{[]string{"ask", "--times", "x"}, "error: --times \"x\": write a whole number" + seeAsk},
		{[]string{"ask", "--loud=x"}, "error: --loud \"x\": write true or false, or the flag alone" + seeAsk},
		{[]string{"ask", "--colour", "blue"}, "error: --colour \"blue\": write Red or Green" + seeAsk},
	} {
		code, out, errOut := execute(test.args...)
		assert.Equal(t, ExitUsage, code, test.args)
		assert.Equal(t, test.want, errOut, test.args)
		assert.Empty(t, out, test.args)
	}
}

func TestAChoiceIsTakenHoweverItIsWritten(t *testing.T) {
	value := ""
	c := &cobra.Command{Use: "c", Run: func(*cobra.Command, []string) {}}
	Choice(c, &value, "colour", "", "Which one.", "Red", "Green", "Blue")
	require.NoError(t, c.ParseFlags([]string{"--colour", "green"}))
	assert.Equal(t, "Green", value)
	assert.Equal(t, "Which one: Red, Green or Blue.", c.Flags().Lookup("colour").Usage)
}

func TestAKubeconfigThatLeadsNowhereIsAnsweredBySentences(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	t.Setenv("HOME", folder)
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	const cluster = "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
	empty, two, none := write("empty", ""), write("two", cluster+"contexts: [{name: shop, context: {cluster: c}}, {name: crm, context: {cluster: c}}]\n"), filepath.Join(folder, "none")
	const noCluster = "error: no cluster: there is no kubeconfig, or it has no current context. Write --kubeconfig or --context, or set KUBECONFIG\n"
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, noCluster},
		{[]string{"--kubeconfig", empty}, noCluster},
		{[]string{"--kubeconfig", two}, noCluster},
		{[]string{"--kubeconfig", two, "--context", "shp"}, "error: the kubeconfig: there is no context \"shp\": did you mean \"shop\"?\n"},
		{[]string{"--kubeconfig", two, "--context", "elsewhere"}, "error: the kubeconfig: there is no context \"elsewhere\": there are crm, shop\n"},
		{[]string{"--kubeconfig", none}, "error: the kubeconfig cannot be read: stat " + none + ": no such file or directory: write --kubeconfig with the path of one, or set KUBECONFIG\n"},
	} {
		code, _, errOut := execute(append([]string{"ask"}, test.args...)...)
		assert.Equal(t, ExitFailure, code, test.args)
		assert.Equal(t, test.want, errOut, test.args)
	}
	for _, args := range [][]string{{"--kubeconfig", two, "--context", "shop"}, {"--server", "https://127.0.0.1:1"}} {
		code, _, errOut := execute(append([]string{"ask"}, args...)...)
		assert.Equal(t, ExitOK, code, "%s: %s", args, errOut)
	}
}

func TestHelpHasTheFlagsOfAllCommandsElsewhere(t *testing.T) {
	_, help, _ := execute("ask", "--help")
	assert.Contains(t, help, "--wait duration")
	assert.NotContains(t, help, "--context string")
	assert.Contains(t, help, `Use "kubectl quiesce options" for the flags of all commands`)
	_, same, _ := execute("help", "ask")
	assert.Equal(t, help, same)
	_, options, _ := execute("options")
	assert.Contains(t, options, "--context string")
	assert.Contains(t, options, "-n, --namespace string")
}
