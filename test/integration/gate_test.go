package integration

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/optional"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/signal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// swept is a sweeper that remembers.
type swept chan string

func (s swept) Ended(backup *velero.Backup) { s <- backup.Name }

// startSignals runs what accompanies Velero's Backups, and nothing that takes sessions through their hooks: the tests say how those stand.
func startSignals(t *testing.T, options signal.Options) (stop func(), ended swept) {
	t.Helper()
	mgr, err := manager.New(config, manager.Options{Scheme: api.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}})
	require.NoError(t, err)
	loader, err := policies.NewLoader(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetCache(), policies.Options{})
	require.NoError(t, err)
	served, objects, err := optional.Clients(mgr.GetConfig(), mgr.GetHTTPClient())
	require.NoError(t, err)
	ended = make(swept, 256)
	signals := &signal.Controller{
		Client: mgr.GetClient(), Cache: mgr.GetCache(), Live: mgr.GetAPIReader(), Served: served, Objects: objects, Policies: loader,
		Scope: match.Scope{Own: release}, Recorder: mgr.GetEventRecorder("test"), Sweeper: ended, Options: options,
	}
	require.NoError(t, mgr.Add(loader))
	require.NoError(t, signals.SetupWithManager(mgr))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			assert.NoError(t, <-done)
		}
	}
	t.Cleanup(stop)
	return stop, ended
}

// stand says how a session stands.
func stand(t *testing.T, session *v1alpha1.HookSession, change func(*v1alpha1.HookSessionStatus)) {
	t.Helper()
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(session), session))
	before := session.DeepCopy()
	change(&session.Status)
	require.NoError(t, api.Status().Patch(t.Context(), session, client.MergeFrom(before)))
}

// quiesced is a session that is ready, with something that it has quiesced.
func quiesced(status *v1alpha1.HookSessionStatus) {
	now, later := metav1.NowMicro(), metav1.NewMicroTime(time.Now().Add(time.Minute))
	status.BegunAt, status.QuiescedPods, status.Runs = &now, 1, new(int32(1))
	status.Window = &v1alpha1.Window{OpenedAt: &now, QuiescedAt: &now, Deadline: &later}
}

// over is a session whose work is done.
func over(phase v1alpha1.Phase, consistent metav1.ConditionStatus) func(*v1alpha1.HookSessionStatus) {
	return func(status *v1alpha1.HookSessionStatus) {
		now := metav1.NowMicro()
		status.Phase, status.QuiescedPods, status.FinishedAt = phase, 0, new(metav1.Now())
		if status.Window != nil {
			status.Window.ThawedAt = &now
		}
		status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionConsistent, Status: consistent, Reason: "Observed", Message: "as was seen", LastTransitionTime: metav1.Now()}}
	}
}

// ofAttempt are the sessions of an attempt.
func ofAttempt(t *testing.T, backup *unstructured.Unstructured, attempt string) []v1alpha1.HookSession {
	t.Helper()
	var its []v1alpha1.HookSession
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		its = nil
		for _, session := range sessionsOf(t, backup) {
			if session.Labels[v1alpha1.AttemptLabel] == attempt {
				its = append(its, session)
			}
		}
		require.NotEmpty(c, its)
	}, patience, tick)
	return its
}

func waitCancelled(t *testing.T, session *v1alpha1.HookSession) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(session), session))
		require.True(c, session.Spec.Cancel)
	}, patience, tick)
}

func waitPhase(t *testing.T, backup *unstructured.Unstructured, phase string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) { require.Equal(c, phase, field(t, backup, "status.phase")) }, patience, tick)
}

func TestAHeldBackupIsLetGoAMomentAfterTheLastSessionIsReady(t *testing.T) {
	withVelero(t)
	shop, bank, other := optedIn(t, nil), optedIn(t, nil), optedIn(t, nil)
	create(t, inSessions("gate-other", other))
	create(t, inSessions("gate-shop", shop))
	create(t, inSessions("gate-bank", bank))
	stop, _ := startSignals(t, signal.Options{Gate: true, ConcurrentBackups: 1, StartGrace: patience})
	backup := heldBackup(t, "moment", `{includedNamespaces: [`+shop+`, `+bank+`], storageLocation: store}`)
	create(t, backup)
	sessions := waitSessions(t, backup, shop, bank)
	stand(t, &sessions[0], quiesced)
	next := heldBackup(t, "next", `{includedNamespaces: [`+shop+`], storageLocation: store}`)
	create(t, next)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.Equal(c, "waits for Backup moment, which has namespaces in common with it",
			field(t, next, "metadata.annotations").(map[string]any)[v1alpha1.GateMessageAnnotation])
	}, patience, tick)
	waitGate(t, backup, v1alpha1.GateHeld)

	// Another controller goes on.
	stop()
	_, ended := startSignals(t, signal.Options{Gate: true, ConcurrentBackups: 1, StartGrace: patience})
	probe := veleroObject(t, "Backup", "probe", `{includedNamespaces: [`+other+`]}`)
	create(t, probe)
	waitSessions(t, probe, other)
	change(t, probe, `{"status":{"phase":"Completed"}}`)
	ready := time.Now()
	stand(t, &sessions[1], quiesced)
	waitGate(t, backup, v1alpha1.GateOpen)
	assert.Less(t, time.Since(ready), 5*time.Second, "without a poll of any kind; some 20 ms on a machine that does nothing else")
	assert.Len(t, sessionsOf(t, backup), 2)

	change(t, backup, `{"status":{"phase":"InProgress","startTimestamp":"2026-11-26T12:00:00Z"}}`)
	stand(t, &sessions[0], func(status *v1alpha1.HookSessionStatus) {
		status.SnapshotCounts = v1alpha1.SnapshotCounts{Total: 1, Cut: 1, Ready: 1, Inside: 1, Claims: 1}
	})
	require.EventuallyWithT(t, func(c *assert.CollectT) { // while the other's pods stay quiesced
		its := sessionsOf(t, backup)
		require.NotNil(c, its[0].Spec.Outcomes)
		require.Equal(c, v1alpha1.Succeeded, its[0].Spec.Outcomes.Snapshot)
		require.Nil(c, its[1].Spec.Outcomes)
	}, patience, tick)
	change(t, backup, `{"status":{"phase":"PartiallyFailed"}}`)
	for told := ""; told != "moment"; { // it may have left something behind; of others the sweeper looks itself
		select {
		case told = <-ended:
		case <-time.After(patience):
			require.Fail(t, "the sweeper was not told")
		}
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, session := range sessionsOf(t, backup) {
			require.NotNil(c, session.Spec.Outcomes)
			require.Equal(c, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Failed}, *session.Spec.Outcomes)
		}
	}, patience, tick)
	stand(t, &sessions[0], over(v1alpha1.PhaseComplete, metav1.ConditionTrue))
	stand(t, &sessions[1], over(v1alpha1.PhaseFailed, metav1.ConditionUnknown))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		annotations, _ := field(t, backup, "metadata.annotations").(map[string]any)
		require.Equal(c, "Unknown", annotations[v1alpha1.ConsistentAnnotation])
		require.Equal(c, "HookSession "+sessions[1].Namespace+"/"+sessions[1].Name+": as was seen", annotations[v1alpha1.ConsistentMessageAnnotation])
	}, patience, tick)
	waitSessions(t, next, shop)
}

