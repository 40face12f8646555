//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// inOneBlock has Velero run the hooks of pods of before their backup first, then back them up, then run those of after it. Each is
// namespace/name.
func inOneBlock(pods ...string) func(map[string]any) {
	return func(spec map[string]any) { spec["orderedResources"] = map[string]any{"pods": strings.Join(pods, ",")} }
}

// veleroDown kills Velero, which comes back when the function is called that is returned, and in any case when the test ends.
func veleroDown(t *testing.T) (up func()) {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, cluster.Up(context.Background())) })
	require.NoError(t, cluster.Kill(t.Context(), "velero"))
	return func() {
		t.Helper()
		require.NoError(t, cluster.Up(t.Context()))
	}
}

// One backup of three applications: two quiesced by the gate, of which one has little time, and one by what is stamped. Velero dies.
func TestVeleroDiesWhileEverythingIsQuiesced(t *testing.T) {
	const little = 15 * time.Second
	waiting := newScene(t, optedIn).slow("slow", "never")
	stampedPods := newFreezer(t, 1, 10*time.Minute)
	stampedPods.waitPods(patience, stamped)
	patient, hasty := newFreezer(t, 1, 10*time.Minute, inSessions), newFreezer(t, 1, little, inSessions)
	refused := newFreezer(t, 1, 10*time.Minute, inSessions, hooks(does("fail", "exit 1", v1alpha1.PreSnapshot))).backUp(func(spec map[string]any) { spec["ttl"] = "1s" })
	refused.waitEnded("Failed")

	backup := waiting.backUp(alsoOf(stampedPods.namespace, patient.namespace, hasty.namespace), inOneBlock(stampedPods.namespace+"/pod-0", waiting.namespace+"/slow"))
	waiting.reach(waiting.pods[0], "never")
	quiesced := time.Now()
	for _, f := range []freezer{stampedPods, patient, hasty} {
		require.True(t, f.frozen(f.pods[0]), f.namespace)
	}
	up := veleroDown(t)
	hasty.requireThawed(little + patience)
	t.Logf("without Velero, what has %s was thawed %s after all were seen to be quiesced", little, time.Since(quiesced).Round(tick))
	assert.True(t, stampedPods.frozen(stampedPods.pods[0]), "nobody knows yet that Velero will not come back")
	assert.True(t, patient.frozen(patient.pods[0]))

	up()
	back := time.Now()
	backup.waitEnded("Failed")
	patient.requireThawed(patience)
	t.Logf("by its session %s after Velero was back", time.Since(back).Round(tick))
	stampedPods.requireThawed(patience)
	t.Logf("by the sweep %s after Velero was back:\n%s", time.Since(back).Round(tick), backup.story())
	for _, f := range []freezer{stampedPods, patient, hasty} {
		f.requireUnguarded()
		assert.Contains(t, f.log(f.pods[0]), "thaw")
	}
	session := backup.waitSession(hasty.namespace)
	hasty.waitFinished(session, v1alpha1.PhaseFailed)
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonDeadlineExceeded)
	session = backup.waitSession(patient.namespace)
	patient.waitFinished(session, v1alpha1.PhaseFailed)
	backup.waitConsistent("False", "")

	// A server that comes back looks at all backups: one that we have failed expires as others do.
	waiting.wait(patience, func() bool { return gone(t.Context(), refused.Unstructured) }, "Velero has not collected the backup that was refused")
}

// Nobody starts what was opened: it is thawed, and held again. And what an earlier server has left behind is taken up.
func TestWithoutVeleroABackupIsNotKeptQuiesced(t *testing.T) {
	f, orphan := newFreezer(t, 1, 10*time.Minute, inSessions), newScene(t, nil)
	up := veleroDown(t)
	backup := f.backUp()
	backup.wait("open", func() bool { return backup.gate() == v1alpha1.GateOpen })
	begun := time.Now()
	require.True(t, f.frozen(f.pods[0]))
	backup.waitHeld()
	f.requireThawed(patience)
	t.Logf("thawed, and held again, %s after it was opened", time.Since(begun).Round(tick))
	first := backup.sessions()[0]
	f.wait(patience, func() bool {
		return api.Get(t.Context(), client.ObjectKeyFromObject(&first), &first) == nil && first.Status.Phase.Finished()
	}, "the first session is not over")

	// Velero looks at none in this phase when it starts.
	left := orphan.backUp(func(spec map[string]any) { spec["storageLocation"] = "default" })
	left.setPhase("ReadyToStart")
	up()
	left.waitEnded("Completed")
	backup.waitEnded("Completed")
	t.Logf("%s\n%s", backup.story(), left.story())
	sessions := backup.sessions()
	require.GreaterOrEqual(t, len(sessions), 2, "each time it is held there is a session")
	last := &sessions[len(sessions)-1]
	f.waitFinished(last, v1alpha1.PhaseComplete)
	f.requireThawed(0)
	f.requireUnguarded()
	log := f.log(f.pods[0])
	assert.Len(t, log, 2*len(sessions), "%v", log)
	backup.waitConsistent("Unknown", "")
}

// setPhase does what Velero does, which is away.
func (o *veleroObject) setPhase(phase string) {
	o.t.Helper()
	require.NoError(o.t, o.read(o.t.Context()))
	require.NoError(o.t, unstructured.SetNestedField(o.Object, phase, "status", "phase"))
	require.NoError(o.t, api.Update(o.t.Context(), o.Unstructured))
}

// Our controller is killed while one backup runs, all quiesced, and another is held behind it: both go on with the next controller.
func TestTheControllerIsKilledWhileABackupRunsAndAnotherIsHeld(t *testing.T) {
	waiting := newScene(t, optedIn).slow("slow", "go")
	running, next := newFreezer(t, 1, 10*time.Minute, inSessions), newFreezer(t, 1, 10*time.Minute, inSessions)
	first := waiting.backUp(alsoOf(running.namespace))
	waiting.reach(waiting.pods[0], "go")
	held := next.backUp()
	held.waitMessage("a free slot")
	require.False(t, next.frozen(next.pods[0]), "it is quiesced when Velero has time for it, and no earlier")

	killController(t)
	assert.True(t, running.frozen(running.pods[0]))
	held.requireHeld()
	waiting.letGo("go")
	first.waitEnded("Completed")
	running.waitFinished(first.waitSession(running.namespace), v1alpha1.PhaseComplete)
	held.waitEnded("Completed")
	next.waitFinished(held.waitSession(next.namespace), v1alpha1.PhaseComplete)
	t.Logf("%s\n%s", first.story(), held.story())
	for _, f := range []freezer{running, next} {
		assert.Equal(t, []string{"freeze", "thaw"}, f.log(f.pods[0]))
		f.requireUnguarded()
	}
}

// There is no controller, and none comes: after a while the webhook lets go what is held.
func TestWithoutAControllerABackupIsLetGo(t *testing.T) {
	f := newFreezer(t, 1, 10*time.Minute, inSessions)
	scaleController(t, 0)
	begun := time.Now()
	backup := f.backUp()
	backup.waitHeld()
	backup.waitEnded("Completed")
	t.Logf("over %s after its creation without a controller:\n%s", time.Since(begun).Round(tick), backup.story())
	assert.Empty(t, f.log(f.pods[0]), "nobody could quiesce anything")
	scaleController(t, 1)
	backup.waitConsistent("False", "")
	t.Log(backup.GetAnnotations()[v1alpha1.ConsistentMessageAnnotation])
}
