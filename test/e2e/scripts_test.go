//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// createScript creates a HookScript for the scene, which goes with its policies.
func (s *scene) createScript(name, source string) *v1alpha1.HookScript {
	s.t.Helper()
	script := &v1alpha1.HookScript{
		ObjectMeta: metav1.ObjectMeta{Name: s.namespace + "-" + name, Labels: labelled(nil)},
		Spec:       v1alpha1.HookScriptSpec{Script: source},
	}
	require.NoError(s.t, api.Create(s.t.Context(), script))
	s.library = append(s.library, script)
	return script
}

// fromSecret is a variable of a script that is a key of the Secret db.
func fromSecret(name, key string) v1alpha1.ScriptVariable {
	return v1alpha1.ScriptVariable{Name: name, ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "db", Key: key}}}
}

// runsOf are the HookRuns of a session, by their hooks.
func (s *scene) runsOf(session *v1alpha1.HookSession) map[string]v1alpha1.HookRun {
	s.t.Helper()
	var list v1alpha1.HookRunList
	require.NoError(s.t, api.List(s.t.Context(), &list, client.InNamespace(s.namespace), client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.UID)}))
	runs := map[string]v1alpha1.HookRun{}
	for _, run := range list.Items {
		runs[run.Spec.Hook.Name] = run
	}
	return runs
}

// What a script and its Secret are is seen by nobody: not on a command line, not in what is recorded, not in what it writes.
func TestAScriptIsStreamedAndItsSecretsAreSeenByNobody(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	pod := s.container("db", "quiesce.test/busybox:1.35", "sleep", "3600")
	require.NoError(t, api.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "db"}, StringData: map[string]string{"password": "hunter-22\n"},
	}))
	script := s.createScript("verify", `#!/bin/sh -u
echo "$0: $1, $MODE, $PASSWORD, $QUIESCE_STAGE, $QUIESCE_SESSION" >>/tmp/told
cat # has nothing to read
for process in /proc/[0-9]*; do tr '\0' ' ' <$process/cmdline; done >/tmp/processes 2>/dev/null
[ "$1" != fail ] || { echo "the password is $PASSWORD"; exit 7; }
`)
	run := func(name, first string, stage v1alpha1.Stage) v1alpha1.Hook {
		return v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{stage}, OnError: v1alpha1.Continue, Script: &v1alpha1.ScriptAction{
			Name: script.Name, Args: []string{first, "it's"}, Env: []v1alpha1.ScriptVariable{{Name: "MODE", Value: "a\nb"}, fromSecret("PASSWORD", "password")},
		}}
	}
	hooks := []v1alpha1.Hook{run("well", "go on", v1alpha1.PreBackup), run("badly", "fail", v1alpha1.PostBackup)}
	hooks[0].OnError = v1alpha1.Fail
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: hooks}})

	session := s.begin()
	s.waitFinished(session, v1alpha1.PhaseFailed)
	requireCondition(t, session, v1alpha1.ConditionFailed, metav1.ConditionTrue, v1alpha1.ReasonNotPrepared)
	_, grant, found := strings.Cut(session.Status.Message, "has not granted it: kubectl ")
	require.True(t, found, session.Status.Message)
	assert.Empty(t, s.in(pod, "cat /tmp/told 2>/dev/null || true"), "nothing has run")
	s.kubectl(strings.Fields(grant)...)

	session = s.begin()
	s.waitReady(session)
	told := s.in(pod, "cat /tmp/told")
	assert.Contains(t, told, ": go on, a\nb, hunter-22\n, PreBackup, "+session.Name)
	for text, seen := range map[string]bool{"quiesce-call": true, "hunter-22": false, "the password is": false} {
		assert.Equal(t, seen, s.in(pod, "grep -c '"+text+"' /tmp/processes || true") != "0", "%q on a command line", text)
	}
	s.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	s.waitFinished(session, v1alpha1.PhaseComplete)
	runs := s.runsOf(session)
	failed := runs["badly"]
	require.Len(t, failed.Status.Results, 1)
	assert.Equal(t, "7", failed.Status.Results[0].ExitCode)
	assert.Contains(t, failed.Status.Results[0].Output, "the password is [redacted]")
	recorded, err := json.Marshal([]any{runs, session})
	require.NoError(t, err)
	assert.NotContains(t, string(recorded), "hunter-22")
	assert.Contains(t, string(recorded), "#!/bin/sh -u", "the script as it was is on record")
}

