package integration

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// withVelero has the API server serve Velero's kinds until the test ends.
func withVelero(t *testing.T) {
	t.Helper()
	kinds := veleroKinds()
	_, err := envtest.InstallCRDs(config, kinds)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, envtest.UninstallCRDs(config, kinds))
		for _, kind := range kinds.CRDs { // those that are on their way out keep the next from coming
			assert.Eventually(t, func() bool {
				return apierrors.IsNotFound(api.Get(context.Background(), client.ObjectKeyFromObject(kind), kind.DeepCopy()))
			}, patience, tick)
		}
	})
}

// heldBackup is a Backup as the webhook would mark it.
func heldBackup(t *testing.T, name, spec string) *unstructured.Unstructured {
	t.Helper()
	backup := veleroObject(t, "Backup", name, spec)
	backup.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateHeld, v1alpha1.GateSinceAnnotation: time.Now().UTC().Format(time.RFC3339Nano)})
	return backup
}

// inSessions is a policy for which Velero is to wait, in pods labelled app=NAME of a namespace.
func inSessions(name, namespace string) *v1alpha1.HookPolicy {
	policy := bothSides(name)
	policy.Spec.Velero.Mode = v1alpha1.VeleroSession
	policy.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(namespace)}
	return policy
}

func waitGate(t *testing.T, backup *unstructured.Unstructured, mark string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(backup), backup))
		require.Equal(c, mark, backup.GetAnnotations()[v1alpha1.GateAnnotation], backup.GetAnnotations()[v1alpha1.GateMessageAnnotation])
	}, patience, tick)
}

// sessionsOf are the sessions of a Backup, by their namespaces.
func sessionsOf(t *testing.T, backup *unstructured.Unstructured) []v1alpha1.HookSession {
	t.Helper()
	var list v1alpha1.HookSessionList
	require.NoError(t, api.List(t.Context(), &list, client.MatchingLabels{v1alpha1.SourceUIDLabel: string(backup.GetUID())}))
	slices.SortFunc(list.Items, func(a, b v1alpha1.HookSession) int { return cmp.Compare(a.Namespace, b.Namespace) })
	return list.Items
}

func waitSessions(t *testing.T, backup *unstructured.Unstructured, namespaces ...string) []v1alpha1.HookSession {
	t.Helper()
	slices.Sort(namespaces)
	var sessions []v1alpha1.HookSession
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		sessions = sessionsOf(t, backup)
		var found []string
		for i := range sessions {
			found = append(found, sessions[i].Namespace)
		}
		require.Equal(c, namespaces, found)
	}, patience, tick)
	return sessions
}

func field(t *testing.T, object *unstructured.Unstructured, path string) any {
	t.Helper()
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	value, _, err := unstructured.NestedFieldNoCopy(object.Object, strings.Split(path, ".")...)
	require.NoError(t, err)
	return value
}

