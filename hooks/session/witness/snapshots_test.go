package witness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic/fake"

	"github.com/quiesce-io/quiesce/hooks/session/record"
)

// While the watch is broken a data mover may take a snapshot away that nobody has seen cut: it is not to be taken for one that never was.
func TestWhatWentWhileNobodyLookedIsNotTakenForUncut(t *testing.T) {
	object := func(name string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{}}
		o.SetAPIVersion("snapshot.storage.k8s.io/v1")
		o.SetKind("VolumeSnapshot")
		o.SetNamespace("shop")
		o.SetName(name)
		o.SetUID(types.UID("uid-" + name))
		return o
	}
	cut := object("cut")
	cut.Object["status"] = map[string]any{"creationTime": "2026-01-01T00:00:00Z"}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{volumeSnapshots: "VolumeSnapshotList"}, object("stays"), object("goes"), cut)
	created := time.Unix(1, 0)
	v := &Snapshots{source: client.Resource(volumeSnapshots).Namespace("shop"), tell: func() {}, seen: map[types.UID]*record.Snapshot{
		rememberedPrefix + "before": {Name: "before", CreatedAt: created},
	}}
	look := func() map[string]record.Snapshot {
		_, err := v.list(t.Context())
		require.NoError(t, err)
		var seen record.Sightings
		v.Look(&seen)
		byName := map[string]record.Snapshot{}
		for _, s := range seen.Snapshots {
			byName[s.Name] = s
		}
		return byName
	}
	first := look()
	require.Len(t, first, 4)
	assert.False(t, first["goes"].Gone)
	assert.True(t, first["before"].Gone, "seen by another, who did not see it cut")

	for _, name := range []string{"goes", "cut"} {
		require.NoError(t, client.Tracker().Delete(volumeSnapshots, "shop", name))
	}
	second := look()
	require.Len(t, second, 4)
	assert.True(t, second["goes"].Gone)
	assert.False(t, second["stays"].Gone)
	assert.False(t, second["cut"].Gone, "it was seen cut")
}
