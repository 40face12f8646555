package activity

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// fakeCluster has what the API server has, and finds HookRuns by the same fields.
func fakeCluster(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	field := func(of func(*v1alpha1.HookRun) string) client.IndexerFunc {
		return func(object client.Object) []string { return []string{of(object.(*v1alpha1.HookRun))} }
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.HookSession{}).
		WithIndex(&v1alpha1.HookRun{}, "spec.policy.name", field(func(run *v1alpha1.HookRun) string { return run.Spec.Policy.Name })).
		WithIndex(&v1alpha1.HookRun{}, "spec.session.name", field(func(run *v1alpha1.HookRun) string { return run.Spec.Session.Name })).
		Build()
}

func TestWhatDoesNotPassEndsWhatIsFollowed(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "quiesce.io", Resource: "hooksessions"}, "", nil)
	for name, test := range map[string]struct {
		lists  []error // of the lists after the first
		shows  []error // what becomes of showing them
		want   error
		talked int
	}{
		"it may not be listed any more":    {[]error{forbidden}, nil, forbidden, 0},
		"credentials have run out":         {[]error{apierrors.NewUnauthorized("expired")}, nil, apierrors.NewUnauthorized("expired"), 0},
		"nobody reads any more":            {[]error{nil}, []error{syscall.EPIPE}, syscall.EPIPE, 0},
		"the API server is away at first":  {[]error{syscall.ECONNREFUSED, apierrors.NewServiceUnavailable("no"), nil}, nil, nil, 2},
		"the list goes well the next time": {[]error{nil}, nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancel(t.Context())
				defer end()
				var talk bytes.Buffer
				lists, watches, shows := 0, 0, 0
				cluster := interceptor.NewClient(fakeCluster(t), interceptor.Funcs{
					List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
						lists++
						list.SetResourceVersion("1")
						if lists > 1 {
							return test.lists[lists-2]
						}
						return nil
					},
					Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
						watches++
						if watches > 1 { // it has come so far
							end()
						}
						return nil, apierrors.NewResourceExpired("too old")
					},
				})
				f := follower[v1alpha1.HookSessionList, *v1alpha1.HookSessionList]{
					cluster: cluster, talk: &talk, page: func(*v1alpha1.HookSessionList) {},
					listed: func() error {
						shows++
						if shows > 1 && len(test.shows) > 0 {
							return test.shows[shows-2]
						}
						return nil
					},
				}
				err := f.run(ctx)
				if test.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, test.want.Error())
				}
				assert.Equal(t, test.talked, strings.Count(talk.String(), "was lost, and is tried again"), talk.String())
				assert.Len(t, test.lists, lists-1)
			})
		})
	}
}

func TestASessionThatBeginsIsWatchedByItsPolicy(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	other, night := aSession("other", ""), aSession("night", "")
	cluster := fakeCluster(t, &other)
	watching := make(chan struct{})
	watched := interceptor.NewClient(cluster, interceptor.Funcs{
		List: func(ctx context.Context, cluster client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			err := cluster.List(ctx, list, options...)
			list.SetResourceVersion("1") // which the fake leaves out, too
			return err
		},
		Watch: func(ctx context.Context, cluster client.WithWatch, list client.ObjectList, _ ...client.ListOption) (watch.Interface, error) {
			defer close(watching)
			changes, err := cluster.Watch(ctx, list, client.InNamespace("shop"))
			context.AfterFunc(ctx, changes.Stop) // which the fake leaves out
			return changes, err
		},
	})
	lines, out := io.Pipe()
	s := &sessions{Frame: &command.Frame{IOStreams: genericiooptions.IOStreams{Out: out, ErrOut: out}}, policy: "postgres", namespace: "shop", noHeaders: true}
	s.print = command.NewPrint(&cobra.Command{Use: "sessions"}, "wide")
	done := make(chan error)
	go func() {
		done <- s.follow(ctx, watched, []client.ListOption{client.InNamespace("shop")}, &sessionFilter{policy: &policySessions{policy: "postgres", namespace: "shop"}})
	}()
	<-watching

	require.NoError(t, cluster.Create(ctx, &night))
	run := ran("night-1", 0, v1alpha1.PreSnapshot, "freeze", v1alpha1.PodResult{Pod: "db-0"})
	run.Spec.Session.Name = "night"
	require.NoError(t, cluster.Create(ctx, run))
	for _, session := range []*v1alpha1.HookSession{&other, &night} {
		session.Status.Phase, session.Status.Runs = v1alpha1.PhaseQuiescing, new(int32(1))
		require.NoError(t, cluster.Status().Update(ctx, session))
	}
	line, err := bufio.NewReader(lines).ReadString('\n')
	require.NoError(t, err)
	assert.Regexp(t, `^night +Backup +Quiescing`, line)
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	end()
	require.NoError(t, <-done)
}
