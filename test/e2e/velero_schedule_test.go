//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// What Velero takes by itself is gated as well; of its hooks only those that fail are told by events.
func TestAScheduledBackupTellsOfFailuresOnly(t *testing.T) {
	t.Parallel()
	warn := does("warn", "echo of no importance; exit 4", v1alpha1.PreBackup)
	warn.OnError = v1alpha1.Continue
	f := newFreezer(t, 1, 10*time.Minute, inSessions, hooks(does("freeze", freeze, v1alpha1.PreSnapshot), warn, does("thaw", thaw, v1alpha1.PostSnapshot)))
	schedule := createInVelero(t, "Schedule", f.namespace, nil, map[string]any{
		"schedule": "@every 1s", "template": map[string]any{"includedNamespaces": []any{f.namespace}, "snapshotVolumes": false},
	})
	// Velero looks at its schedules once a minute, and when one has changed.
	var backups unstructured.UnstructuredList
	backups.SetGroupVersionKind(schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: "BackupList"})
	f.wait(2*patience, func() bool {
		require.NoError(t, api.List(t.Context(), &backups, client.InNamespace("velero"), client.MatchingLabels{"velero.io/schedule-name": schedule.GetName()}))
		if len(backups.Items) == 0 {
			_, err := terminal.Run(t.Context(), "kubectl", "patch", "-n", "velero", "schedule", schedule.GetName(), "--type=merge",
				"--patch", `{"spec":{"template":{"ttl":"`+time.Now().Format("15h4m5s")+`"}}}`)
			require.NoError(t, err)
		}
		return len(backups.Items) > 0
	}, "no backup of schedule %s", schedule.GetName())
	_, err := terminal.Run(t.Context(), "kubectl", "patch", "-n", "velero", "schedule", schedule.GetName(), "--type=merge", "--patch", `{"spec":{"paused":true}}`)
	require.NoError(t, err)

	backup := &veleroObject{t: t, Unstructured: &backups.Items[0]}
	t.Cleanup(backup.reportFailure)
	backup.waitEnded("Completed")
	session := backup.waitSession(f.namespace)
	f.waitFinished(session, v1alpha1.PhaseComplete)
	assert.Equal(t, v1alpha1.Scheduled, session.Spec.Trigger)
	require.NotNil(t, session.Spec.Velero)
	assert.Equal(t, schedule.GetName(), session.Spec.Velero.Schedule)
	assert.True(t, session.Spec.Velero.Held)
	assert.Equal(t, schedule.GetName(), session.Labels[v1alpha1.ScheduleLabel])
	assert.Equal(t, []string{"freeze", "thaw"}, f.log(f.pods[0])[:2])

	var said []string
	f.wait(patience, func() bool {
		var events corev1.EventList
		require.NoError(t, api.List(t.Context(), &events, client.InNamespace(f.namespace)))
		said = nil
		for i := range events.Items {
			if strings.HasPrefix(events.Items[i].Reason, "Hook") {
				said = append(said, events.Items[i].InvolvedObject.Kind+" "+events.Items[i].Reason)
			}
		}
		return len(said) > 0
	}, "no event")
	assert.Contains(t, said, "Pod HookFailed")
	for _, event := range said {
		assert.NotContains(t, event, "HookSucceeded")
	}
}
