package signal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// restoreOf is a Restore as it is kept.
func restoreOf(t *testing.T, source string) *restore {
	t.Helper()
	full := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(source), &full.Object))
	slim, err := restores{}.slim(full)
	require.NoError(t, err)
	kept, ok := slim.(*restore)
	require.True(t, ok)
	again, err := restores{}.slim(kept)
	require.NoError(t, err)
	assert.Same(t, kept, again, "what is slim passes as it is")
	return kept
}

func TestOfARestoreThatHasEndedLittleIsKept(t *testing.T) {
	const source = `{metadata: {name: monday, namespace: velero, uid: u1, resourceVersion: "7", labels: {a: b},
	annotations: {quiesce.io/gate: open, other.io/much: text}, managedFields: [{manager: velero}]},
	spec: {backupName: nightly-1, includedNamespaces: [shop], namespaceMapping: {shop: shop-copy}}, status: {phase: `
	for phase, whole := range map[string]bool{
		`""`: true, "New": true, "InProgress": true, "WaitingForPluginOperations": true, "FinalizingPartiallyFailed": true,
		"Completed": false, "PartiallyFailed": false, "Failed": false, "FailedValidation": false,
	} {
		kept := restoreOf(t, source+phase+"}}")
		assert.Equal(t, "monday", kept.Name)
		assert.Equal(t, "7", kept.ResourceVersion)
		assert.Equal(t, map[string]string{"quiesce.io/gate": "open"}, kept.Annotations)
		assert.Nil(t, kept.ManagedFields)
		assert.Equal(t, whole, kept.Spec.NamespaceMapping != nil, phase)
	}
	broken := restoreOf(t, `{metadata: {name: b, namespace: velero, uid: u}, spec: {includedNamespaces: x}}`)
	assert.True(t, velero.Ended(broken.phase()), "what Velero cannot read either has no sessions")
	_, err := restores{}.slim("x")
	assert.ErrorContains(t, err, "want a Restore")
}

func TestASessionOfARestoreIsForWhatIsThereAndWhatComes(t *testing.T) {
	kept := restoreOf(t, `{metadata: {name: monday, namespace: velero, uid: u1}, spec: {labelSelector: {matchLabels: {app: shop}}}}`)
	session := newSession(kept, 1, "shop", true)
	assert.Equal(t, map[string]string{
		"quiesce.io/source-uid": "u1", "quiesce.io/attempt": "1", "quiesce.io/velero-restore": "monday",
		"velero.io/exclude-from-backup": "true", "app.kubernetes.io/managed-by": "quiesce",
	}, session.Labels)
	written, err := yaml.Marshal(session.Spec)
	require.NoError(t, err)
	assert.Equal(t, `dataSource: Backup
labelSelector:
  matchLabels:
    app: shop
operation: Restore
outcomeTimeout: 720h0m0s
trigger: AdHoc
velero:
  held: true
  kind: Restore
  name: monday
  namespace: velero
  uid: u1
`, string(written))
}

func TestWhatTheSessionsOfARestoreAreTold(t *testing.T) {
	for phase, want := range map[string]v1alpha1.Outcome{
		"": "", "New": "", "InProgress": "", "WaitingForPluginOperations": "", "WaitingForPluginOperationsPartiallyFailed": "", "Finalizing": "",
		"FinalizingPartiallyFailed": "", "Completed": v1alpha1.Succeeded, "PartiallyFailed": v1alpha1.Failed, "Failed": v1alpha1.Failed,
		"FailedValidation": v1alpha1.Failed,
	} {
		told := (&restore{Restore: velero.Restore{Status: velero.RestoreStatus{Phase: phase}}}).outcomes()
		if want == "" {
			assert.Nil(t, told, phase)
		} else {
			assert.Equal(t, &v1alpha1.Outcomes{Operation: want}, told, "%s: a restore has no snapshot beside it", phase)
		}
	}
}

