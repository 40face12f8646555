//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// answered runs `kubectl quiesce` on a terminal, answers its question, and returns all that stood there.
func answered(t *testing.T, answer string, args ...string) said {
	t.Helper()
	c := command(t, args...)
	terminal, err := pty.Start(c)
	require.NoError(t, err)
	defer terminal.Close()
	var screen strings.Builder
	for reader := bufio.NewReader(terminal); ; {
		character, _, err := reader.ReadRune()
		if err != nil { // of a terminal whose other end is closed
			break
		}
		screen.WriteRune(character)
		if strings.HasSuffix(screen.String(), "[y/N] ") {
			_, err := terminal.WriteString(answer + "\n")
			require.NoError(t, err)
		}
	}
	if err := c.Wait(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return said{out: screen.String(), code: c.ProcessState.ExitCode()}
}

func TestTheActivityOfASessionIsShown(t *testing.T) {
	t.Parallel()
	fails := does("check", "if [ $(hostname) = pod-1 ]; then echo 'no space left'; exit 3; fi", v1alpha1.PreSnapshot)
	f := newFreezer(t, 2, 10*time.Minute, hooks(does("freeze", freeze, v1alpha1.PreSnapshot), fails, does("thaw", thaw, v1alpha1.PostSnapshot)))
	following := command(t, "logs", "-n", f.namespace, "-f", "-o", "json")
	lines, err := following.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, following.Start())
	session := f.begin()
	f.waitFinished(session, v1alpha1.PhaseFailed)

	var followed []string
	for scanner := bufio.NewScanner(lines); len(followed) < 6 && scanner.Scan(); {
		var line struct{ Hook, Pod, Result, Output string }
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &line), scanner.Text())
		followed = append(followed, strings.TrimSpace(line.Hook+" "+line.Pod+" "+line.Result+" "+line.Output))
	}
	assert.ElementsMatch(t, []string{
		"freeze pod-0 Succeeded", "freeze pod-1 Succeeded", "check pod-0 Succeeded", "check pod-1 Failed no space left", "thaw pod-0 Succeeded", "thaw pod-1 Succeeded",
	}, followed)
	require.NoError(t, following.Process.Signal(os.Interrupt))
	require.NoError(t, following.Wait(), "who ends what is followed has seen enough")

	listed := quiesce(t, "sessions", "-n", f.namespace, "--phase", "failed", "--policy", f.policies[0].Name, "-o", "wide")
	require.Zero(t, listed.code, listed.err)
	assert.Regexp(t, `(?m)^`+session.Name+` +Backup +Failed +6 +1 +\S+ +False +\S+ +- +True +hook "check" .*pod "pod-1"`, listed.out)
	assert.Equal(t, "hooksession.quiesce.io/"+session.Name+"\n", quiesce(t, "session", "-n", f.namespace, session.Name, "-o", "name").out)
	assert.Equal(t, "No resources found in "+f.namespace+" namespace.\n", quiesce(t, "sessions", "-n", f.namespace, "--operation", "Restore").err)

	described := quiesce(t, "describe", "session", session.Name, "-n", f.namespace)
	require.Zero(t, described.code, described.err)
	t.Log(described.out)
	assert.Contains(t, described.out, `PreSnapshot `+f.policies[0].Name+`/check in pod "pod-1", container main`)
	assert.Contains(t, described.out, "    | no space left")
	unknown := quiesce(t, "describe", "session", strings.TrimSuffix(session.Name, session.Name[len(session.Name)-1:]), "-n", f.namespace)
	assert.Equal(t, 1, unknown.code)
	assert.Contains(t, unknown.err, `did you mean "`+session.Name+`"?`)

	failures := quiesce(t, "logs", "-n", f.namespace, "--result", "failed", "--show-output", "--session", session.Name, "--since", "1h")
	require.Zero(t, failures.code, failures.err)
	t.Log(failures.out)
	assert.Equal(t, 3, strings.Count(failures.out, "\n"), "a heading, a line, and its output")
	assert.Equal(t, "No hooks found in "+f.namespace+" namespace.\n", quiesce(t, "logs", "-n", f.namespace, "--until", "1h").err)
	over := quiesce(t, "cancel", session.Name, "-n", f.namespace, "--wait")
	assert.Equal(t, "hooksession/"+session.Name+" is over already: Failed\n", over.out)
}

