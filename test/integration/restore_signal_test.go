package integration

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/signal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// aroundRestores is a policy for pods labelled app=NAME, with a hook in each of some stages. Nothing runs here, so that a hook soon gives up.
func aroundRestores(name string, stages ...v1alpha1.Stage) *v1alpha1.HookPolicy {
	policy := flushPolicy(name)
	policy.Spec.Hooks = nil
	for i, stage := range stages {
		hook := v1alpha1.Hook{
			Name: []string{"first", "second"}[i], Stages: []v1alpha1.Stage{stage}, OnError: v1alpha1.Continue,
			Exec: &v1alpha1.ExecAction{Command: []string{"true"}},
		}
		if stage == v1alpha1.PostRestore {
			hook.WaitTimeout.Duration = time.Second
		}
		policy.Spec.Hooks = append(policy.Spec.Hooks, hook)
	}
	return policy
}

func heldRestore(t *testing.T, name, spec string) *unstructured.Unstructured {
	t.Helper()
	restore := veleroObject(t, "Restore", name, spec)
	restore.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateHeld, v1alpha1.GateSinceAnnotation: time.Now().UTC().Format(time.RFC3339Nano)})
	return restore
}

// broughtPod is a pod as a restore creates it.
func broughtPod(t *testing.T, namespace, app, restore string) *corev1.Pod {
	t.Helper()
	pod := appPod(namespace, app)
	pod.Labels[v1alpha1.VeleroRestoreLabel] = restore
	create(t, pod)
	return pod
}

func end(t *testing.T, restore *unstructured.Unstructured, phase string, ago time.Duration) {
	t.Helper()
	change(t, restore, `{"status":{"phase":"`+phase+`","completionTimestamp":"`+time.Now().Add(-ago).UTC().Format(time.RFC3339)+`"}}`)
}

// ran are the pods for which a session has written down hooks of a stage, sorted, one for each hook.
func ran(t *testing.T, session *v1alpha1.HookSession, stage v1alpha1.Stage) []string {
	t.Helper()
	var runs v1alpha1.HookRunList
	require.NoError(t, api.List(t.Context(), &runs, client.InNamespace(session.Namespace),
		client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.UID), v1alpha1.StageLabel: string(stage)}))
	pods := []string{}
	for i := range runs.Items {
		assert.Len(t, runs.Items[i].Status.Results, len(runs.Items[i].Spec.Pods), "each has a result")
		for j := range runs.Items[i].Spec.Pods {
			pods = append(pods, runs.Items[i].Spec.Pods[j].Name)
		}
	}
	slices.Sort(pods)
	return pods
}

func sorted(names ...string) []string {
	slices.Sort(names)
	return names
}

func TestARestoreIsAccompaniedUnderANamespaceMapping(t *testing.T) {
	withVelero(t)
	startController(t)
	there, untouched := optedIn(t, nil), optedIn(t, nil)
	const source, coming = "mapped-source", "mapped-coming"
	create(t, aroundRestores("mapped", v1alpha1.PostRestore))
	create(t, appPod(there, "mapped"))
	create(t, veleroObject(t, "Backup", "mapped", `includedNamespaces: [`+source+`, shop-one]`))
	restore := veleroObject(t, "Restore", "mapped", `backupName: mapped
namespaceMapping: {shop-one: `+there+`, `+source+`: `+coming+`}`)
	create(t, restore)
	waitSessions(t, restore, there)

	// A namespace comes with the restore, and its pods; and what a Deployment makes of itself.
	change(t, restore, `{"status":{"phase":"InProgress"}}`)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: coming, Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}}
	create(t, namespace)
	sessions := waitSessions(t, restore, there, coming)
	first, second := broughtPod(t, there, "mapped", "mapped"), broughtPod(t, coming, "mapped", "mapped")
	third := broughtPod(t, coming, "mapped", "mapped")
	create(t, appPod(coming, "mapped"))
	broughtPod(t, coming, "mapped", "another")
	end(t, restore, "Completed", 0)
	want := map[string][]string{there: {first.Name}, coming: sorted(second.Name, third.Name)}
	for i := range sessions {
		finished := waitSession(t, &sessions[i], v1alpha1.PhaseComplete)
		assert.False(t, finished.Spec.Velero.Held)
		assert.Equal(t, v1alpha1.Succeeded, finished.Spec.Outcomes.Operation)
		assert.Equal(t, want[finished.Namespace], ran(t, finished, v1alpha1.PostRestore))
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(restore), restore))
		require.Contains(c, restore.GetAnnotations(), v1alpha1.AccompaniedAnnotation)
	}, patience, tick)
	assert.Len(t, sessionsOf(t, restore), 2, "none in %s", untouched)
}

