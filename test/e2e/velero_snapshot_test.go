//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// claim is a PersistentVolumeClaim whose volume can be snapshotted, and a pod's spec that has it at /data.
func (s *scene) claim(name string) func(*corev1.PodSpec) {
	s.t.Helper()
	class := "csi"
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}, Spec: corev1.PersistentVolumeClaimSpec{
		StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("16Mi")}},
	}}
	require.NoError(s.t, api.Create(s.t.Context(), claim))
	return func(spec *corev1.PodSpec) {
		spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name},
		}}}
		spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	}
}

// Snapshots of all volumes are there: the pods are let go, though Velero is still at work; and it is shown that the snapshots are of one moment
// in which all pods were quiesced.
func TestABackupBySnapshotsIsThawedEarlyAndShownToBeConsistent(t *testing.T) {
	t.Parallel()
	f := newFreezer(t, 0, 10*time.Minute, inSessions, func(spec *v1alpha1.HookPolicySpec) {
		spec.Selector.LabelSelector = &v1alpha1.LabelSelector{MatchExpressions: []v1alpha1.LabelRequirement{{Key: "app", Operator: metav1.LabelSelectorOpDoesNotExist}}}
	})
	for _, name := range []string{"pod-0", "pod-1"} {
		f.pods = append(f.pods, f.containerWith(f.claim(name), name, "quiesce.test/busybox:1.35", "sleep", "3600"))
	}
	last := f.slow("zz", "go") // Velero comes to pods by their names
	backup := f.backUp(func(spec map[string]any) { delete(spec, "snapshotVolumes") })
	last.reach(last.pods[0], "go")
	session := backup.waitSession(f.namespace)
	f.waitSession(session, "thawed", isTrue(v1alpha1.ConditionThawed))
	require.NoError(t, backup.read(t.Context()))
	assert.Equal(t, "InProgress", backup.phase(), "Velero is still at work")
	assert.Equal(t, v1alpha1.SnapshotCounts{Total: 2, Cut: 2, Ready: 2, Inside: 2, Claims: 2}, session.Status.SnapshotCounts)
	assert.Nil(t, session.Status.FinishedAt)
	f.requireThawed(0)
	last.letGo("go")
	backup.waitEnded("Completed")
	f.waitFinished(session, v1alpha1.PhaseComplete)
	assert.True(t, isTrue(v1alpha1.ConditionConsistent)(session), describe(session).String())
	backup.waitConsistent("True", "")
	t.Logf("%s\n%s\n%s", describe(session), backup.GetAnnotations()[v1alpha1.ConsistentMessageAnnotation], backup.events())
	assert.Contains(t, backup.events(), "Normal ")
}