func TestABackupIsAccompaniedFromItsBeginningToItsEnd(t *testing.T) {
	controller := startController(t)
	waitHealthy(t, controller)
	shop, bank, other := optedIn(t, nil), optedIn(t, nil), optedIn(t, nil)
	kept := optedIn(t, map[string]string{v1alpha1.ExcludeFromBackupLabel: "true"})
	for _, namespace := range []string{shop, bank, other, kept} {
		create(t, inSessions("accompanied-"+namespace, namespace))
	}
	// Velero comes when the controller runs already.
	withVelero(t)
	location := veleroObject(t, "BackupStorageLocation", "store", `provider: aws`)
	create(t, location)
	backup := heldBackup(t, "accompanied", `includedNamespaces: [`+shop+`, `+bank+`, `+kept+`]
labelSelector: {matchLabels: {app: shop}}`)
	backup.SetLabels(map[string]string{"velero.io/schedule-name": "nightly"})
	create(t, backup)
	waitGate(t, backup, v1alpha1.GateOpen)
	assert.Equal(t, "store", field(t, backup, "spec.storageLocation"))
	sessions := waitSessions(t, backup, shop, bank)
	for i := range sessions {
		session := &sessions[i]
		assert.NotNil(t, session.Status.BegunAt, "it is let go when all are ready")
		assert.Equal(t, v1alpha1.Scheduled, session.Spec.Trigger)
		assert.Equal(t, v1alpha1.LabelValue("shop"), session.Spec.LabelSelector.MatchLabels["app"])
		assert.Equal(t, v1alpha1.VeleroSource{
			Kind: v1alpha1.VeleroBackup, Namespace: release, Name: "accompanied", UID: backup.GetUID(), Schedule: "nightly", Held: true}, *session.Spec.Velero)
		assert.Equal(t, "accompanied", session.Labels[v1alpha1.BackupLabel])
		assert.Equal(t, "true", session.Labels[v1alpha1.ExcludeFromBackupLabel])
	}

	change(t, backup, `{"status":{"phase":"InProgress","startTimestamp":"2026-11-26T12:00:00Z"}}`)
	change(t, backup, `{"status":{"phase":"WaitingForPluginOperations"}}`)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, session := range sessionsOf(t, backup) {
			require.NotNil(c, session.Spec.Outcomes)
			require.Equal(c, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded}, *session.Spec.Outcomes)
		}
	}, patience, tick)
	change(t, backup, `{"status":{"phase":"Completed","hookStatus":{"hooksAttempted":2}}}`)
	for i := range sessions {
		session := waitSession(t, &sessions[i], v1alpha1.PhaseComplete)
		assert.Equal(t, v1alpha1.DelegatedHooks{Attempted: 2}, *session.Spec.Outcomes.Delegated)
	}
	assert.NotContains(t, backup.GetAnnotations(), v1alpha1.ConsistentAnnotation, "nothing was to be quiesced")
}

func TestABackupIsRefusedWhereASessionFails(t *testing.T) {
	withVelero(t)
	namespace, beside := optedIn(t, nil), optedIn(t, nil)
	create(t, inSessions("refused", namespace))
	create(t, inSessions("refused-beside", beside))
	create(t, appPod(namespace, "refused")) // which never runs
	controller := startController(t)
	backup := heldBackup(t, "refused", `includedNamespaces: [`+namespace+`, `+beside+`]
storageLocation: store
ttl: 1h0m0s`)
	create(t, backup)
	sessions := waitSessions(t, backup, namespace, beside)
	its := sessions[slices.IndexFunc(sessions, func(s v1alpha1.HookSession) bool { return s.Namespace == namespace })]
	waitGate(t, backup, v1alpha1.GateRefused)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.Equal(c, "Failed", field(t, backup, "status.phase"))
	}, patience, tick)
	reason, _ := field(t, backup, "status.failureReason").(string)
	assert.Contains(t, reason, "HookSession "+namespace+"/"+its.Name)
	assert.Equal(t, "1.1.0", field(t, backup, "status.formatVersion"))
	assert.NotEmpty(t, field(t, backup, "status.expiration"))
	waitSession(t, &its, v1alpha1.PhaseFailed)
	assert.Contains(t, reason, `hook "flush" of HookPolicy "refused"`)
	for _, session := range sessionsOf(t, backup) {
		waitSession(t, &session, map[bool]v1alpha1.Phase{true: v1alpha1.PhaseFailed, false: v1alpha1.PhaseCancelled}[session.Name == its.Name])
	}
	var events corev1.EventList
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.List(t.Context(), &events, client.InNamespace(release)))
		require.True(c, slices.ContainsFunc(events.Items, func(event corev1.Event) bool {
			return event.Reason == "Refused" && event.InvolvedObject.Name == "refused" && event.InvolvedObject.UID == backup.GetUID()
		}))
	}, patience, tick)

	// One that was refused when the controller died is failed by the next.
	require.NoError(t, controller.Process.Kill())
	<-controller.exited
	half := heldBackup(t, "half", `{includedNamespaces: [`+namespace+`]}`)
	half.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateRefused, v1alpha1.GateMessageAnnotation: "a hook failed"})
	create(t, half)
	controller.again(t)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.Equal(c, "Failed", field(t, half, "status.phase"))
		require.Equal(c, "Quiesce: a hook failed", field(t, half, "status.failureReason"))
	}, patience, tick)
}