func TestARestoreWaitsForTheHooksOfBeforeIt(t *testing.T) {
	withVelero(t)
	startController(t)
	namespace, beside := optedIn(t, nil), optedIn(t, nil)
	policy := aroundRestores("waited", v1alpha1.PreRestore, v1alpha1.PostRestore)
	create(t, policy)
	before := appPod(namespace, "waited")
	create(t, before)
	restore := heldRestore(t, "waited", `{backupName: gone, includedNamespaces: [`+namespace+`]}`)
	create(t, restore)
	waitGate(t, restore, v1alpha1.GateOpen)
	session := waitSessions(t, restore, namespace)[0]
	assert.True(t, session.Spec.Velero.Held)
	assert.NotNil(t, session.Status.BegunAt)
	assert.Equal(t, []string{before.Name}, ran(t, &session, v1alpha1.PreRestore))
	change(t, restore, `{"status":{"phase":"InProgress"}}`)
	after := broughtPod(t, namespace, "waited", "waited")
	elsewhere := broughtPod(t, beside, "waited", "waited")
	end(t, restore, "PartiallyFailed", 0)
	finished := waitSession(t, &session, v1alpha1.PhaseFailed)
	assert.Equal(t, v1alpha1.Failed, finished.Spec.Outcomes.Operation)
	assert.Equal(t, []string{after.Name}, ran(t, finished, v1alpha1.PostRestore), "in the pod of before nothing was run that is to be undone")

	late := waitSessions(t, restore, namespace, beside)
	i := slices.IndexFunc(late, func(s v1alpha1.HookSession) bool { return s.Namespace == beside })
	finished = waitSession(t, &late[i], v1alpha1.PhaseFailed)
	assert.False(t, finished.Spec.Velero.Held)
	assert.Equal(t, []string{elsewhere.Name}, ran(t, finished, v1alpha1.PostRestore), "pods came where its spec said nothing of")
}

func TestARestoreIsRefusedWhereAHookOfBeforeItFails(t *testing.T) {
	withVelero(t)
	startController(t)
	namespace := optedIn(t, nil)
	policy := aroundRestores("unwilling", v1alpha1.PreRestore)
	policy.Spec.Hooks[0].OnError = v1alpha1.Fail
	create(t, policy)
	create(t, appPod(namespace, "unwilling"))
	restore := heldRestore(t, "unwilling", `{backupName: gone, includedNamespaces: [`+namespace+`]}`)
	create(t, restore)
	waitGate(t, restore, v1alpha1.GateRefused)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.Equal(c, "Failed", field(t, restore, "status.phase"))
	}, patience, tick)
	assert.Contains(t, field(t, restore, "status.failureReason"), `hook "first" of HookPolicy "unwilling"`)
	assert.NotEmpty(t, field(t, restore, "status.startTimestamp"))
	assert.NotEmpty(t, field(t, restore, "status.completionTimestamp"))
	waitSession(t, &sessionsOf(t, restore)[0], v1alpha1.PhaseFailed)
}

func TestAControllerThatWasAwayRunsTheHooksOfAfterARestoreOnce(t *testing.T) {
	withVelero(t)
	namespace, closed := optedIn(t, nil), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "closed-"}}
	create(t, closed)
	create(t, aroundRestores("away", v1alpha1.PostRestore))
	for name, ago := range map[string]time.Duration{"missed": 0, "forgotten": 2 * time.Hour} {
		restore := veleroObject(t, "Restore", name, `backupName: gone`)
		create(t, restore)
		broughtPod(t, namespace, "away", name)
		broughtPod(t, closed.Name, "away", name)
		end(t, restore, "Completed", ago)
	}
	get := func(name string) *unstructured.Unstructured {
		restore := veleroObject(t, "Restore", name, `{}`)
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(restore), restore))
		return restore
	}
	controller := startController(t)
	session := waitSessions(t, get("missed"), namespace)[0]
	finished := waitSession(t, &session, v1alpha1.PhaseComplete)
	assert.Len(t, ran(t, finished, v1alpha1.PostRestore), 1)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.Contains(c, get("missed").GetAnnotations(), v1alpha1.AccompaniedAnnotation)
	}, patience, tick)
	assert.Empty(t, sessionsOf(t, get("forgotten")))

	// Its session is gone: another controller does not begin again.
	require.NoError(t, controller.Process.Kill())
	<-controller.exited
	require.NoError(t, api.Delete(t.Context(), finished))
	again := veleroObject(t, "Restore", "again", `backupName: gone`)
	create(t, again)
	broughtPod(t, namespace, "away", "again")
	end(t, again, "Completed", 0)
	controller.again(t)
	waitSessions(t, again, namespace)
	assert.Empty(t, sessionsOf(t, get("missed")))
}

