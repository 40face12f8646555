package webhook

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/hooks/release"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
	"github.com/quiesce-io/quiesce/hooks/velero/velerotest"
)

var leaseName = types.NamespacedName{Namespace: "quiesce-system", Name: "quiesce-controller"}

// leaderless is a fake API server with a held Backup.
func leaderless(t *testing.T, functions interceptor.Funcs) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, coordinationv1.AddToScheme(scheme))
	velerotest.AddToScheme(scheme)
	backup := &unstructured.Unstructured{}
	backup.SetGroupVersionKind(velero.GroupVersion.WithKind("Backup"))
	backup.SetNamespace("velero")
	backup.SetName("nightly")
	backup.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateHeld})
	return fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(functions).WithObjects(backup).Build()
}

func markIn(t *testing.T, c client.Client) string {
	t.Helper()
	backup := &unstructured.Unstructured{}
	backup.SetGroupVersionKind(velero.GroupVersion.WithKind("Backup"))
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "velero", Name: "nightly"}, backup))
	return backup.GetAnnotations()[v1alpha1.GateAnnotation]
}

// watchLease runs replicas of the watch until the test ends.
func watchLease(t *testing.T, c client.Client, replicas int, as string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, replicas)
	for range replicas {
		watch := &gone{client: c, lease: leaseName, releaser: &release.Releaser{Client: c}, options: GateOptions{GoneAfter: 5 * time.Minute, GoneAs: as}}
		assert.False(t, watch.NeedLeaderElection())
		go func() { ended <- watch.Start(ctx) }()
	}
	t.Cleanup(func() {
		stop()
		for range replicas {
			assert.NoError(t, <-ended)
		}
	})
}

// renew has a controller lead, as of now by its own clock, which is an hour behind; none by an empty name, as when it has ended well.
func renew(t *testing.T, c client.Client, holder string) {
	t.Helper()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: leaseName.Namespace, Name: leaseName.Name}}
	err := c.Get(t.Context(), leaseName, lease)
	now := metav1.NewMicroTime(time.Now().Add(-time.Hour))
	lease.Spec = coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &now}
	if err != nil {
		require.NoError(t, c.Create(t.Context(), lease))
		return
	}
	require.NoError(t, c.Update(t.Context(), lease))
}

func TestWithoutAControllerWhatWaitsIsLetGo(t *testing.T) {
	lead := func(t *testing.T, c client.Client, holder string, duration time.Duration) {
		t.Helper()
		for range duration / (2 * time.Second) {
			renew(t, c, holder)
			time.Sleep(2 * time.Second)
		}
	}
	tests := map[string]func(t *testing.T, c client.Client){
		"it was never there": func(*testing.T, client.Client) {},
		"it has died": func(t *testing.T, c client.Client) {
			lead(t, c, "one", 10*time.Minute)
		},
		"it has ended well": func(t *testing.T, c client.Client) {
			lead(t, c, "one", 10*time.Minute)
			renew(t, c, "")
		},
		"another led for a while": func(t *testing.T, c client.Client) {
			lead(t, c, "one", time.Minute)
			time.Sleep(4 * time.Minute)
			lead(t, c, "two", time.Minute)
		},
		"its Lease was deleted": func(t *testing.T, c client.Client) {
			lead(t, c, "one", time.Minute)
			require.NoError(t, c.Delete(t.Context(), &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: leaseName.Namespace, Name: leaseName.Name}}))
		},
	}
	for as, want := range map[string]string{v1alpha1.GateOpen: "open", v1alpha1.GateRefused: "refused"} {
		for name, happens := range tests {
			t.Run(name+", and then it is "+as, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := leaderless(t, interceptor.Funcs{})
					watchLease(t, c, 3, as)
					happens(t, c)
					assert.Equal(t, "held", markIn(t, c))
					time.Sleep(4*time.Minute + 50*time.Second)
					assert.Equal(t, "held", markIn(t, c), "not before the time has passed")
					time.Sleep(30 * time.Second)
					assert.Equal(t, want, markIn(t, c))
				})
			})
		}
	}
}

func TestWhileAControllerLeadsNothingIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := leaderless(t, interceptor.Funcs{})
		watchLease(t, c, 2, v1alpha1.GateOpen)
		for range 60 { // with long gaps: a node that is slow
			renew(t, c, "one")
			time.Sleep(4 * time.Minute)
		}
		assert.Equal(t, "held", markIn(t, c))
	})
}

// An API server that does not answer lets no controller renew its Lease.
func TestTimeInWhichTheAPIServerDoesNotAnswerDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		c := leaderless(t, interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if _, is := object.(*coordinationv1.Lease); is && down.Load() {
				return errors.New("no answer")
			}
			return c.Get(ctx, key, object, options...)
		}})
		renew(t, c, "one")
		watchLease(t, c, 1, v1alpha1.GateOpen)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		down.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		down.Store(false)
		time.Sleep(time.Minute)
		assert.Equal(t, "held", markIn(t, c))
		time.Sleep(time.Minute + 30*time.Second)
		assert.Equal(t, "open", markIn(t, c), "what counted before still does")
	})
}

// What is created while nobody leads is let go, too, and a failure is tried again.
func TestWhatCannotBeLetGoIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refusing atomic.Bool
		refusing.Store(true)
		c := leaderless(t, interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if refusing.Load() {
				return errors.New("not now")
			}
			return c.Patch(ctx, object, patch, options...)
		}})
		watchLease(t, c, 1, v1alpha1.GateOpen)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.Equal(t, "held", markIn(t, c))
		refusing.Store(false)
		time.Sleep(15 * time.Second)
		assert.Equal(t, "open", markIn(t, c))
	})
}