func TestABackupThatVeleroDoesNotBeginIsHeldAgain(t *testing.T) {
	withVelero(t)
	namespace := optedIn(t, nil)
	create(t, inSessions("again", namespace))
	stop, _ := startSignals(t, signal.Options{Gate: true, ConcurrentBackups: 1, StartGrace: time.Second})
	backup := heldBackup(t, "again", `{includedNamespaces: [`+namespace+`], storageLocation: store}`)
	create(t, backup)
	first := ofAttempt(t, backup, "1")[0]
	stand(t, &first, quiesced)
	waitGate(t, backup, v1alpha1.GateOpen)
	change(t, backup, `{"status":{"phase":"Queued","queuePosition":3}}`)
	waitGate(t, backup, v1alpha1.GateHeld)
	assert.Equal(t, "New", field(t, backup, "status.phase"))
	assert.EqualValues(t, 0, field(t, backup, "status.queuePosition"))
	waitCancelled(t, &first)
	stop()

	// The pause passes while nobody is there, too.
	change(t, backup, `{"metadata":{"annotations":{"quiesce.io/gate-since":"2026-11-26T12:00:00Z"}}}`)
	startSignals(t, signal.Options{Gate: true, ConcurrentBackups: 1, StartGrace: time.Second})
	second := ofAttempt(t, backup, "2")[0]
	stand(t, &first, over(v1alpha1.PhaseCancelled, metav1.ConditionUnknown))
	stand(t, &second, quiesced)
	waitGate(t, backup, v1alpha1.GateOpen)
	change(t, backup, `{"status":{"phase":"ReadyToStart"}}`)
	waitGate(t, backup, v1alpha1.GateHeld)
	assert.Equal(t, "New", field(t, backup, "status.phase"))
	waitCancelled(t, &second)

	// From ReadyToStart it goes back there, since Velero may keep the slot for it.
	change(t, backup, `{"metadata":{"annotations":{"quiesce.io/gate-since":"2026-11-26T12:00:00Z"}}}`)
	third := ofAttempt(t, backup, "3")[0]
	stand(t, &third, quiesced)
	waitGate(t, backup, v1alpha1.GateOpen)
	waitPhase(t, backup, "ReadyToStart")
	change(t, backup, `{"status":{"phase":"InProgress"}}`)
	change(t, backup, `{"status":{"phase":"Completed"}}`)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(&third), &third))
		require.NotNil(c, third.Spec.Outcomes)
		require.Equal(c, v1alpha1.Succeeded, third.Spec.Outcomes.Operation)
	}, patience, tick)
	assert.False(t, third.Spec.Cancel)
}

func TestABackupThatSomebodyLetsGoByHandIsNotConsistent(t *testing.T) {
	withVelero(t)
	shop, bank := optedIn(t, nil), optedIn(t, nil)
	create(t, inSessions("hand-shop", shop))
	create(t, inSessions("hand-bank", bank))
	startSignals(t, signal.Options{Gate: true, ConcurrentBackups: 1, StartGrace: patience})
	backup := heldBackup(t, "hand", `{includedNamespaces: [`+shop+`, `+bank+`], storageLocation: store}`)
	create(t, backup)
	sessions := waitSessions(t, backup, shop, bank)
	stand(t, &sessions[0], quiesced)
	change(t, backup, `{"metadata":{"annotations":{"quiesce.io/gate":"open"}}}`)
	waitCancelled(t, &sessions[1])
	change(t, backup, `{"status":{"phase":"Completed"}}`)
	stand(t, &sessions[0], over(v1alpha1.PhaseComplete, metav1.ConditionTrue))
	stand(t, &sessions[1], func(status *v1alpha1.HookSessionStatus) {
		status.Phase, status.FinishedAt = v1alpha1.PhaseCancelled, new(metav1.Now())
	})
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		annotations, _ := field(t, backup, "metadata.annotations").(map[string]any)
		require.Equal(c, "False", annotations[v1alpha1.ConsistentAnnotation])
		require.Contains(c, annotations[v1alpha1.ConsistentMessageAnnotation], "Velero was let go before its pods were quiesced")
	}, patience, tick)
}
