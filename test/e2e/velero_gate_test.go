//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// by narrows a hook to the pods with a label role.
func by(role string, hook v1alpha1.Hook) v1alpha1.Hook {
	hook.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"role": v1alpha1.LabelValue(role)}}
	return hook
}

// asking is a request to the web server of a pod, which writes it down.
func asking(name string, stage v1alpha1.Stage) v1alpha1.Hook {
	hook := getting(name, "/cgi-bin/keep?"+name)
	hook.Stages, hook.OnError = []v1alpha1.Stage{stage}, v1alpha1.Fail
	return hook
}

// An application of three pods, each quiesced in its own way, one after the other, before Velero looks at the first of them; and thawed when
// Velero has all it needs, and no earlier.
func TestABackupWaitsUntilAllPodsOfAnApplicationAreQuiescedInTheirOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	f := freezer{scene: s, pods: []*corev1.Pod{
		s.container("database", "quiesce.test/busybox:1.35", "sleep", "3600"), s.container("cache", "quiesce.test/busybox:1.35", "sleep", "3600"), s.web(),
	}}
	database, cache := f.pods[0], f.pods[1]
	for _, pod := range f.pods {
		s.kubectl("label", "pod", pod.Name, "role="+pod.Name)
	}
	drain := job("drain", "quiesce.test/busybox:1.35", `[ "$QUIESCE_STAGE" = PreSnapshot ]`, v1alpha1.PreSnapshot)
	drain.RunOn, drain.OnError = v1alpha1.OncePerSession, v1alpha1.Fail
	order := []string{"freeze", "pause", "drain", "hold", "resume", "thaw"}
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{
		Velero: v1alpha1.PolicyVelero{Mode: v1alpha1.VeleroSession},
		Hooks: []v1alpha1.Hook{
			by("database", does("freeze", freeze, v1alpha1.PreSnapshot)), by("web", asking("pause", v1alpha1.PreSnapshot)), drain, by("cache", holding("")),
			by("database", does("thaw", thaw, v1alpha1.PostSnapshot)), by("web", asking("resume", v1alpha1.PostSnapshot)),
		},
	}})
	// What is stamped tells when Velero comes to its first pod, and keeps it there.
	witness := s.slow("a-witness", "go")

	backup := s.backUp()
	backup.wait("open", func() bool { return backup.gate() == v1alpha1.GateOpen })
	backup.waitPhase("InProgress")
	sessions := backup.sessions()
	require.Len(t, sessions, 1)
	session := &sessions[0]
	assert.Equal(t, &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Namespace: "velero", Name: backup.GetName(), UID: backup.GetUID(), Held: true}, session.Spec.Velero)
	assert.Equal(t, v1alpha1.AdHoc, session.Spec.Trigger)
	assert.Subset(t, session.Labels, map[string]string{
		v1alpha1.SourceUIDLabel: string(backup.GetUID()), v1alpha1.BackupLabel: backup.GetName(), v1alpha1.AttemptLabel: "1", v1alpha1.ExcludeFromBackupLabel: "true",
	})
	assert.Equal(t, "default", backup.text("spec", "storageLocation"))
	requireCondition(t, session, v1alpha1.ConditionReadyForSnapshot, metav1.ConditionTrue, "Ready")
	quiesced := session.Status.Window.QuiescedAt.Time
	witness.reach(witness.pods[0], "go")
	written, err := os.Stat(fmt.Sprintf("/proc/%d/root/tmp/log", processOf(t, witness.pods[0], "main")))
	require.NoError(t, err)
	first := written.ModTime() // by the node's clock, which is this machine's
	assert.True(t, first.After(quiesced), "Velero came to its first pod at %s, all were quiesced at %s", first, quiesced)
	opened, err := time.Parse(time.RFC3339Nano, backup.GetAnnotations()[v1alpha1.GateSinceAnnotation])
	require.NoError(t, err)
	started := backup.seen(inPhase("InProgress"))
	since := func(at time.Time) time.Duration { return at.Sub(quiesced).Round(time.Millisecond) }
	t.Logf("after all were quiesced: open %s, InProgress seen %s, Velero at its first pod %s", since(opened), since(started), since(first))
	assert.Less(t, started.Sub(quiesced), 10*time.Second, "opening it wakes Velero, which looks by itself once a minute")

	// Velero is at work: nothing is thawed.
	assert.True(t, f.frozen(database))
	assert.True(t, f.frozen(cache))
	witness.letGo("go")
	backup.waitEnded("Completed")
	s.waitFinished(session, v1alpha1.PhaseComplete)
	t.Log(describe(session), "\n", backup.story())
	assert.EqualValues(t, 1, session.Status.Hooks.Delegated, "Velero has run what is stamped")
	assert.Equal(t, session.Status.Hooks.Total, session.Status.Hooks.Succeeded)
	attempted, _, _ := unstructured.NestedInt64(backup.Object, "status", "hookStatus", "hooksAttempted")
	assert.EqualValues(t, 1, attempted)
	f.requireUnguarded()
	assert.Equal(t, []string{"hold", "released"}, f.log(cache))
	assert.Equal(t, []string{"freeze", "thaw"}, f.log(database))
	runs := s.runsOf(session)
	var last time.Time
	for _, name := range order {
		if name == "hold" {
			continue
		}
		require.Len(t, runs[name].Status.Results, 1, name)
		at := runs[name].Status.Results[0].StartedAt.Time
		assert.True(t, at.After(last), "%s ran at %s, what comes before it at %s", name, at, last)
		last = at
	}
	for line := range strings.Lines(backup.veleroLog()) {
		if _, stamp, found := strings.Cut(line, `time="`); found {
			stamp, _, _ = strings.Cut(stamp, `"`)
			at, err := time.Parse(time.RFC3339, stamp)
			require.NoError(t, err)
			require.False(t, at.Before(quiesced.Truncate(time.Second)), "Velero did this before all was quiesced: %s", line)
		}
	}
	backup.waitConsistent("Unknown", "")
	assert.Contains(t, backup.events(), "Normal ")
}

