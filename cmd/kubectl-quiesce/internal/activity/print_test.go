package activity

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAListOfNoSessionsIsAListAllTheSame(t *testing.T) {
	c := &cobra.Command{Use: "sessions"}
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	s := &sessions{Frame: &command.Frame{IOStreams: streams}, print: command.NewPrint(c, "wide")}
	require.NoError(t, c.ParseFlags([]string{"-o", "json"}))
	require.NoError(t, s.printer()(nil, false))
	assert.Contains(t, out.String(), `"items": []`)
}

func TestWhatOthersHaveWrittenIsShownAndNotObeyed(t *testing.T) {
	const evil = "\x1b[2J\u009b31m\r"
	session := aSession("nightly", v1alpha1.PhaseFailed, func(s *v1alpha1.HookSession) {
		s.Status.Message, s.Status.Hooks.Failed = evil, 1
		s.Labels = map[string]string{"a": evil}
	})
	run := ran("1", 0, v1alpha1.PreSnapshot, "freeze", v1alpha1.PodResult{
		Pod: "db-0", Outcome: v1alpha1.ResultFailed, Reason: evil, StartedAt: at(1), Message: evil, Output: "one\n" + evil + "\ntwo\n",
	})
	run.Spec.Note = evil
	var described, logged, listed bytes.Buffer
	require.NoError(t, (&description{session: &session, runs: []v1alpha1.HookRun{*run}, gaps: []string{evil}, now: noon}).write(&described))
	require.NoError(t, newTable(&logged, true, true, true).write(entries(run)))
	printRow(&listed, layout{wide: true}.row(&session, noon))
	for _, text := range []string{described.String(), logged.String(), listed.String()} {
		assert.Contains(t, text, `\x1b[2J\u009b31m`)
		assert.False(t, strings.ContainsAny(text, "\x1b\u009b\r"), "%q", text)
	}
	assert.Contains(t, logged.String(), "    | one\n    | \\x1b[2J\\u009b31m")
}

func TestASessionIsDescribedByItsTypeAndName(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	t.Setenv("HOME", t.TempDir())
	for line, want := range map[string]string{
		"session hooksession.quiesce.io/x": "no cluster",
		"session/x --all-pods":             "no cluster",
		"hooksession.quiesce.io/x":         "no cluster",
		"pod/x":                            `"pod/x" names no HookSession`,
		"sesion":                           `there is no command "sesion": did you mean "session"?`,
	} {
		streams, _, _, errOut := genericiooptions.NewTestIOStreams()
		root, frame := command.NewRoot(streams)
		root.AddCommand(NewDescribe(frame))
		assert.NotZero(t, command.Execute(root, streams, append([]string{"describe"}, strings.Fields(line)...)), line)
		assert.Contains(t, errOut.String(), want, line)
	}
}
