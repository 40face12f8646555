package release

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/velero"
	"github.com/quiesce-io/quiesce/hooks/velero/velerotest"
)

// cluster is a fake API server that knows Velero's kinds, and has objects given as YAML.
func cluster(t *testing.T, functions interceptor.Funcs, sources ...string) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	velerotest.AddToScheme(scheme)
	builder := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(functions)
	for _, source := range sources {
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(source), &object.Object))
		object.SetAPIVersion("velero.io/v1")
		object.SetNamespace("velero")
		builder.WithObjects(object)
	}
	return builder.Build()
}

func get(t *testing.T, c client.Client, kind, name string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(velero.GroupVersion.WithKind(kind))
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "velero", Name: name}, object))
	return object
}

func phase(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	phase, _, err := unstructured.NestedString(object.Object, "status", "phase")
	require.NoError(t, err)
	return phase
}

func held(kind, name, more string) string {
	return `{kind: ` + kind + `, metadata: {name: ` + name + `, annotations: {quiesce.io/gate: held, example.com/a: b}}` + more + `}`
}

func TestWhatIsHeldIsLetGo(t *testing.T) {
	c := cluster(t, interceptor.Funcs{},
		held("Backup", "new", ""), held("Backup", "queued", `, status: {phase: Queued}`), held("Backup", "ready", `, status: {phase: ReadyToStart}`),
		`{kind: Backup, metadata: {name: again, annotations: {quiesce.io/gate: held, quiesce.io/gate-returns-to: ReadyToStart}}, status: {phase: New}}`,
		`{kind: Backup, metadata: {name: running, annotations: {quiesce.io/gate: held, quiesce.io/gate-returns-to: ReadyToStart}}, status: {phase: InProgress}}`,
		held("Backup", "invalid", `, status: {phase: FailedValidation}`), held("Restore", "restore", ""),
		`{kind: Backup, metadata: {name: open, annotations: {quiesce.io/gate: open}}}`, `{kind: Backup, metadata: {name: other}}`,
	)
	before := time.Now()
	outcome, err := (&Releaser{Client: c}).Open(t.Context(), "nobody is there")
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"Backup velero/new", "Backup velero/queued", "Backup velero/ready", "Backup velero/again", "Backup velero/running", "Restore velero/restore"}, outcome.Opened)
	assert.Empty(t, outcome.Failed)
	for name, want := range map[string]string{"new": "", "queued": "Queued", "ready": "ReadyToStart", "again": "ReadyToStart", "running": "InProgress"} {
		object := get(t, c, "Backup", name)
		annotations := object.GetAnnotations()
		since, err := time.Parse(time.RFC3339Nano, annotations["quiesce.io/gate-since"])
		require.NoError(t, err)
		assert.WithinRange(t, since, before.Add(-time.Millisecond), time.Now())
		delete(annotations, "quiesce.io/gate-since")
		delete(annotations, "example.com/a")
		assert.Equal(t, map[string]string{
			"quiesce.io/gate": "open", "quiesce.io/gate-message": "it goes on without being quiesced, since nobody is there", "quiesce.io/consistent": "False",
			"quiesce.io/consistent-message": "GateMissed: Velero was let go before its pods were quiesced, since nobody is there",
		}, annotations)
		assert.Equal(t, want, phase(t, object), name)
	}
	restore := get(t, c, "Restore", "restore").GetAnnotations()
	assert.Equal(t, "open", restore["quiesce.io/gate"])
	assert.NotContains(t, restore, "quiesce.io/consistent", "which is for Backups")
	assert.Equal(t, "held", get(t, c, "Backup", "invalid").GetAnnotations()["quiesce.io/gate"], "what has ended is left alone")
	assert.Empty(t, get(t, c, "Backup", "other").GetAnnotations())

	outcome, err = (&Releaser{Client: c}).Open(t.Context(), "nobody is there")
	require.NoError(t, err)
	assert.True(t, outcome.Nothing(), "once is enough")
}

func TestWhatIsHeldFailsWhereThatIsWanted(t *testing.T) {
	c := cluster(t, interceptor.Funcs{},
		held("Backup", "new", `, spec: {ttl: 1h0m0s}`), held("Backup", "ready", `, status: {phase: ReadyToStart}`), held("Restore", "restore", `, status: {phase: New}`),
		`{kind: BackupStorageLocation, metadata: {name: main}, spec: {default: true}}`, `{kind: BackupStorageLocation, metadata: {name: other}, spec: {}}`,
	)
	outcome, err := (&Releaser{Client: c}).Refuse(t.Context(), "nobody is there")
	require.NoError(t, err)
	assert.Equal(t, Outcome{Opened: []string{"Backup velero/ready"}, Failed: []string{"Backup velero/new", "Restore velero/restore"}}, outcome)
	backup := get(t, c, "Backup", "new")
	assert.Equal(t, "refused", backup.GetAnnotations()["quiesce.io/gate"])
	assert.Equal(t, "nobody is there", backup.GetAnnotations()["quiesce.io/gate-message"])
	assert.NotContains(t, backup.GetAnnotations(), "quiesce.io/consistent", "there is no backup of which to say so")
	assert.Equal(t, "main", backup.GetLabels()["velero.io/storage-location"])
	assert.Equal(t, map[string]any{"storageLocation": "main", "ttl": "1h0m0s"}, backup.Object["spec"])
	status := backup.Object["status"].(map[string]any)
	assert.Equal(t, "Failed", status["phase"])
	assert.Equal(t, "Quiesce: nobody is there", status["failureReason"])
	for _, field := range []string{"startTimestamp", "completionTimestamp", "expiration"} {
		assert.NotEmpty(t, status[field], field)
	}
	assert.Equal(t, "Failed", phase(t, get(t, c, "Restore", "restore")))
	assert.Equal(t, "ReadyToStart", phase(t, get(t, c, "Backup", "ready")), "it begins whatever the mark says")
}