func TestAnotherControllerGoesOnWithABackupWhereTheFirstHasDied(t *testing.T) {
	withVelero(t)
	namespace := optedIn(t, nil)
	create(t, inSessions("handed", namespace))
	running := veleroObject(t, "Backup", "running", `{includedNamespaces: [`+namespace+`]}`)
	running.Object["status"] = map[string]any{"phase": "InProgress"}
	create(t, running)
	backup := heldBackup(t, "handed", `{includedNamespaces: [`+namespace+`]}`)
	create(t, backup)
	old := veleroObject(t, "Backup", "old", `{includedNamespaces: [`+namespace+`]}`)
	old.Object["status"] = map[string]any{"phase": "Completed"}
	create(t, old)
	controller := startController(t)
	waitSessions(t, running, namespace)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(backup), backup))
		require.Equal(c, "waits for Backup running, which has namespaces in common with it", backup.GetAnnotations()[v1alpha1.GateMessageAnnotation])
	}, patience, tick)
	assert.Empty(t, sessionsOf(t, backup))
	require.NoError(t, controller.Process.Kill())
	<-controller.exited

	change(t, running, `{"status":{"phase":"Failed"}}`)
	gone := veleroObject(t, "Backup", "gone", `{includedNamespaces: [`+namespace+`]}`)
	controller = controller.again(t)
	waitGate(t, backup, v1alpha1.GateOpen)
	assert.Len(t, sessionsOf(t, backup), 1)
	waitSession(t, &sessionsOf(t, running)[0], v1alpha1.PhaseFailed)
	assert.Empty(t, sessionsOf(t, old), "what was over before anybody looked is left alone")

	create(t, gone)
	session := waitSessions(t, gone, namespace)[0]
	assert.False(t, session.Spec.Velero.Held)
	waitSession(t, &session, v1alpha1.PhaseQuiesced)
	require.NoError(t, controller.Process.Kill())
	<-controller.exited
	require.NoError(t, api.Delete(t.Context(), gone))
	controller.again(t)
	waitSession(t, &session, v1alpha1.PhaseCancelled)
}

func TestABackupThatAVeleroHasForgottenIsTouched(t *testing.T) {
	withVelero(t)
	startController(t)
	forgotten := veleroObject(t, "Backup", "forgotten", `{includedNamespaces: [elsewhere]}`)
	forgotten.Object["status"] = map[string]any{"phase": "ReadyToStart"}
	create(t, forgotten)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(forgotten), forgotten))
		require.Contains(c, forgotten.GetAnnotations(), v1alpha1.GateTouchedAnnotation)
	}, patience, tick)
	assert.Equal(t, "ReadyToStart", field(t, forgotten, "status.phase"))
}

func TestWithoutTheGateWhatIsHeldIsLetGo(t *testing.T) {
	withVelero(t)
	namespace := optedIn(t, nil)
	create(t, inSessions("ungated", namespace))
	startController(t, "--velero-gate=false")
	backup := heldBackup(t, "ungated", `{includedNamespaces: [`+namespace+`]}`)
	create(t, backup)
	waitGate(t, backup, v1alpha1.GateOpen)
	session := waitSessions(t, backup, namespace)[0]
	assert.False(t, session.Spec.Velero.Held)
	require.NoError(t, api.Delete(t.Context(), backup))
	waitSession(t, &session, v1alpha1.PhaseCancelled)
	assert.True(t, apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(backup), backup)))
}