// A hook of before the backup fails: there is no backup, nothing stays quiesced, and Velero has an object that it can show, and delete.
func TestABackupWhoseHookFailsIsRefusedWithAStatusThatVeleroKnows(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 2, 10*time.Minute, inSessions, hooks(
		does("freeze", freeze, v1alpha1.PreSnapshot), does("check", "echo no room left; exit 3", v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)))
	backup := f.backUp()
	backup.waitEnded("Failed")
	assert.Equal(t, v1alpha1.GateRefused, backup.gate())
	assert.Contains(t, backup.text("status", "failureReason"), `check`)
	assert.Equal(t, "default", backup.text("spec", "storageLocation"))
	for _, field := range []string{"startTimestamp", "completionTimestamp", "expiration"} {
		_, err := time.Parse(time.RFC3339, backup.text("status", field))
		require.NoError(t, err, field)
	}
	f.requireThawed(0)
	f.requireUnguarded()
	sessions := backup.sessions()
	require.Len(t, sessions, 1)
	f.waitFinished(&sessions[0], v1alpha1.PhaseFailed)
	assert.Contains(t, backup.events(), "Warning Refused")

	list, err := terminal.Run(t.Context(), "velero", "backup", "get", backup.GetName())
	require.NoError(t, err)
	assert.Contains(t, list, "Failed")
	_, err = terminal.Run(t.Context(), "velero", "backup", "delete", backup.GetName(), "--confirm")
	require.NoError(t, err)
	f.wait(patience, func() bool { return gone(t.Context(), backup.Unstructured) }, "Velero has not deleted it")
}

