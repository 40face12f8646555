//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// database is a real PostgreSQL as PID 1 of its container, and beside it a pod whose hook keeps the backup waiting between
// the database's two hooks.
type database struct {
	*scene
	started string
}

// newDatabase runs both pods. Within maxQuiesce the database's watchdog lets it be; the other pod's hook takes pause.
func newDatabase(t *testing.T, maxQuiesce, pause time.Duration) database {
	t.Helper()
	d := database{scene: newScene(t, optedIn)}
	policy := readPolicy(t, "testdata/database-policy.yaml")
	policy.Spec.MaxQuiesce = v1alpha1.Duration{Duration: maxQuiesce}
	d.createPolicy(policy)
	d.createPolicyNamed("slow-"+d.namespace, &v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{
		Selector: v1alpha1.PolicySelector{LabelSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"app": "slow"}}},
		Hooks: []v1alpha1.Hook{{
			Name: "pause", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Timeout: v1alpha1.Duration{Duration: 2 * time.Minute},
			Exec: &v1alpha1.ExecAction{Command: []string{"sleep", pause.String()}},
		}},
	}})
	_, err := terminal.Run(t.Context(), "kubectl", "create", "-n", d.namespace, "-f", "test/e2e/testdata/database.yaml")
	require.NoError(t, err)
	_, err = terminal.Run(t.Context(), "kubectl", "wait", "-n", d.namespace, "--for=condition=Ready", "pod/database", "pod/slow", "--timeout=120s")
	require.NoError(t, err)
	d.started = d.ask("SELECT pg_postmaster_start_time()")
	return d
}

func (d database) ask(query string) string {
	d.t.Helper()
	answer, err := terminal.Run(d.t.Context(), "kubectl", "exec", "-n", d.namespace, "database", "--", "psql", "-tAqc", query)
	require.NoError(d.t, err)
	return strings.TrimSpace(answer)
}

func (d database) readOnly() bool { return d.ask("SHOW default_transaction_read_only") == "on" }

// writable asserts that a client may write, as opposed to what a setting says.
func (d database) requireWritable() {
	d.t.Helper()
	d.ask("CREATE TABLE IF NOT EXISTS t (i int); INSERT INTO t VALUES (1)")
}

// requireNeverRestarted asserts that the server has not noticed any of it: a child that dies by a signal makes it restart.
func (d database) requireNeverRestarted() {
	d.t.Helper()
	assert.Equal(d.t, d.started, d.ask("SELECT pg_postmaster_start_time()"))
	var pod corev1.Pod
	require.NoError(d.t, api.Get(d.t.Context(), client.ObjectKey{Namespace: d.namespace, Name: "database"}, &pod))
	require.Len(d.t, pod.Status.ContainerStatuses, 1)
	assert.Zero(d.t, pod.Status.ContainerStatuses[0].RestartCount)
	log, err := terminal.Run(d.t.Context(), "kubectl", "logs", "-n", d.namespace, "database")
	require.NoError(d.t, err)
	assert.NotContains(d.t, log, "terminated by signal")
	assert.NotContains(d.t, log, "reinitializing")
}

// beginBackup has Velero back pods up in one block, in which all hooks of before come first, then all of after.
func (d database) beginBackup(name string, pods ...string) *unstructured.Unstructured {
	d.t.Helper()
	var (
		ordered []string
		apps    []any
	)
	for _, pod := range pods {
		ordered, apps = append(ordered, d.namespace+"/"+pod), append(apps, pod)
	}
	backup := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "velero.io/v1", "kind": "Backup",
		"metadata": map[string]any{"namespace": "velero", "name": name},
		"spec": map[string]any{
			"includedNamespaces": []any{d.namespace}, "storageLocation": "default", "snapshotVolumes": false,
			"orderedResources": map[string]any{"pods": strings.Join(ordered, ",")},
			"labelSelector":    map[string]any{"matchExpressions": []any{map[string]any{"key": "app", "operator": "In", "values": apps}}},
		},
	}}
	require.NoError(d.t, api.Create(d.t.Context(), backup))
	d.t.Cleanup(func() { assert.NoError(d.t, client.IgnoreNotFound(api.Delete(context.Background(), backup))) })
	return backup
}

// waitEnded waits until a backup has a phase that is final, and returns it with the hooks attempted and failed.
func (d database) waitEnded(backup *unstructured.Unstructured) (phase string, attempted, failed int64) {
	d.t.Helper()
	require.EventuallyWithT(d.t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(d.t.Context(), client.ObjectKeyFromObject(backup), backup))
		phase, _, _ = unstructured.NestedString(backup.Object, "status", "phase")
		require.Contains(c, []string{"Completed", "PartiallyFailed", "Failed"}, phase)
	}, 2*patience, tick)
	attempted, _, _ = unstructured.NestedInt64(backup.Object, "status", "hookStatus", "hooksAttempted")
	failed, _, _ = unstructured.NestedInt64(backup.Object, "status", "hookStatus", "hooksFailed")
	return phase, attempted, failed
}

// What the watchdog is for: Velero dies between the two hooks, and nobody runs the second.
func TestADatabaseThawsByItselfWhenVeleroDiesBetweenTheHooks(t *testing.T) {
	const maxQuiesce = 10 * time.Second
	d := newDatabase(t, maxQuiesce, 30*time.Second)
	d.requireWritable()
	backup := d.beginBackup(d.namespace, "database", "slow")
	require.Eventually(t, d.readOnly, patience, tick)
	quiesced := time.Now()

	require.NoError(t, cluster.Kill(t.Context(), "velero"))
	t.Cleanup(func() { assert.NoError(t, cluster.Up(context.Background())) })
	assert.True(t, d.readOnly(), "Velero has gone, and the database is still quiesced")

	require.Eventually(t, func() bool { return !d.readOnly() }, maxQuiesce+patience, tick)
	t.Logf("thawed %s after it was seen quiesced; maxQuiesce is %s", time.Since(quiesced).Round(tick), maxQuiesce)
	d.requireWritable()
	d.requireNeverRestarted()

	require.NoError(t, cluster.Up(t.Context()))
	phase, _, _ := d.waitEnded(backup)
	assert.Equal(t, "Failed", phase, "Velero, back again, gives the backup up")
	phase, attempted, failed := d.waitEnded(d.beginBackup(d.namespace+"-next", "database"))
	assert.Equal(t, "Completed", phase)
	assert.EqualValues(t, 2, attempted)
	assert.Zero(t, failed, "nothing of the first backup is left in the way")
	assert.False(t, d.readOnly())
	d.requireNeverRestarted()
}

// Velero lives, but is too slow: the application comes first, and the backup is told to be inconsistent.
func TestABackupThatOutlastsMaxQuiesceIsThawedEarlyAndFails(t *testing.T) {
	d := newDatabase(t, 2*time.Second, 10*time.Second)
	backup := d.beginBackup(d.namespace, "database", "slow")
	require.Eventually(t, d.readOnly, patience, tick)
	require.Eventually(t, func() bool { return !d.readOnly() }, patience, tick)

	phase, attempted, failed := d.waitEnded(backup)
	assert.Equal(t, "PartiallyFailed", phase)
	assert.EqualValues(t, 3, attempted)
	assert.EqualValues(t, 1, failed, "the late thaw, by its code 76")
	log, err := terminal.Run(t.Context(), "velero", "backup", "logs", backup.GetName())
	require.NoError(t, err)
	assert.Contains(t, log, "code 76")
	d.requireWritable()
	d.requireNeverRestarted()
}
