package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
	"github.com/quiesce-io/quiesce/hooks/velero/velerotest"
)

// heldBackup waits in namespace velero.
func heldBackup(name string) *unstructured.Unstructured {
	backup := &unstructured.Unstructured{}
	backup.SetGroupVersionKind(velero.GroupVersion.WithKind("Backup"))
	backup.SetNamespace("velero")
	backup.SetName(name)
	backup.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateHeld})
	return backup
}

// leaving is an uninstaller of a fake cluster, and what it says.
func leaving(t *testing.T, functions interceptor.Funcs, objects ...client.Object) (*uninstaller, *bytes.Buffer) {
	t.Helper()
	scheme, err := newScheme()
	require.NoError(t, err)
	velerotest.AddToScheme(scheme)
	said := &bytes.Buffer{}
	return &uninstaller{fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(functions).WithObjects(objects...).Build(), "quiesce-system", said}, said
}

func markOf(t *testing.T, c client.Client, name string) string {
	t.Helper()
	backup := heldBackup(name)
	require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(backup), backup))
	return backup.GetAnnotations()[v1alpha1.GateAnnotation]
}

// The controller has a Backup fail whose sessions are cancelled while it is held.
func TestWhatWaitsIsLetGoBeforeItsSessionsAreCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var marks []string
		session := func(name, backup string) *v1alpha1.HookSession {
			return &v1alpha1.HookSession{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
				Spec:       v1alpha1.HookSessionSpec{Velero: &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Namespace: "velero", Name: backup, Held: true}},
			}
		}
		controller := interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if cancelled, is := object.(*v1alpha1.HookSession); is {
				backup := heldBackup(cancelled.Spec.Velero.Name)
				require.NoError(t, c.Get(ctx, client.ObjectKeyFromObject(backup), backup))
				marks = append(marks, backup.GetAnnotations()[v1alpha1.GateAnnotation])
				if cancelled.Name == "first" { // meanwhile another Backup is created, held, and given a session
					require.NoError(t, c.Create(ctx, heldBackup("second")))
					require.NoError(t, c.Create(ctx, session("second", "second")))
				}
				cancelled.Spec.Cancel, cancelled.Status.Phase = true, v1alpha1.PhaseCancelled
				return c.Update(ctx, cancelled)
			}
			return c.Patch(ctx, object, patch, options...)
		}}
		deployment := controllerDeploymentOf(1)
		u, said := leaving(t, controller, deployment, heldBackup("first"), session("first", "first"))
		require.NoError(t, u.endSessions(t.Context()))
		assert.Equal(t, []string{"open", "open"}, marks)
		assert.Contains(t, said.String(), "Let go, without being quiesced: Backup velero/first")
		assert.Contains(t, said.String(), "Let go, without being quiesced: Backup velero/second")
	})
}

func TestWhatIsMarkedUntilTheWebhookIsNotCalledIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, _ := leaving(t, interceptor.Funcs{})
		go func() {
			time.Sleep(2 * time.Second)
			assert.NoError(t, u.Create(t.Context(), heldBackup("late")))
		}()
		start := time.Now()
		require.NoError(t, u.letGoOfTheRest(t.Context(), start.Add(afterglow)))
		assert.Equal(t, "open", markOf(t, u.Client, "late"))
		assert.GreaterOrEqual(t, time.Since(start), afterglow)
	})
}

func TestAnUninstallThatCannotLetGoOfWhatWaitsSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, said := leaving(t, interceptor.Funcs{Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return errors.New("no right")
		}}, heldBackup("held"))
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		err := u.letGoOfTheRest(ctx, time.Now())
		assert.ErrorContains(t, err, "the time limit has passed, and Velero has Backups or Restores waiting that could not be let go: run this again: Backup velero/held: no right")
		assert.Empty(t, said.String())
	})
}

// controllerDeploymentOf is that of the chart, with so many replicas.
func controllerDeploymentOf(replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "quiesce-system", Name: controllerDeployment}, Spec: appsv1.DeploymentSpec{Replicas: &replicas},
	}
}