func TestThawAsksAndHasTheControllerThaw(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 2, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	refused := answered(t, "n", "thaw", "-n", f.namespace)
	assert.Equal(t, 1, refused.code)
	assert.Contains(t, refused.out, "error: nothing was changed")
	silent := quiesce(t, "thaw", "-n", f.namespace)
	assert.Equal(t, 2, silent.code)
	assert.Contains(t, silent.err, "write --yes")
	assert.True(t, f.frozen(f.pods[0]))

	asked := answered(t, "y", "thaw", "-n", f.namespace)
	t.Log(asked.out)
	require.Zero(t, asked.code, asked.out)
	assert.Contains(t, asked.out, "session "+session.Name+": cancelled, and thawed by its controller after ")
	f.requireThawed(0)
	f.waitFinished(session, v1alpha1.PhaseCancelled)
	assert.Contains(t, quiesce(t, "thaw", "-n", f.namespace).err, "Nothing is quiesced in namespace "+f.namespace)

	second := f.begin()
	f.waitReady(second)
	cancelled := quiesce(t, "cancel", "--all", "-n", f.namespace, "--yes", "--wait")
	require.Zero(t, cancelled.code, cancelled.err)
	assert.Contains(t, cancelled.out, "hooksession/"+second.Name+" is thawed: its pods were quiesced for ")
	f.requireThawed(0)
}

func TestThawWithoutAController(t *testing.T) {
	_, err := plugin() // which is not to be built while the time is taken
	require.NoError(t, err)
	f := newFreezer(t, 2, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	stamped := newFreezer(t, 1, 10*time.Minute)
	pod := stamped.pods[0]
	stamped.waitStamp(pod, stamped.policies[0], nil)
	var before []string
	require.NoError(t, json.Unmarshal([]byte(pod.Annotations["pre.hook.backup.velero.io/command"]), &before))
	frozen := newExecutor(t, "").Exec(t.Context(), action.Request{Target: targetOf(pod), Command: before, Timeout: time.Minute, Chain: true})
	require.Equal(t, action.Succeeded, frozen.Reason, frozen)
	scaleController(t, 0)

	begun := time.Now()
	done := quiesce(t, "thaw", "-n", f.namespace, "--yes")
	t.Logf("%s\n%s\nafter %s", done.out, done.err, time.Since(begun).Round(tick))
	require.Zero(t, done.code)
	assert.Contains(t, done.err, "session "+session.Name+": no controller has answered within 5s")
	f.requireThawed(0)
	f.requireUnguarded()

	// Whoever may edit the namespace may not read the policies of the cluster.
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: stamped.namespace, Name: "thawer"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "thawer"}},
	}
	require.NoError(t, api.Create(t.Context(), binding))
	dry := quiesce(t, "thaw", "-n", stamped.namespace, "--dry-run")
	require.Zero(t, dry.code, dry.err)
	assert.Contains(t, dry.out, stamped.policies[0].Name+"/thaw")
	assert.True(t, stamped.frozen(pod))
	begun = time.Now()
	done = quiesce(t, "thaw", "-n", stamped.namespace, "pod/"+pod.Name, "--yes", "--as", "thawer")
	t.Logf("%s\n%s\nafter %s", done.out, done.err, time.Since(begun).Round(tick))
	require.Zero(t, done.code)
	assert.Contains(t, done.out, "since their policies cannot be read")
	stamped.requireThawed(0)
	stamped.requireUnguarded()

	frozen = newExecutor(t, "").Exec(context.Background(), action.Request{Target: targetOf(pod), Command: before, Timeout: time.Minute, Chain: true})
	require.Equal(t, action.Succeeded, frozen.Reason, frozen)
	done = quiesce(t, "thaw", "-n", stamped.namespace, "-y")
	require.Zero(t, done.code, done.err)
	stamped.requireThawed(0)
	stamped.requireUnguarded()
	assert.Contains(t, quiesce(t, "thaw", "-n", stamped.namespace).err, "Nothing is quiesced in namespace "+stamped.namespace)

	scaleController(t, 1)
	f.waitSession(session, "finished", func(s *v1alpha1.HookSession) bool { return s.Status.Phase.Finished() })
	f.requireThawed(0)
	t.Log(describe(session))
}
