package integration

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// A backup may have in it the session that accompanied it. When that comes back, what it was for is over.
func TestASessionThatCameBackWithARestoreRunsNothing(t *testing.T) {
	namespace := optedIn(t, nil)
	create(t, bothSides("copied"))
	create(t, appPod(namespace, "copied"))
	copied := func(name string) *v1alpha1.HookSession {
		session := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: namespace, Labels: map[string]string{v1alpha1.VeleroRestoreLabel: "monday"},
			Finalizers: []string{v1alpha1.ThawFinalizer}, // which Velero does not take off
		}}
		session.Spec = v1alpha1.HookSessionSpec{
			Operation: v1alpha1.OperationRestore, DataSource: v1alpha1.SourceBackup, Outcomes: &v1alpha1.Outcomes{Operation: v1alpha1.Succeeded},
		}
		return session
	}
	bare, whole := copied("bare"), copied("with-its-status")
	create(t, bare)
	create(t, whole)
	before := metav1.NowMicro()
	whole.Status = v1alpha1.HookSessionStatus{
		Phase: v1alpha1.PhaseQuiesced, Runs: new(int32(3)), BegunAt: &before, Plan: &v1alpha1.SessionPlan{RestoreHooks: true},
	}
	require.NoError(t, api.Status().Update(t.Context(), whole))
	// And one of its HookRuns, of a session that is not here.
	run := &v1alpha1.HookRun{ObjectMeta: metav1.ObjectMeta{
		Name: "run", Namespace: namespace, Labels: map[string]string{v1alpha1.SessionUIDLabel: string(whole.UID), v1alpha1.VeleroRestoreLabel: "monday"},
	}}
	run.Spec = v1alpha1.HookRunSpec{
		Session: v1alpha1.ObjectRef{Name: whole.Name, UID: whole.UID}, Policy: v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "copied"},
		Stage: v1alpha1.PostRestore, PodCount: 1, Hook: v1alpha1.ResolvedHook{Name: "h", Exec: &v1alpha1.ExecAction{Command: []string{"x"}}},
		Pods: []v1alpha1.RunPod{{Name: "p", UID: types.UID("0d9c4a43-7d1f-4b6c-8d2a-1f1f6d0e9a11"), Container: "main"}},
	}
	create(t, run)

	startController(t)
	for _, session := range []*v1alpha1.HookSession{bare, whole} {
		failed := waitSession(t, session, v1alpha1.PhaseFailed)
		require.NotNil(t, failed.Status.Broken)
		assert.Equal(t, v1alpha1.ReasonInvalid, failed.Status.Broken.Reason)
		assert.Contains(t, failed.Status.Message, `came back with the restore "monday"`)
		assert.Nil(t, failed.Status.Runs)
		assert.Nil(t, failed.Status.BegunAt)
		require.NoError(t, api.Delete(t.Context(), failed))
		require.Eventually(t, func() bool {
			return apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(failed), failed))
		}, patience, tick, "nothing keeps it")
	}
	var runs v1alpha1.HookRunList
	require.NoError(t, api.List(t.Context(), &runs, client.InNamespace(namespace)))
	require.Len(t, runs.Items, 1, "none was written")
	assert.Empty(t, runs.Items[0].Status.Results)
}
