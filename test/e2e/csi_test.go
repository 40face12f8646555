//go:build e2e

package e2e

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// withVolumes is a freezer whose pods each have a volume that can be snapshotted.
func withVolumes(t *testing.T, pods int, change ...func(*v1alpha1.HookPolicySpec)) freezer {
	t.Helper()
	f := newFreezer(t, 0, 10*time.Minute, change...)
	for i := range pods {
		name := "pod-" + string(rune('0'+i))
		f.createClaim(name)
		f.pods = append(f.pods, f.containerWith(func(spec *corev1.PodSpec) {
			spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
			spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name},
			}}}
		}, name, "quiesce.test/busybox:1.35", "sleep", "3600"))
	}
	return f
}

func (s *scene) createClaim(name string) {
	s.t.Helper()
	require.NoError(s.t, api.Create(s.t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: new("csi"), AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("16Mi")}},
		},
	}))
}

var snapshotAPI = schema.GroupVersion{Group: "snapshot.storage.k8s.io", Version: "v1"}

// snapshot asks for a VolumeSnapshot of a pod's volume.
func (f freezer) snapshot(name string, pod *corev1.Pod, class string, labels map[string]string) *unstructured.Unstructured {
	f.t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"volumeSnapshotClassName": class, "source": map[string]any{"persistentVolumeClaimName": pod.Name},
	}}}
	object.SetGroupVersionKind(snapshotAPI.WithKind("VolumeSnapshot"))
	object.SetNamespace(f.namespace)
	object.SetName(name)
	object.SetLabels(labels)
	require.NoError(f.t, api.Create(f.t.Context(), object))
	return object
}

func (f freezer) waitCut(snapshot *unstructured.Unstructured) {
	f.t.Helper()
	f.wait(patience, func() bool {
		require.NoError(f.t, api.Get(f.t.Context(), client.ObjectKeyFromObject(snapshot), snapshot))
		ready, _, _ := unstructured.NestedBool(snapshot.Object, "status", "readyToUse")
		return ready
	}, "VolumeSnapshot %s is not ready", snapshot.GetName())
}

// snapshotClass is one of our driver, with parameters by which it takes its time.
func snapshotClass(t *testing.T, parameters map[string]any) string {
	t.Helper()
	class := &unstructured.Unstructured{Object: map[string]any{"driver": "csi", "deletionPolicy": "Delete", "parameters": parameters}}
	class.SetGroupVersionKind(snapshotAPI.WithKind("VolumeSnapshotClass"))
	class.SetGenerateName("e2e-")
	class.SetLabels(maps.Clone(map[string]string(ours)))
	require.NoError(t, api.Create(t.Context(), class))
	t.Cleanup(func() { assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), class))) })
	return class.GetName()
}

// finish has the tool say that it is done, and waits for the end of the session.
func (f freezer) finish(session *v1alpha1.HookSession) {
	f.t.Helper()
	f.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	f.waitFinished(session, v1alpha1.PhaseComplete)
	f.t.Log(describe(session), session.Status.Snapshots)
}

