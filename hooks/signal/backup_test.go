package signal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// backupOf is a Backup as it is kept.
func backupOf(t *testing.T, source string) *backup {
	t.Helper()
	full := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(source), &full.Object))
	slim, err := backups{}.slim(full)
	require.NoError(t, err)
	kept, ok := slim.(*backup)
	require.True(t, ok)
	again, err := backups{}.slim(kept)
	require.NoError(t, err)
	assert.Same(t, kept, again, "what is slim passes as it is")
	return kept
}

func TestOfABackupThatEndedLongAgoLittleIsKept(t *testing.T) {
	const source = `{metadata: {name: nightly-1, namespace: velero, uid: u1, resourceVersion: "7", labels: {velero.io/schedule-name: nightly},
	annotations: {quiesce.io/gate: open, other.io/much: text}, managedFields: [{manager: velero}]},
	spec: {includedNamespaces: [shop], hooks: {resources: [{name: own, pre: [{exec: {command: [x]}}]}]}}, status: `
	recently := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	tests := map[string]struct {
		status string
		whole  bool
	}{
		"new":              {`{}`, true},
		"under way":        {`{phase: InProgress}`, true},
		"its data moves":   {`{phase: WaitingForPluginOperations}`, true},
		"ended lately":     {`{phase: Failed, completionTimestamp: "` + recently + `"}`, true},
		"ended long ago":   {`{phase: Completed, completionTimestamp: "2026-01-01T00:00:00Z"}`, false},
		"ended some time":  {`{phase: FailedValidation}`, false},
		"being taken away": {`{phase: Deleting}`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			kept := backupOf(t, source+test.status+"}")
			assert.Equal(t, "nightly-1", kept.Name)
			assert.Equal(t, "7", kept.ResourceVersion)
			assert.Equal(t, map[string]string{"quiesce.io/gate": "open"}, kept.Annotations)
			assert.Nil(t, kept.ManagedFields)
			assert.Empty(t, kept.Spec.Hooks.Resources)
			assert.Equal(t, test.whole, kept.Spec.IncludedNamespaces != nil)
			assert.Equal(t, test.whole, kept.Labels != nil)
		})
	}
	broken := backupOf(t, `{metadata: {name: b, namespace: velero, uid: u}, spec: {includedNamespaces: x}}`)
	assert.True(t, velero.Ended(broken.phase()), "what Velero cannot read either has no sessions")
	_, err := backups{}.slim("x")
	assert.ErrorContains(t, err, "want a Backup")
}

func TestASessionOfABackupCoversThePodsThatTheBackupCovers(t *testing.T) {
	kept := backupOf(t, `{metadata: {name: nightly-20261126, namespace: velero, uid: u1, labels: {velero.io/schedule-name: nightly}}, spec: {
	labelSelector: {matchLabels: {app: shop}, matchExpressions: [{key: tier, operator: In, values: [a, b]}, {key: x, operator: Exists}]},
	orLabelSelectors: [{matchLabels: {app: a}}, {matchExpressions: [{key: b, operator: DoesNotExist}]}]}}`)
	session := newSession(kept, 2, "shop", true)
	assert.Equal(t, map[string]string{
		"quiesce.io/source-uid": "u1", "quiesce.io/attempt": "2", "quiesce.io/velero-backup": "nightly-20261126", "quiesce.io/velero-schedule": "nightly",
		"velero.io/exclude-from-backup": "true", "app.kubernetes.io/managed-by": "quiesce",
	}, session.Labels)
	written, err := yaml.Marshal(session.Spec)
	require.NoError(t, err)
	assert.Equal(t, `dataSource: Live
labelSelector:
  matchExpressions:
  - key: tier
    operator: In
    values:
    - a
    - b
  - key: x
    operator: Exists
  matchLabels:
    app: shop
operation: Backup
orLabelSelectors:
- matchLabels:
    app: a
- matchExpressions:
  - key: b
    operator: DoesNotExist
outcomeTimeout: 720h0m0s
trigger: Scheduled
velero:
  held: true
  kind: Backup
  name: nightly-20261126
  namespace: velero
  schedule: nightly
  uid: u1
`, string(written))
	byHand := newSession(backupOf(t, `{metadata: {name: a, namespace: velero, uid: u1}}`), 1, "shop", false)
	assert.Equal(t, v1alpha1.AdHoc, byHand.Spec.Trigger)
	assert.Nil(t, byHand.Spec.LabelSelector)
	assert.NotContains(t, byHand.Labels, v1alpha1.ScheduleLabel)
}

