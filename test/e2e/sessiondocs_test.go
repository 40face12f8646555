//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The script of docs/sessions.md, to the letter, with a tool of our own that looks whether the pods are quiesced.
func TestTheScriptOfTheDocsBacksUp(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/sessions.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(docs), "```sh\n")
	require.True(t, found)
	script, _, _ := strings.Cut(rest, "```")

	f := newFreezer(t, 2, 10*time.Minute)
	kubectl, err := cluster.Binary(t.Context(), "kubectl")
	require.NoError(t, err)
	kubeconfig, err := cluster.Kubeconfig(t.Context())
	require.NoError(t, err)
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o755))
	}
	write("back-up", script)
	require.NoError(t, os.Symlink(strings.TrimSpace(kubectl), filepath.Join(folder, "kubectl")))
	write("my-snapshot", "#!/bin/sh\nfor pod in pod-0 pod-1; do kubectl exec -n \"$1\" $pod -- test -e /tmp/frozen || exit 1; done\n[ ! -e "+folder+"/broken ]\n")
	write("my-copy", "#!/bin/sh\nuntil ! kubectl exec -n \"$1\" pod-0 -- test -e /tmp/frozen 2>/dev/null; do sleep .1; done\n[ ! -e "+folder+"/full ]\n")
	run := func() (string, error) {
		command := exec.CommandContext(t.Context(), "sh", filepath.Join(folder, "back-up"), f.namespace)
		command.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "KUBECONFIG="+strings.TrimSpace(kubeconfig))
		output, err := command.CombinedOutput()
		return string(output), err
	}
	output, err := run()
	require.NoError(t, err, output)
	f.requireThawed(0)
	var sessions v1alpha1.HookSessionList
	require.NoError(t, api.List(t.Context(), &sessions, client.InNamespace(f.namespace)))
	require.Len(t, sessions.Items, 1)
	assert.Equal(t, v1alpha1.PhaseComplete, sessions.Items[0].Status.Phase)

	var events corev1.EventList
	require.Eventually(t, func() bool {
		var said []string
		if err := api.List(t.Context(), &events, client.InNamespace(f.namespace)); err != nil {
			return false
		}
		for i := range events.Items {
			said = append(said, events.Items[i].InvolvedObject.Kind+" "+events.Items[i].Reason)
		}
		all := strings.Join(said, ", ")
		return strings.Contains(all, "Pod HookSucceeded") && strings.Contains(all, "HookSession HookSucceeded") && strings.Contains(all, "HookSession Complete")
	}, patience, tick, "events tell of every hook, and of the session")

	write("full", "")
	output, err = run()
	require.Error(t, err, "the copy fails: %s", output)
	f.requireThawed(0)
	require.NoError(t, os.Remove(filepath.Join(folder, "full")))

	write("broken", "")
	output, err = run()
	require.Error(t, err, "the snapshot fails: %s", output)
	f.wait(patience, func() bool { return !f.frozen(f.pods[0]) && !f.frozen(f.pods[1]) }, "still frozen")

	require.NoError(t, api.Delete(t.Context(), f.policies[0]))
	f.kubectl("label", "namespace", f.namespace, v1alpha1.HooksLabel+"-")
	output, err = run()
	require.Error(t, err)
	assert.Contains(t, output, "has not opted in: kubectl label namespace "+f.namespace+" quiesce.io/hooks=enabled")
}
