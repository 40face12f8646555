package thaw

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func clusterWith(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	require.NoError(t, corev1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

// frozen is a cluster with a session that has frozen a pod, and what is planned for it.
func frozen(t *testing.T, c *containers) (client.WithWatch, place) {
	t.Helper()
	r := begun(set(freezing("db")), pod("db-0"))
	did(r, "freeze", "Succeeded")
	objects := []client.Object{r.Session, new(pod("db-0"))}
	for _, run := range r.Runs {
		run.Labels = map[string]string{v1alpha1.SessionUIDLabel: string(r.Session.UID)}
		objects = append(objects, run)
	}
	cluster := clusterWith(t, objects...)
	reader := &reader{Client: cluster, containers: c, namespace: "shop", wanted: all}
	return cluster, place{reader, &thawPlan{namespace: "shop", sessions: planSessions([]record.Record{*r}, false, all, noon)}}
}

func TestAControllerThatCouldNotBeToldIsNotWaitedFor(t *testing.T) {
	c := &containers{}
	cluster, one := frozen(t, c)
	one.reader.Client = interceptor.NewClient(cluster, interceptor.Funcs{
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return apierrors.NewForbidden(schema.GroupResource{Group: "quiesce.io", Resource: "hooksessions"}, "nightly-42", nil)
		},
	})
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	do := &thaw{Frame: &command.Frame{IOStreams: streams}, timeout: time.Hour}
	err := do.thaw(t.Context(), []place{one})
	require.EqualError(t, err, "not everything is thawed in namespace shop: see above")
	assert.Equal(t, []string{"db-0 sh -c unfreeze disarm"}, c.asked)
	assert.Contains(t, errOut.String(), "session nightly-42 goes on, and may quiesce pods anew")
	assert.NotContains(t, errOut.String(), "no controller has answered")
	assert.Contains(t, out.String(), "Thawed")
}

func TestASessionThatBeganMeanwhileIsNotCalledThawed(t *testing.T) {
	cluster, one := frozen(t, &containers{})
	one.plan.sessions = nil // as it was when somebody was asked
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	do := &thaw{Frame: &command.Frame{IOStreams: streams}}
	require.EqualError(t, do.thaw(t.Context(), []place{one}), "not everything is thawed in namespace shop: see above")
	assert.Equal(t, "session nightly-42 has begun meanwhile, and was let be: run this again to thaw it too\n", errOut.String())

	require.NoError(t, cluster.Delete(t.Context(), &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nightly-42"}}))
	errOut.Reset()
	one.reader.scope = scope{pods: []string{"db-0"}}
	require.NoError(t, do.thaw(t.Context(), []place{one}))
	assert.Equal(t, "Everything is thawed in namespace shop of what was asked for: pod/db-0.\n", errOut.String())
}

func TestNamesThatThereAreNotAreRefused(t *testing.T) {
	ctx := t.Context()
	cluster := clusterWith(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	require.EqualError(t, (&reader{Client: cluster, namespace: "shpo"}).knowsPods(ctx, nil), `there is no Namespace "shpo": did you mean "shop"?`)
	require.NoError(t, (&reader{Client: cluster, namespace: "shop"}).knowsPods(ctx, nil))
	r := &reader{Client: cluster, namespace: "shop", scope: scope{pods: []string{"db-1"}}}
	require.EqualError(t, r.knowsPods(ctx, []corev1.Pod{pod("db-0")}), `in namespace shop there is no Pod "db-1": did you mean "db-0"?`)

	old := begun(set(freezing("deleted")), pod("db-0"))
	known := policyNames("shop", set(freezing("postgres")), []record.Record{*old}, []corev1.Pod{stampedBy("db-0", set(freezing("stamped")))})
	assert.Equal(t, []string{"deleted", "postgres", "stamped"}, known)
	require.EqualError(t, scope{policies: []string{"postgre"}}.knowsPolicies(known), `there is no HookPolicy or NamespacedHookPolicy "postgre": did you mean "postgres"?`)
	require.NoError(t, scope{policies: []string{"postgres", "deleted"}}.knowsPolicies(known))
	require.NoError(t, scope{policies: []string{"any"}}.knowsPolicies(nil), "they may not be read")
	require.Error(t, scope{policies: []string{"any"}}.knowsPolicies(policyNames("shop", set(), nil, nil)))
}

func TestAScopeIsReadAndSaid(t *testing.T) {
	db, err := labels.Parse("app=db")
	require.NoError(t, err)
	s, err := (&thaw{selector: "app=db", policies: []string{"shop/pg"}}).scope([]string{"pod/db-0", "pods/db-1"})
	require.NoError(t, err)
	assert.Equal(t, scope{pods: []string{"db-0", "db-1"}, selector: db, policies: []string{"pg"}}, s)
	assert.Equal(t, "in namespace shop of what was asked for: pod/db-0, pod/db-1, pods with labels app=db, policy pg", s.within("in namespace shop"))
	assert.Equal(t, "in namespace shop", scope{}.within("in namespace shop"))
	for want, line := range map[string]struct {
		thaw thaw
		args []string
	}{
		`"db-0": write pod/db-0`:                                           {thaw{}, []string{"db-0"}},
		`"deploy/db": only pods can be thawed: write pod/NAME`:             {thaw{}, []string{"deploy/db"}},
		`-l "a in": write labels such as app=postgres,tier!=cache`:         {thaw{selector: "a in"}, nil},
		"pods are of one namespace: leave -A out, and write -n with it":    {thaw{allNamespaces: true}, []string{"pod/db-0"}},
		"--force is for one namespace: leave -A out, and write -n with it": {thaw{allNamespaces: true, force: true}, nil},
	} {
		_, err := line.thaw.scope(line.args)
		require.EqualError(t, err, want)
	}
}

func TestAllNamespacesAreThoseInWhichSomethingMayBeQuiesced(t *testing.T) {
	session := func(namespace string, phase v1alpha1.Phase) client.Object {
		return &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "s"}, Status: v1alpha1.HookSessionStatus{Phase: phase}}
	}
	stamped, plain := stampedBy("db-0", set(freezing("db"))), pod("web-0")
	stamped.Namespace, plain.Namespace = "stamped", "plain"
	got, err := suspects(t.Context(), clusterWith(t, session("open", v1alpha1.PhaseQuiesced), session("over", v1alpha1.PhaseComplete), &stamped, &plain))
	require.NoError(t, err)
	assert.Equal(t, []string{"open", "stamped"}, got)
}

func TestWhatContainersSayIsShownAndNotObeyed(t *testing.T) {
	var out bytes.Buffer
	newResults(&out).add(result{pod: "db-0", hook: "db/unfreeze", verdict: failed, message: "no\x1b[2J"})
	require.NoError(t, table(&out, [][]string{{"rm \u009b2J"}}))
	assert.Contains(t, out.String(), `no\x1b[2J`)
	assert.Contains(t, out.String(), `rm \u009b2J`)
}