func TestTheNameOfASessionFollowsFromWhatItIsOf(t *testing.T) {
	name := sessionName("nightly", "u1", 1, "shop")
	assert.Regexp(t, `^nightly-[0-9a-f]{10}$`, name)
	assert.Equal(t, name, sessionName("nightly", "u1", 1, "shop"))
	for _, other := range []string{sessionName("nightly", "u2", 1, "shop"), sessionName("nightly", "u1", 2, "shop"), sessionName("nightly", "u1", 1, "bank")} {
		assert.NotEqual(t, name, other)
	}
	assert.Regexp(t, `^a{39}-[0-9a-f]{10}$`, sessionName("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.-aaaa", "u", 1, "shop"), "no label of a name ends with a hyphen")
}

func TestSessionsAreToldWhenDataIsCapturedAndHowItEnded(t *testing.T) {
	tests := map[string]struct {
		status string
		want   *v1alpha1.Outcomes
	}{
		"new":                      {`{}`, nil},
		"ready to start":           {`{phase: ReadyToStart}`, nil},
		"under way":                {`{phase: InProgress}`, nil},
		"its data moves":           {`{phase: WaitingForPluginOperationsPartiallyFailed}`, &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded}},
		"it is being finished":     {`{phase: Finalizing}`, &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded}},
		"it went well":             {`{phase: Completed}`, &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Succeeded}},
		"it went well, with hooks": {`{phase: Completed, hookStatus: {hooksAttempted: 4}}`, &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Succeeded, Delegated: &v1alpha1.DelegatedHooks{Attempted: 4}}},
		"in part":                  {`{phase: PartiallyFailed, hookStatus: {hooksAttempted: 4, hooksFailed: 1}}`, &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Failed, Delegated: &v1alpha1.DelegatedHooks{Attempted: 4, Failed: 1}}},
		"it failed":                {`{phase: Failed}`, &v1alpha1.Outcomes{Snapshot: v1alpha1.Failed, Operation: v1alpha1.Failed}},
		"it could not be begun":    {`{phase: FailedValidation}`, &v1alpha1.Outcomes{Snapshot: v1alpha1.Failed, Operation: v1alpha1.Failed}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, backupOf(t, `{metadata: {name: b}, status: `+test.status+`}`).outcomes())
		})
	}
}

func TestWhatHasBeenSaidIsNotSaidAgain(t *testing.T) {
	ended := &v1alpha1.Outcomes{Snapshot: v1alpha1.Failed, Operation: v1alpha1.Failed, Delegated: &v1alpha1.DelegatedHooks{Attempted: 1}}
	assert.Equal(t, *ended, addOutcomes(v1alpha1.Outcomes{}, ended))
	assert.Equal(t, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Failed, Delegated: ended.Delegated},
		addOutcomes(v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded}, ended))
	over := v1alpha1.Outcomes{Operation: v1alpha1.Succeeded}
	assert.Equal(t, over, addOutcomes(over, ended))
	captured := &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded}
	assert.Equal(t, *captured, addOutcomes(*captured, captured))
}

func TestABackupMayNameThePoliciesOfItsSessions(t *testing.T) {
	for value, want := range map[string][]string{"": nil, " , ": nil, "postgres": {"postgres"}, "postgres, redis ,postgres": {"postgres", "redis"}} {
		named := backupOf(t, `{metadata: {name: b, namespace: velero, uid: u, annotations: {quiesce.io/policies: "`+value+`"}}}`)
		assert.Equal(t, want, newSession(named, 1, "shop", true).Spec.PolicyNames, value)
	}
	assert.Nil(t, newSession(backupOf(t, `{metadata: {name: b, namespace: velero, uid: u}}`), 1, "shop", true).Spec.PolicyNames)
}

