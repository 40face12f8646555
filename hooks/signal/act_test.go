package signal

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/signal/gate"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// acting is a Controller of a made-up cluster with some of Velero's objects, given as YAML, and what becomes of sessions that it creates.
func acting(t *testing.T, creating error, sources ...string) *Controller {
	t.Helper()
	objects := make([]runtime.Object, 0, len(sources))
	for _, source := range sources {
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(source), &object.Object))
		object.SetAPIVersion("velero.io/v1")
		object.SetNamespace("velero")
		objects = append(objects, object)
	}
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	ours := &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: sessionName("b", "u", 1, "shop")},
		Spec:       v1alpha1.HookSessionSpec{Velero: &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Namespace: "velero", Name: "b", UID: "u"}},
	}
	theirs := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "bank", Name: sessionName("b", "u", 1, "bank")}}
	return &Controller{
		Live: fake.NewClientBuilder().WithScheme(scheme).WithObjects(ours, theirs).Build(),
		Client: fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
			Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return creating },
		}).Build(),
		Objects: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
			velero.GroupVersion.WithResource("backups"): "BackupList", velero.GroupVersion.WithResource("backupstoragelocations"): "BackupStorageLocationList",
		}, objects...),
		Recorder: events.NewFakeRecorder(8), kinds: []kind{backups{}, restores{}}, quiesced: map[types.UID]int{},
	}
}

// backup is the Backup b as the API server has it.
func (c *Controller) backup(t *testing.T) *backup {
	t.Helper()
	full, err := c.Objects.Resource(velero.GroupVersion.WithResource("backups")).Namespace("velero").Get(t.Context(), "b", metav1.GetOptions{})
	require.NoError(t, err)
	slim, err := backups{}.slim(full)
	require.NoError(t, err)
	return slim.(*backup)
}

func (c *Controller) writes() int { return len(c.Objects.(*dynamicfake.FakeDynamicClient).Actions()) }

const heldYAML = `{kind: Backup, metadata: {name: b, uid: u, annotations: {quiesce.io/gate: held}}, spec: {storageLocation: store}}`

// Each change of the object has it looked at again.
func TestALongMessageIsWrittenOnce(t *testing.T) {
	c := acting(t, nil, heldYAML)
	long := "waits, since " + strings.Repeat("a session could not be created; ", 100)
	require.NoError(t, c.say(t.Context(), c.backup(t), long))
	said := c.backup(t)
	assert.Len(t, said.Annotations[v1alpha1.GateMessageAnnotation], maxMessage)
	before := c.writes()
	require.NoError(t, c.say(t.Context(), said, long))
	assert.Equal(t, before, c.writes())
}

// Without a storage location Velero cannot delete it.
func TestABackupHasAStorageLocationWhileItWaitsForItsTurn(t *testing.T) {
	c := acting(t, nil, `{kind: Backup, metadata: {name: b, uid: u, annotations: {quiesce.io/gate: held}}}`,
		`{kind: BackupStorageLocation, metadata: {name: main}, spec: {default: true}}`)
	waiting, view := gate.Decision{Action: gate.Wait, Message: "waits for a free slot of Velero's"}, gate.View{Mark: v1alpha1.GateHeld}
	require.NoError(t, c.act(t.Context(), c.backup(t), &view, waiting, nil))
	assert.Equal(t, "main", c.backup(t).Spec.StorageLocation)
	require.NoError(t, c.act(t.Context(), c.backup(t), &view, waiting, nil))
	assert.Equal(t, "waits for a free slot of Velero's", c.backup(t).Annotations[v1alpha1.GateMessageAnnotation])
}

func TestABackupWhoseSessionsCannotBeCreated(t *testing.T) {
	invalid := apierrors.NewInvalid(schema.GroupKind{Group: "quiesce.io", Kind: "HookSession"}, "b", nil)
	tests := map[string]struct {
		creating      error
		mark, message string
		fails         bool
	}{
		"is refused where they would be none":       {invalid, v1alpha1.GateRefused, "may not go on: creating a session in namespace shop: ", false},
		"waits where they can be created some day":  {errors.New("a quota"), v1alpha1.GateHeld, "waits, since a session could not be created: creating a session in namespace shop: a quota", true},
		"waits until they are ready where they can": {nil, v1alpha1.GateHeld, "waits until its pods are quiesced", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := acting(t, test.creating, heldYAML)
			view := gate.View{Mark: v1alpha1.GateHeld, Attempt: 1, Quiesces: true, Missing: []string{"shop"}}
			err := c.act(t.Context(), c.backup(t), &view, gate.Decision{Action: gate.Quiesce, Message: "waits until its pods are quiesced"}, nil)
			assert.Equal(t, test.fails, err != nil, err)
			annotations := c.backup(t).Annotations
			assert.Equal(t, test.mark, annotations[v1alpha1.GateAnnotation])
			assert.Contains(t, annotations[v1alpha1.GateMessageAnnotation], test.message)
		})
	}
}

// Of two Veleros at the same namespaces each could have pods of some of them, and wait for the others.
func TestABackupTakesPodsFromTheCreationOfItsSessionsToTheirEnd(t *testing.T) {
	c := acting(t, nil, heldYAML)
	held := c.backup(t)
	session := newSession(held, 1, "shop", true)
	assert.False(t, c.takesPods(held, nil, 1), "it waits for its turn")
	view := gate.View{Mark: v1alpha1.GateHeld, Attempt: 1, Quiesces: true, Missing: []string{"shop"}}
	require.NoError(t, c.act(t.Context(), held, &view, gate.Decision{Action: gate.Quiesce}, nil))
	assert.True(t, c.takesPods(held, nil, 1), "its sessions are not in the cache yet")
	assert.False(t, c.takesPods(held, nil, 2), "it is held again")
	assert.True(t, c.takesPods(held, []*v1alpha1.HookSession{session}, 1))
	session.Status.BegunAt = new(metav1.NowMicro())
	assert.False(t, c.takesPods(held, []*v1alpha1.HookSession{session}, 1), "there was nothing to quiesce")
	session.Status.Window = &v1alpha1.Window{Deadline: session.Status.BegunAt}
	assert.True(t, c.takesPods(held, []*v1alpha1.HookSession{session}, 1))
	session.Status.FinishedAt = new(metav1.Now())
	assert.False(t, c.takesPods(held, []*v1alpha1.HookSession{session}, 1))
}

func TestASessionThatIsThereAlreadyIsLookedAt(t *testing.T) {
	exists := apierrors.NewAlreadyExists(schema.GroupResource{Group: "quiesce.io", Resource: "hooksessions"}, "b")
	for namespace, message := range map[string]string{
		"shop": "waits until its pods are quiesced",
		"bank": "waits, since a session could not be created: HookSession bank/" + sessionName("b", "u", 1, "bank") + " is there, and is somebody else's: delete it",
		"mail": "waits until its pods are quiesced", // it has gone in the meantime
	} {
		c := acting(t, exists, heldYAML)
		view := gate.View{Mark: v1alpha1.GateHeld, Attempt: 1, Quiesces: true, Missing: []string{namespace}}
		err := c.act(t.Context(), c.backup(t), &view, gate.Decision{Action: gate.Quiesce, Message: "waits until its pods are quiesced"}, nil)
		assert.Equal(t, namespace == "bank", err != nil, err)
		assert.Equal(t, message, c.backup(t).Annotations[v1alpha1.GateMessageAnnotation])
	}
}
