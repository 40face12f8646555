//go:build e2e

package e2e

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// The main job: a filesystem is frozen while Velero backs it up, and only then.
func TestABackupByVeleroRunsBothHooks(t *testing.T) {
	s := newScene(t, optedIn)
	policy := s.createPolicy(readPolicy(t, filepath.Join("../..", walkthrough.PolicyManifest)))
	application := s.createApplication()
	var pod corev1.Pod
	require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: walkthrough.Pod}, &pod))
	require.Contains(t, pod.Annotations[v1alpha1.StampAnnotation], strconv.Quote("hookpolicy/"+policy.Name))
	for side, command := range map[string]string{"pre": `'/hooks/freeze' '/var/www/html'`, "post": `'/hooks/thaw' '/var/www/html'`} {
		require.Contains(t, pod.Annotations[side+".hook.backup.velero.io/command"], command)
		require.Equal(t, "fsfreeze", pod.Annotations[side+".hook.backup.velero.io/container"])
		require.Equal(t, "Fail", pod.Annotations[side+".hook.backup.velero.io/on-error"])
	}

	var phases []string
	backup, err := walkthrough.TakeBackup(t.Context(), terminal, api, s.namespace, s.namespace,
		func(phase string) { phases = append(phases, phase) })
	require.NoError(t, err)
	require.NoError(t, backup.Check())

	gap, err := application.ReadGap(t.Context())
	require.NoError(t, err)
	t.Logf("phases %v\n%s%s", phases, gap.Timeline(), gap.Summary())
}

// createApplication runs the walk-through's application in the scene's namespace. A frozen filesystem keeps pods from
// ending, so the application removes itself before the scene does the rest.
func (s *scene) createApplication() walkthrough.Application {
	s.t.Helper()
	disk, err := walkthrough.NewDisk(diskName)
	require.NoError(s.t, err)
	require.NoError(s.t, disk.Create(s.t.Context()))
	application := walkthrough.Application{Terminal: terminal, Disk: disk, Namespace: s.namespace}
	s.t.Cleanup(func() {
		s.reportFailure()
		assert.NoError(s.t, application.Remove(context.Background()))
	})
	require.NoError(s.t, application.Create(s.t.Context()))
	return application
}