// Whoever may edit sessions in some namespace can have read the UID of a Backup in one that is there.
func TestASessionThatSomebodyHasMadeHasNoSayInABackup(t *testing.T) {
	kept := backupOf(t, `{metadata: {name: nightly, namespace: velero, uid: u1}}`)
	ours, earlier, copied, relabelled := newSession(kept, 2, "shop", true), newSession(kept, 1, "shop", true), newSession(kept, 2, "shop", true), newSession(kept, 2, "bank", true)
	copied.Name += "-2"
	elsewhere := newSession(kept, 2, "shop", true)
	elsewhere.Namespace = "mine"
	relabelled.Labels[v1alpha1.AttemptLabel] = "1"
	current, others := ofAttempt([]*v1alpha1.HookSession{ours, earlier, copied, elsewhere, relabelled}, kept, 2)
	assert.Equal(t, []*v1alpha1.HookSession{ours, relabelled}, current)
	assert.Equal(t, []*v1alpha1.HookSession{earlier, copied, elsewhere}, others)
}

// Each that waits looks at all others.
func TestThoseThatWaitAreWokenByWhatTheyMayWaitFor(t *testing.T) {
	const before = `{metadata: {name: b, namespace: velero, uid: u, annotations: {quiesce.io/gate: held, quiesce.io/gate-since: a, quiesce.io/gate-message: x}}, status: {phase: New}}`
	for what, test := range map[string]struct {
		after string
		same  bool
	}{
		"it gets on":           {`{metadata: {name: b, namespace: velero, uid: u, resourceVersion: "2", annotations: {quiesce.io/gate: held, quiesce.io/gate-since: a, quiesce.io/gate-message: other}}, status: {phase: New, progress: {}}}`, true},
		"it is in a phase":     {`{metadata: {name: b, namespace: velero, uid: u, annotations: {quiesce.io/gate: held, quiesce.io/gate-since: a}}, status: {phase: Queued}}`, false},
		"it is let go":         {`{metadata: {name: b, namespace: velero, uid: u, annotations: {quiesce.io/gate: open, quiesce.io/gate-since: a}}, status: {phase: New}}`, false},
		"it is held again":     {`{metadata: {name: b, namespace: velero, uid: u, annotations: {quiesce.io/gate: held, quiesce.io/gate-since: a, quiesce.io/attempt: "2"}}, status: {phase: New}}`, false},
		"it is another":        {`{metadata: {name: b, namespace: velero, uid: v, annotations: {quiesce.io/gate: held, quiesce.io/gate-since: a}}, status: {phase: New}}`, false},
		"it gives back a slot": {`{metadata: {name: b, namespace: velero, uid: u, annotations: {quiesce.io/gate: held, quiesce.io/gate-since: a, quiesce.io/gate-returns-to: ReadyToStart}}, status: {phase: New}}`, false},
	} {
		assert.Equal(t, test.same, sameTurn(backupOf(t, before), backupOf(t, test.after)), what)
	}
}

func TestOfWhichBackupsFilesMayBeReadThoughNoPodSaysSo(t *testing.T) {
	tests := map[string]struct {
		object string
		may    bool
	}{
		"none says so":                   {`{metadata: {name: b}, spec: {defaultVolumesToFsBackup: false}}`, false},
		"files are its default":          {`{metadata: {name: b}, spec: {defaultVolumesToFsBackup: true}}`, true},
		"its own volume policies":        {`{metadata: {name: b}, spec: {resourcePolicy: {kind: configmap, name: p}}}`, true},
		"volume policies of all backups": {`{metadata: {name: b, annotations: {velero.io/global-backup-volume-policy-configmap: p}}}`, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.may, backupOf(t, test.object).mayReadFiles())
		})
	}
}