func TestWhichPoliciesAreForARestore(t *testing.T) {
	tests := map[string]struct {
		hooks              string
		concerns, quiesces bool
	}{
		"before it":             {`[{name: a, stages: [PreRestore], exec: {command: [x]}}]`, true, true},
		"after it":              {`[{name: a, stages: [PostRestore], exec: {command: [x]}}]`, true, false},
		"both":                  {`[{name: a, stages: [PostRestore], exec: {command: [x]}}, {name: b, stages: [PreRestore], exec: {command: [x]}}]`, true, true},
		"init containers alone": {`[{name: a, stages: [PostRestore], init: {containers: [{name: c}]}}]`, false, false},
		"of backups":            {`[{name: a, stages: [PreBackup, PostSnapshot], exec: {command: [x]}}]`, false, false},
	}
	for name, test := range tests {
		for _, mode := range []v1alpha1.VeleroMode{v1alpha1.VeleroStamp, v1alpha1.VeleroSession} {
			policy := &v1alpha1.HookPolicySpec{}
			require.NoError(t, yaml.Unmarshal([]byte(test.hooks), &policy.Hooks))
			policy.Velero.Mode = mode
			assert.Equal(t, test.concerns, (&restore{}).concerns(policy), "%s, %s", name, mode)
			assert.Equal(t, test.quiesces, (&restore{}).quiesces(policy), "%s, %s", name, mode)
		}
	}
}

func TestARestoreThatEndedLatelyMayHaveHooksToRun(t *testing.T) {
	now := time.Unix(100_000, 0)
	ago := func(d time.Duration) *metav1.Time { return new(metav1.NewTime(now.Add(-d))) }
	tests := map[string]struct {
		status velero.RestoreStatus
		want   bool
	}{
		"it runs":               {velero.RestoreStatus{Phase: velero.InProgress}, false},
		"a minute ago":          {velero.RestoreStatus{Phase: velero.Completed, Completed: ago(time.Minute)}, true},
		"some of it":            {velero.RestoreStatus{Phase: velero.PartiallyFailed, Completed: ago(time.Minute)}, true},
		"failed, midway":        {velero.RestoreStatus{Phase: velero.Failed, Completed: ago(time.Minute)}, true},
		"it never ran":          {velero.RestoreStatus{Phase: velero.FailedValidation, Completed: ago(time.Minute)}, false},
		"more than an hour ago": {velero.RestoreStatus{Phase: velero.Completed, Completed: ago(61 * time.Minute)}, false},
		"nobody knows when":     {velero.RestoreStatus{Phase: velero.Completed}, false},
	}
	for name, test := range tests {
		assert.Equal(t, test.want, (&restore{Restore: velero.Restore{Status: test.status}}).endedLately(now), name)
	}
}

func TestWhereVeleroDidNotWaitASecondSessionRunsTheHooksOfAfterIt(t *testing.T) {
	kept := restoreOf(t, `{metadata: {name: monday, namespace: velero, uid: u1}}`)
	begun := metav1.NowMicro()
	ready, overrun, accompanying := newSession(kept, 1, "a", true), newSession(kept, 1, "b", true), newSession(kept, 1, "c", false)
	ready.Status.BegunAt = &begun
	sessions := []*v1alpha1.HookSession{ready, overrun, accompanying}
	assert.True(t, served(sessions, "a"))
	assert.False(t, served(sessions, "b"), "Velero has begun before it was ready")
	assert.True(t, served(sessions, "c"))
	assert.False(t, served(sessions, "d"))
	assert.Equal(t, []*v1alpha1.HookSession{overrun}, overtaken(sessions))
	overrun.Status.FinishedAt = new(metav1.Now())
	assert.Empty(t, overtaken(sessions))

	late := lateSession(kept, sessions, "b")
	assert.NotEqual(t, overrun.Name, late.Name)
	assert.False(t, late.Spec.Velero.Held)
	assert.Equal(t, late.Name, lateSession(kept, sessions, "b").Name, "whoever creates it")
	assert.Equal(t, newSession(kept, 1, "d", false).Name, lateSession(kept, sessions, "d").Name)
	assert.NotContains(t, []string{late.Name}, lateSession(kept, sessions, "d").Name)
}