func TestTwoBackupsOfOneNamespaceAtOnceQuiesceItOneAfterTheOther(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 2, 10*time.Minute, inSessions)
	backups := []*veleroObject{f.backUp(), f.backUp()}
	for _, backup := range backups {
		backup.waitEnded("Completed")
		f.waitFinished(backup.waitSession(f.namespace), v1alpha1.PhaseComplete)
	}
	t.Logf("\n%s\n%s", backups[0].story(), backups[1].story())
	for _, pod := range f.pods {
		assert.Equal(t, []string{"freeze", "thaw", "freeze", "thaw"}, f.log(pod), "never both at once")
	}
	f.requireUnguarded()
}

func TestABackupThatIsHeldDelaysNoOther(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 10*time.Minute, inSessions, hooks(
		does("freeze", freeze+"; "+until("a"), v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)))
	held := f.backUp()
	f.reach(f.pods[0], "a")
	held.requireHeld()

	other := newScene(t, nil)
	begun := time.Now()
	backup := other.backUp()
	backup.waitEnded("Completed")
	t.Logf("another backup took %s:\n%s", time.Since(begun).Round(time.Millisecond), backup.story())
	assert.Empty(t, backup.gate())
	assert.Empty(t, backup.sessions())
	held.requireHeld()
	f.letGo("a")
	held.waitEnded("Completed")
	f.waitFinished(held.waitSession(f.namespace), v1alpha1.PhaseComplete)
	f.requireThawed(0)
}

func TestABackupThatIsDeletedWhileItIsHeldLeavesNothingQuiesced(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 10*time.Minute, inSessions, hooks(
		does("freeze", freeze, v1alpha1.PreSnapshot), does("more", until("a"), v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)))
	held := f.backUp()
	f.reach(f.pods[0], "a")
	session := held.waitSession(f.namespace)
	require.NoError(t, api.Delete(t.Context(), held.Unstructured))
	begun := time.Now()
	f.requireThawed(patience)
	f.waitSession(session, "finished", func(session *v1alpha1.HookSession) bool { return session.Status.Phase.Finished() })
	assert.True(t, session.Spec.Cancel)
	assert.Nil(t, session.Status.BegunAt)
	t.Logf("over %s after the deletion: %s", time.Since(begun).Round(tick), describe(session))
	f.requireUnguarded()
}

// The mark of a Backup that is held is Quiesce's to change, and that of those who break glass.
func TestAMarkIsChangedByThoseAloneWhoMay(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 1, 10*time.Minute, inSessions, hooks(
		does("freeze", freeze, v1alpha1.PreSnapshot), does("more", until("a"), v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)))
	held := f.backUp()
	f.reach(f.pods[0], "a")
	open := func(groups ...string) error {
		user, err := walkthrough.ConnectAs(t.Context(), cluster, rest.ImpersonationConfig{UserName: "system:serviceaccount:velero:velero", Groups: groups})
		require.NoError(t, err)
		return user.Patch(t.Context(), held.DeepCopy(), client.RawPatch("application/merge-patch+json",
			fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.GateAnnotation, v1alpha1.GateOpen)))
	}
	err := open("system:serviceaccounts", "system:serviceaccounts:velero", "system:authenticated")
	require.Error(t, err, "Velero may do anything, but this")
	assert.Contains(t, err.Error(), v1alpha1.GateAnnotation)
	_, err = terminal.Run(t.Context(), "kubectl", "patch", "-n", "velero", "backup", held.GetName(), "--type=merge", "--patch", `{"status":{"phase":"InProgress"}}`)
	require.Error(t, err, "nor does anybody start it")
	held.requireHeld()

	require.NoError(t, open("system:authenticated", "quiesce:break-glass"))
	held.waitEnded("Completed")
	f.requireThawed(patience)
	f.requireUnguarded()
	held.waitConsistent("False", "")
	t.Log(held.GetAnnotations()[v1alpha1.ConsistentMessageAnnotation], "\n", held.events())
}
