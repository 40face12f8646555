package integration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
)

// snapshotKind is as much of VolumeSnapshot as the witness reads.
func snapshotKind() envtest.CRDInstallOptions {
	return envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{{
		ObjectMeta: metav1.ObjectMeta{
			Name: "volumesnapshots.snapshot.storage.k8s.io",
			Annotations: map[string]string{
				"api-approved.kubernetes.io": "https://github.com/kubernetes-csi/external-snapshotter/pull/814",
			},
		},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "snapshot.storage.k8s.io", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: "VolumeSnapshot", ListKind: "VolumeSnapshotList", Plural: "volumesnapshots", Singular: "volumesnapshot"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true, Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: new(true),
				}},
			}},
		},
	}}}
}

func TestSnapshotsAreSeenToComeToBeCutAndToGo(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "snapshots-"}}
	create(t, namespace)
	w, err := witness.New(config)
	require.NoError(t, err)
	open := func(remembered ...record.Snapshot) func() record.Sightings {
		view := w.OpenSnapshots(t.Context(), namespace.Name, remembered, func() {})
		t.Cleanup(view.Close)
		return func() (seen record.Sightings) {
			view.Look(&seen)
			return seen
		}
	}
	require.True(t, open()().NoAPI, "before there is the kind")

	kind := snapshotKind()
	_, err = envtest.InstallCRDs(config, kind)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, envtest.UninstallCRDs(config, kind)) })
	ask := func(name, field, source string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"source": map[string]any{field: source}}}}
		object.SetAPIVersion("snapshot.storage.k8s.io/v1")
		object.SetKind("VolumeSnapshot")
		object.SetNamespace(namespace.Name)
		object.SetName(name)
		object.SetLabels(map[string]string{"velero.io/backup-name": "nightly"})
		create(t, object)
		return object
	}
	cut := func(object *unstructured.Unstructured) {
		object.Object["status"] = map[string]any{
			"creationTime": time.Now().UTC().Format(time.RFC3339), "readyToUse": true, "error": map[string]any{"message": "of before"},
		}
		require.NoError(t, api.Status().Update(t.Context(), object))
	}
	old := ask("old", "persistentVolumeClaimName", "data")
	cut(old)

	look := open()
	seen := look()
	require.Empty(t, seen.Blind)
	require.Len(t, seen.Snapshots, 1)
	assert.True(t, seen.Snapshots[0].Listed)
	assert.True(t, seen.Snapshots[0].CutListed)
	one := func(name string) (found record.Snapshot) {
		for _, s := range look().Snapshots {
			if s.Name == name {
				found = s
			}
		}
		return found
	}
	begun := time.Now()
	fresh := ask("fresh", "persistentVolumeClaimName", "data")
	require.Eventually(t, func() bool { return one("fresh").Name != "" }, patience, tick)
	created := one("fresh")
	assert.Equal(t, record.Snapshot{
		Name: "fresh", Claim: "data", Backup: "nightly", Stamp: fresh.GetCreationTimestamp().Time, CreatedAt: created.CreatedAt,
	}, created)
	assert.WithinRange(t, created.CreatedAt, begun, time.Now())
	cut(fresh)
	require.Eventually(t, func() bool { return one("fresh").Ready }, patience, tick)
	whole := one("fresh")
	assert.False(t, whole.CutListed)
	assert.WithinRange(t, whole.CutAt, created.CreatedAt, time.Now())
	assert.Equal(t, created.CreatedAt, whole.CreatedAt)
	assert.Equal(t, "of before", whole.Error)

	ask("brought", "volumeSnapshotContentName", "content")
	require.Eventually(t, func() bool { return one("brought").Name != "" }, patience, tick)
	assert.Empty(t, one("brought").Claim)

	uncut := ask("uncut", "persistentVolumeClaimName", "data")
	require.Eventually(t, func() bool { return one("uncut").Name != "" }, patience, tick)
	require.NoError(t, api.Delete(t.Context(), fresh))
	require.NoError(t, api.Delete(t.Context(), uncut, client.GracePeriodSeconds(0)))
	require.Eventually(t, func() bool { return one("uncut").Name == "" }, patience, tick, "of what was never taken there is nothing left")
	assert.Equal(t, whole.CutAt, one("fresh").CutAt, "what a data mover has taken away stays seen")

	again := open(record.Snapshot{Name: "old", Claim: "data", CreatedAt: begun}, record.Snapshot{Name: "gone", Claim: "data", CreatedAt: begun, CutAt: begun})()
	byName := map[string]record.Snapshot{}
	for _, s := range again.Snapshots {
		byName[s.Name] = s
	}
	require.Len(t, byName, 3)
	assert.Equal(t, begun, byName["old"].CreatedAt, "another has seen it come")
	assert.False(t, byName["old"].Listed)
	assert.True(t, byName["old"].CutListed, "and nobody has seen it cut")
	assert.Equal(t, begun, byName["gone"].CutAt, "what others have seen and is gone stays seen")
	assert.True(t, byName["brought"].Listed)
}