func TestWhatWasRefusedIsEndedWithItsOwnReason(t *testing.T) {
	c := cluster(t, interceptor.Funcs{},
		`{kind: Backup, metadata: {name: refused, annotations: {quiesce.io/gate: refused, quiesce.io/gate-message: the hook failed}}}`,
		`{kind: Backup, metadata: {name: begun, annotations: {quiesce.io/gate: refused}}, status: {phase: InProgress}}`, held("Backup", "held", ""),
	)
	outcome, err := (&Releaser{Client: c}).End(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Outcome{Failed: []string{"Backup velero/refused"}}, outcome)
	reason, _, err := unstructured.NestedString(get(t, c, "Backup", "refused").Object, "status", "failureReason")
	require.NoError(t, err)
	assert.Equal(t, "Quiesce: the hook failed", reason)
	location, _, err := unstructured.NestedString(get(t, c, "Backup", "refused").Object, "spec", "storageLocation")
	require.NoError(t, err)
	assert.Equal(t, "default", location)
	assert.Equal(t, "held", get(t, c, "Backup", "held").GetAnnotations()["quiesce.io/gate"])
}

func TestWhatOthersChangeMeanwhileIsLeftToThem(t *testing.T) {
	meanwhile := interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
		if object.GetName() == "theirs" {
			if err := c.Patch(ctx, object.DeepCopyObject().(client.Object), client.RawPatch(patch.Type(), []byte(`{"metadata": {"annotations": {"quiesce.io/gate": "refused"}}}`))); err != nil {
				return err
			}
		}
		return c.Patch(ctx, object, patch, options...)
	}}
	c := cluster(t, meanwhile, held("Backup", "ours", ""), held("Backup", "theirs", ""))
	outcome, err := (&Releaser{Client: c}).Open(t.Context(), "nobody is there")
	require.NoError(t, err)
	assert.Equal(t, Outcome{Opened: []string{"Backup velero/ours"}, Changed: []string{"Backup velero/theirs"}}, outcome)
	assert.False(t, (&Outcome{Changed: outcome.Changed}).Nothing(), "it may be held yet")
	assert.Equal(t, "refused", get(t, c, "Backup", "theirs").GetAnnotations()["quiesce.io/gate"])
}

func TestWhatCannotBeLetGoIsNamedAndTheRestGoes(t *testing.T) {
	broken := interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
		if object.GetName() == "a" {
			return errors.New("no right")
		}
		return c.Patch(ctx, object, patch, options...)
	}}
	outcome, err := (&Releaser{Client: cluster(t, broken, held("Backup", "a", ""), held("Backup", "b", ""))}).Open(t.Context(), "nobody is there")
	assert.ErrorContains(t, err, "Backup velero/a: no right")
	assert.Equal(t, []string{"Backup velero/b"}, outcome.Opened)
}

func TestWithoutVeleroThereIsNothingToLetGo(t *testing.T) {
	for name, absent := range map[string]error{
		"it was never there": &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: "velero.io", Kind: "Backup"}},
		"it has just gone":   apierrors.NewNotFound(schema.GroupResource{Group: "velero.io", Resource: "backups"}, ""),
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t, interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return absent }})
			outcome, err := (&Releaser{Client: c}).Open(t.Context(), "nobody is there")
			require.NoError(t, err)
			assert.True(t, outcome.Nothing())
		})
	}
}

func TestWhatIsBeingDeletedIsLeftAlone(t *testing.T) {
	object := held("Restore", "going", "")
	c := cluster(t, interceptor.Funcs{}, object)
	going := get(t, c, "Restore", "going")
	going.SetFinalizers([]string{"restores.velero.io/external-resources-finalizer"})
	require.NoError(t, c.Update(t.Context(), going))
	require.NoError(t, c.Delete(t.Context(), going))
	outcome, err := (&Releaser{Client: c}).Open(t.Context(), "nobody is there")
	require.NoError(t, err)
	assert.True(t, outcome.Nothing())
	assert.NotEqual(t, (*metav1.Time)(nil), get(t, c, "Restore", "going").GetDeletionTimestamp())
}