// A change of a script reaches all hooks that run it, stamped ones too; one that is missing makes its policies wait for it.
func TestAScriptThatComesAndChangesReachesItsHooks(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	name := s.namespace + "-flush"
	policy := &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: s.namespace, Labels: labelled(nil)}, Spec: v1alpha1.HookPolicySpec{
		Priority: 1000, Selector: v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(s.namespace)}},
		Hooks: []v1alpha1.Hook{{Name: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Script: &v1alpha1.ScriptAction{Name: name}}},
	}}
	require.NoError(t, api.Create(t.Context(), policy))
	s.policies = append(s.policies, policy)
	s.waitCondition(policy, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonScriptNotFound, name)
	pod := s.createPod()
	assert.False(t, stamped(pod))

	script := s.createScript("flush", "#!/bin/sh\nsync\n")
	command := func(source string) map[string]string {
		argv, err := json.Marshal([]string{"/bin/sh", "-c", source, "quiesce-script"})
		require.NoError(t, err)
		return map[string]string{v1alpha1.VeleroPrePrefix + v1alpha1.VeleroCommand: string(argv)}
	}
	s.waitStamp(pod, policy, command("#!/bin/sh\nsync\n"))
	s.waitCondition(policy, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse, "")
	patch := client.MergeFrom(script.DeepCopy())
	script.Spec.Script = "#!/bin/sh\necho changed\n"
	require.NoError(t, api.Patch(t.Context(), script, patch))
	s.waitStamp(pod, policy, command("#!/bin/sh\necho changed\n"))

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(script), script))
		assert.Equal(c, []v1alpha1.Use{{Kind: "HookPolicy", Name: policy.Name, Hook: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}}}, script.Status.UsedBy)
		assert.Equal(c, "/bin/sh", script.Status.Interpreter)
		assert.EqualValues(c, len(script.Spec.Script), script.Status.Bytes)
		assert.True(c, meta.IsStatusConditionTrue(script.Status.Conditions, v1alpha1.ConditionReady))
	}, patience, tick)
	output, err := terminal.Quietly().Run(t.Context(), "kubectl", "delete", "hookscript", script.Name, "--force", "--grace-period=0")
	require.Error(t, err, output)
	assert.ErrorContains(t, err, fmt.Sprintf("HookPolicy %q", policy.Name))
	assert.ErrorContains(t, err, "flush")

	require.NoError(t, api.Delete(t.Context(), policy))
	require.Eventually(t, func() bool { return api.Delete(t.Context(), script) == nil }, patience, tick)
	require.Eventually(t, func() bool { return gone(t.Context(), script) }, patience, tick)
}

// Every interpreter that the container has will do, and one that it lacks is told by its name.
func TestAnInterpreterThatTheContainerLacksIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	s.container("db", "quiesce.test/busybox:1.35", "sleep", "3600")
	awk := v1alpha1.Hook{Name: "awk", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Script: &v1alpha1.ScriptAction{
		Inline: "#!/bin/awk -f\nBEGIN { exit ARGV[1] == \"x\" ? 0 : 5 }\n", Args: []string{"x"}}}
	python := v1alpha1.Hook{Name: "python", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, OnError: v1alpha1.Continue, Script: &v1alpha1.ScriptAction{
		Inline: "#!/usr/bin/python3\nprint('hello')\n"}}
	large := v1alpha1.Hook{Name: "large", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Script: &v1alpha1.ScriptAction{
		Inline: "#!/bin/sh\nexit 0\n" + strings.Repeat("#", v1alpha1.MaxScriptBytes-len("#!/bin/sh\nexit 0\n"))}}
	for _, hook := range []*v1alpha1.Hook{&awk, &python, &large} {
		hook.Timeout.Duration = time.Minute
	}
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{awk, python, large}}})
	session := s.begin()
	s.waitReady(session)
	runs := s.runsOf(session)
	assert.Equal(t, v1alpha1.RunSucceeded, runs["awk"].Status.State, runs["awk"].Status)
	assert.Equal(t, v1alpha1.RunSucceeded, runs["large"].Status.State, runs["large"].Status)
	result := runs["python"].Status.Results[0]
	assert.Equal(t, "127", result.ExitCode)
	assert.Contains(t, result.Output, "the container has no /usr/bin/python3")
}