func TestWhetherASessionsSnapshotsAreConsistent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		hooks  []v1alpha1.Hook // in place of those of newFreezer
		act    func(freezer, *v1alpha1.HookSession)
		status metav1.ConditionStatus
		reason string
		counts v1alpha1.SnapshotCounts
	}{
		"taken in the window": {
			act: func(f freezer, session *v1alpha1.HookSession) {
				f.waitReady(session)
				f.waitCut(f.snapshot("a", f.pods[0], "csi", nil))
				f.waitCut(f.snapshot("b", f.pods[1], "csi", nil))
				f.waitSession(session, "showing both", func(s *v1alpha1.HookSession) bool { return s.Status.SnapshotCounts.Ready == 2 })
				assert.Equal(f.t, v1alpha1.PhaseQuiesced, session.Status.Phase, "the tool is told of them before it reports")
				f.finish(session)
			},
			status: metav1.ConditionTrue, reason: v1alpha1.ReasonSeenInside,
			counts: v1alpha1.SnapshotCounts{Total: 2, Cut: 2, Ready: 2, Inside: 2, Claims: 2},
		},
		"deleted as soon as the data mover has it": {
			act: func(f freezer, session *v1alpha1.HookSession) {
				f.waitReady(session)
				for i, pod := range f.pods {
					snapshot := f.snapshot(string(rune('a'+i)), pod, "csi", nil)
					f.waitCut(snapshot)
					require.NoError(f.t, api.Delete(f.t.Context(), snapshot))
					f.wait(patience, func() bool {
						return api.Get(f.t.Context(), client.ObjectKeyFromObject(snapshot), snapshot) != nil
					}, "the snapshot is still there")
				}
				f.finish(session)
			},
			status: metav1.ConditionTrue, reason: v1alpha1.ReasonSeenInside,
			counts: v1alpha1.SnapshotCounts{Total: 2, Cut: 2, Ready: 2, Inside: 2, Claims: 2},
		},
		"one before the pods were quiesced": {
			hooks: []v1alpha1.Hook{
				does("freeze", freeze+"; "+until("a"), v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot),
			},
			act: func(f freezer, session *v1alpha1.HookSession) {
				f.reach(f.pods[0], "a")
				f.waitCut(f.snapshot("early", f.pods[0], "csi", nil))
				f.letGo("a")
				f.waitReady(session)
				f.waitCut(f.snapshot("a", f.pods[0], "csi", nil))
				f.waitCut(f.snapshot("b", f.pods[1], "csi", nil))
				f.finish(session)
			},
			status: metav1.ConditionFalse, reason: v1alpha1.ReasonSnapshotOutside,
			counts: v1alpha1.SnapshotCounts{Total: 3, Cut: 3, Ready: 3, Inside: 2, Claims: 2},
		},
		"the storage takes its time, and the tool does not wait": {
			act: func(f freezer, session *v1alpha1.HookSession) {
				f.waitReady(session)
				slow := snapshotClass(f.t, map[string]any{"cutAfter": "5s"})
				f.waitCut(f.snapshot("a", f.pods[0], "csi", nil))
				f.snapshot("b", f.pods[1], slow, nil)
				f.finish(session)
			},
			status: metav1.ConditionFalse, reason: v1alpha1.ReasonSnapshotOutside,
			counts: v1alpha1.SnapshotCounts{Total: 2, Cut: 1, Ready: 1, Inside: 1, Claims: 2},
		},
		"taken in time, and ready long after": {
			act: func(f freezer, session *v1alpha1.HookSession) {
				f.waitReady(session)
				slow := snapshotClass(f.t, map[string]any{"readyAfter": "60s"})
				for i, pod := range f.pods {
					f.snapshot(string(rune('a'+i)), pod, slow, nil)
				}
				f.waitSession(session, "showing that both are taken", func(s *v1alpha1.HookSession) bool { return s.Status.SnapshotCounts.Cut == 2 })
				assert.Zero(f.t, session.Status.SnapshotCounts.Ready)
				f.finish(session)
			},
			status: metav1.ConditionTrue, reason: v1alpha1.ReasonSeenInside,
			counts: v1alpha1.SnapshotCounts{Total: 2, Cut: 2, Inside: 2, Claims: 2},
		},
		"of one volume there is none": {
			act: func(f freezer, session *v1alpha1.HookSession) {
				f.waitReady(session)
				f.waitCut(f.snapshot("a", f.pods[0], "csi", nil))
				f.finish(session)
			},
			status: metav1.ConditionUnknown, reason: v1alpha1.ReasonNoSnapshot,
			counts: v1alpha1.SnapshotCounts{Total: 1, Cut: 1, Ready: 1, Inside: 1, Claims: 2, UnseenClaims: 1},
		},
		"the storage fails": {
			act: func(f freezer, session *v1alpha1.HookSession) {
				f.waitReady(session)
				failing := snapshotClass(f.t, map[string]any{"fail": "the array is full"})
				f.waitCut(f.snapshot("a", f.pods[0], "csi", nil))
				f.snapshot("b", f.pods[1], failing, nil)
				f.waitSession(session, "showing the error", func(s *v1alpha1.HookSession) bool {
					return len(s.Status.Snapshots) == 2 && s.Status.Snapshots[0].Error != ""
				})
				assert.Contains(f.t, session.Status.Snapshots[0].Error, "the array is full")
				f.finish(session)
			},
			status: metav1.ConditionFalse, reason: v1alpha1.ReasonSnapshotOutside,
			counts: v1alpha1.SnapshotCounts{Total: 2, Cut: 1, Ready: 1, Inside: 1, Claims: 2},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var change []func(*v1alpha1.HookPolicySpec)
			if test.hooks != nil {
				change = append(change, hooks(test.hooks...))
			}
			f := withVolumes(t, 2, change...)
			session := f.begin()
			test.act(f, session)
			requireCondition(t, session, v1alpha1.ConditionConsistent, test.status, test.reason)
			assert.Equal(t, test.counts, session.Status.SnapshotCounts)
			f.requireThawed(0)
		})
	}
}

// What the controller has seen before it died, the next one believes. What came while there was none, it does not.
func TestWhatNobodyHasWatchedIsNotConsistent(t *testing.T) {
	seen, unseen := withVolumes(t, 1), withVolumes(t, 1)
	seenBy, unseenBy := seen.begin(), unseen.begin()
	seen.waitReady(seenBy)
	unseen.waitReady(unseenBy)
	seen.waitCut(seen.snapshot("a", seen.pods[0], "csi", nil))
	seen.waitSession(seenBy, "showing it", func(s *v1alpha1.HookSession) bool { return s.Status.SnapshotCounts.Ready == 1 })
	scaleController(t, 0)
	unseen.waitCut(unseen.snapshot("a", unseen.pods[0], "csi", nil))
	scaleController(t, 1)

	seen.finish(seenBy)
	requireCondition(t, seenBy, v1alpha1.ConditionConsistent, metav1.ConditionTrue, v1alpha1.ReasonSeenInside)
	unseen.finish(unseenBy)
	requireCondition(t, unseenBy, v1alpha1.ConditionConsistent, metav1.ConditionUnknown, v1alpha1.ReasonNotObserved)
}
