package activity

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func someCluster(t *testing.T) client.WithWatch {
	t.Helper()
	elsewhere := aSession("dump", v1alpha1.PhaseQuiesced)
	elsewhere.Namespace = "crm"
	objects := []client.Object{&elsewhere}
	for _, session := range someSessions() {
		objects = append(objects, &session)
	}
	return fakeCluster(t, objects...)
}

func TestANameThatThereIsNotKeepsNobodyFromTheOthers(t *testing.T) {
	cluster := someCluster(t)
	chosen, failures := named(t.Context(), cluster, "shop", []string{"nihgtly-42", "open", "none", "adhoc"})
	require.Len(t, chosen, 2)
	require.Len(t, failures, 2)
	require.EqualError(t, failures[0], `in namespace shop there is no HookSession "nihgtly-42": did you mean "nightly-42"?`)

	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	k := &cancel{Frame: &command.Frame{IOStreams: streams}}
	require.NoError(t, k.each(t.Context(), cluster, chosen))
	assert.Equal(t, "hooksession/open cancelled\nhooksession/adhoc cancelled\n", out.String())
	open, err := get(t.Context(), cluster, "shop", "open")
	require.NoError(t, err)
	assert.True(t, open.Spec.Cancel)
}

func TestADryRunCancelsNothing(t *testing.T) {
	cluster := someCluster(t)
	for run, want := range map[command.DryRun]string{command.DryRunClient: "(dry run)", command.DryRunServer: "(server dry run)"} {
		open, err := unfinished(t.Context(), cluster, "")
		require.NoError(t, err)
		streams, _, out, _ := genericiooptions.NewTestIOStreams()
		k := &cancel{Frame: &command.Frame{IOStreams: streams}, all: true, allNamespaces: true, dryRun: run}
		require.NoError(t, k.confirm(&cobra.Command{}, "", open), "it does not ask")
		require.NoError(t, k.each(t.Context(), cluster, open))
		assert.Equal(t, 3, strings.Count(out.String(), want))
		assert.Contains(t, out.String(), "hooksession/dump in namespace crm cancelled "+want)
		there, err := get(t.Context(), cluster, "shop", "open")
		require.NoError(t, err)
		assert.False(t, there.Spec.Cancel)
	}
}

func TestBeforeAllAreCancelledItIsAsked(t *testing.T) {
	open, err := unfinished(t.Context(), someCluster(t), "shop")
	require.NoError(t, err)
	require.Len(t, open, 2, "one is over")
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	k := &cancel{Frame: &command.Frame{IOStreams: streams}, all: true}
	require.ErrorContains(t, k.confirm(&cobra.Command{}, "shop", open), "there is no terminal to ask on: write --yes")
	assert.Regexp(t, `^These sessions of namespace shop will be cancelled:\nNAME +OPERATION +PHASE(?s).*\nadhoc .*\nopen `, errOut.String())

	k.yes = true
	require.NoError(t, k.confirm(&cobra.Command{}, "shop", open))
	k.yes, open[0].Spec.Cancel, open[1].Spec.Cancel = false, true, true
	require.NoError(t, k.confirm(&cobra.Command{}, "shop", open), "there is nothing to lose any more")
}

func TestFlagsOfCancelThatMakeNoSenseTogetherAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		"":                           "write names of sessions, or --all",
		"a --all":                    "write names of sessions, or --all",
		"a -A":                       "names are of one namespace",
		"a --timeout 5m":             "--timeout is for --wait: write both",
		"a --wait --dry-run":         "in a dry run there is nothing to wait for",
		"pod/a":                      `"pod/a" names no HookSession: write NAME, or hooksession/NAME`,
		"a --dry-run=perhaps --wait": "write none, client or server",
	} {
		streams, _, _, errOut := genericiooptions.NewTestIOStreams()
		root, frame := command.NewRoot(streams)
		root.AddCommand(NewCancel(frame))
		assert.Equal(t, command.ExitUsage, command.Execute(root, streams, append([]string{"cancel"}, strings.Fields(line)...)), line)
		assert.Contains(t, errOut.String(), want, line)
	}
}