func TestARestoreThatIsDeletedLetsItsSessionsGo(t *testing.T) {
	withVelero(t)
	startController(t)
	namespace := optedIn(t, nil)
	create(t, aroundRestores("deleted", v1alpha1.PostRestore))
	restore := veleroObject(t, "Restore", "deleted", `{backupName: gone, includedNamespaces: [`+namespace+`]}`)
	create(t, restore)
	session := waitSessions(t, restore, namespace)[0]
	waitSession(t, &session, v1alpha1.PhaseQuiesced)
	require.NoError(t, api.Delete(t.Context(), restore))
	waitSession(t, &session, v1alpha1.PhaseCancelled)
}

// A held one may be let go by hand, or when the controller is away for long.
func TestARestoreThatOvertakesItsHooksOfBeforeHasThoseOfAfter(t *testing.T) {
	withVelero(t)
	startSignals(t, signal.Options{Gate: true, ConcurrentBackups: 1, StartGrace: patience})
	namespace := optedIn(t, nil)
	create(t, aroundRestores("overtaking", v1alpha1.PreRestore, v1alpha1.PostRestore))
	restore := heldRestore(t, "overtaking", `{backupName: gone, includedNamespaces: [`+namespace+`]}`)
	create(t, restore)
	held := waitSessions(t, restore, namespace)[0]
	assert.True(t, held.Spec.Velero.Held)
	change(t, restore, `{"metadata":{"annotations":{"quiesce.io/gate":"open"}},"status":{"phase":"InProgress"}}`)
	waitCancelled(t, &held)
	stand(t, &held, over(v1alpha1.PhaseCancelled, metav1.ConditionUnknown))
	broughtPod(t, namespace, "overtaking", "overtaking")
	end(t, restore, "Completed", 0)

	late := waitSessions(t, restore, namespace, namespace)
	late = slices.DeleteFunc(late, func(s v1alpha1.HookSession) bool { return s.Name == held.Name })
	require.Len(t, late, 1)
	assert.False(t, late[0].Spec.Velero.Held)
	assert.Nil(t, late[0].Spec.Outcomes, "it has not begun")
	begun := metav1.NowMicro()
	stand(t, &late[0], func(status *v1alpha1.HookSessionStatus) { status.BegunAt = &begun })
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(&late[0]), &late[0]))
		require.Equal(c, &v1alpha1.Outcomes{Operation: v1alpha1.Succeeded}, late[0].Spec.Outcomes)
	}, patience, tick)
}

// Velero runs one at a time: what was quiesced for another would wait for nothing.
func TestRestoresAreQuiescedForOneAtATime(t *testing.T) {
	withVelero(t)
	startSignals(t, signal.Options{Gate: true, ConcurrentBackups: 5, StartGrace: patience})
	shop, bank := optedIn(t, nil), optedIn(t, nil)
	create(t, aroundRestores("in-turn", v1alpha1.PreRestore))
	running := veleroObject(t, "Restore", "running", `{backupName: gone, includedNamespaces: [`+bank+`]}`)
	running.Object["status"] = map[string]any{"phase": "InProgress"}
	create(t, running)
	waitSessions(t, running, bank)
	restore := heldRestore(t, "in-turn", `{backupName: gone, includedNamespaces: [`+shop+`]}`)
	create(t, restore)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(restore), restore))
		require.Equal(c, "waits for a free slot of Velero's", restore.GetAnnotations()[v1alpha1.GateMessageAnnotation])
	}, patience, tick)
	assert.Empty(t, sessionsOf(t, restore))
	change(t, running, `{"status":{"phase":"WaitingForPluginOperations"}}`)
	session := waitSessions(t, restore, shop)[0]
	stand(t, &session, quiesced)
	waitGate(t, restore, v1alpha1.GateOpen)
}
