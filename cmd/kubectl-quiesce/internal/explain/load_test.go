package explain

import (
	"context"
	"errors"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero/velerotest"
)

func TestWhatIsToBeExplainedIsWrittenAsKubectlTakesIt(t *testing.T) {
	c := &cobra.Command{Use: "explain"}
	for name, test := range map[string]struct {
		args           []string
		wantKind, want string
		err            string
	}{
		"a name alone":               {args: []string{"db-0"}, wantKind: "Pod", want: "db-0"},
		"a type and a name":          {args: []string{"sts", "db"}, wantKind: "StatefulSet", want: "db"},
		"type and name in one word":  {args: []string{"Deployments/web"}, wantKind: "Deployment", want: "web"},
		"a type with its group":      {args: []string{"daemonset.apps/log"}, wantKind: "DaemonSet", want: "log"},
		"a type that is none":        {args: []string{"cronjob/x"}, err: `"cronjob" is not a type that can be explained: write pod, deployment, statefulset, daemonset or replicaset`},
		"a type without a name":      {args: []string{"deploy/"}, err: "write the name of the deployment, such as deploy/NAME"},
		"nothing":                    {err: "write what is to be explained as TYPE/NAME, TYPE NAME, or NAME for a pod"},
		"too much":                   {args: []string{"pod", "a", "b"}, err: "write what is to be explained as"},
		"two of type and name":       {args: []string{"pod/a", "pod/b"}, err: "write what is to be explained as"},
		"a type, and type with name": {args: []string{"pod", "pod/b"}, err: "write what is to be explained as"},
	} {
		t.Run(name, func(t *testing.T) {
			wanted, err := parse(c, test.args)
			if test.err != "" {
				var exit *command.ExitError
				require.ErrorAs(t, err, &exit)
				assert.Equal(t, command.ExitUsage, exit.Code)
				assert.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.wantKind, wanted.name)
			assert.Equal(t, test.want, wanted.named)
		})
	}
}

func clusterOf(t *testing.T, forbidden func(object runtime.Object) bool, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	velerotest.AddToScheme(scheme)
	refuse := func(object runtime.Object) error {
		if forbidden(object) {
			return apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no right"))
		}
		return nil
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if err := refuse(object); err != nil {
				return err
			}
			return c.Get(ctx, key, object, options...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if err := refuse(list); err != nil {
				return err
			}
			return c.List(ctx, list, options...)
		},
	}).Build()
}

func all(runtime.Object) bool { return false }

func pod(name string, labels map[string]string, owner *metav1.OwnerReference) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), Labels: labels}}
	if owner != nil {
		owner.Controller = new(true)
		p.OwnerReferences = []metav1.OwnerReference{*owner}
	}
	p.Spec.Containers = []corev1.Container{{Name: "c", Image: "i:1"}}
	return p
}

func shop() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}}
}

func ask(t *testing.T, cluster client.Reader, args ...string) (*scene, error) {
	t.Helper()
	wanted, err := parse(&cobra.Command{Use: "explain"}, args)
	require.NoError(t, err)
	return load(t.Context(), cluster, "shop", wanted)
}

func TestAWorkloadIsExplainedByItsOwnPodsOrElseByItsTemplate(t *testing.T) {
	web := map[string]string{"app": "web"}
	hashed := map[string]string{"app": "web", appsv1.DefaultDeploymentUniqueLabelKey: "abc"}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "d"}}
	deployment.Spec.Selector = &metav1.LabelSelector{MatchLabels: web}
	deployment.Spec.Template = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: web}, Spec: pod("", nil, nil).Spec}
	daemons := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "log", UID: "s"}}
	daemons.Spec.Selector = &metav1.LabelSelector{MatchLabels: web}
	cluster := clusterOf(t, all, shop(), deployment, daemons,
		pod("web-2", hashed, &metav1.OwnerReference{Kind: "ReplicaSet", Name: "web-abc"}),
		pod("web-1", hashed, &metav1.OwnerReference{Kind: "ReplicaSet", Name: "web-abc"}),
		pod("other", hashed, &metav1.OwnerReference{Kind: "ReplicaSet", Name: "other-abc"}),
		pod("log-1", web, &metav1.OwnerReference{Kind: "DaemonSet", Name: "log", UID: "s"}),
		pod("bare", web, nil))
	for args, want := range map[string][]string{"deploy/web": {"web-1", "web-2"}, "ds/log": {"log-1"}, "bare": {"bare"}} {
		s, err := ask(t, cluster, args)
		require.NoError(t, err)
		report := s.report()
		require.Len(t, report.Groups, 1, args)
		assert.Equal(t, want, report.Groups[0].Pods)
	}

	s, err := ask(t, clusterOf(t, all, shop(), deployment), "deployment", "web")
	require.NoError(t, err)
	report := s.report()
	require.Len(t, report.Groups, 1)
	assert.Empty(t, report.Groups[0].Pods)
	assert.Equal(t, Template, report.Groups[0].Stamp.State)
}

func TestANameThatThereIsNotIsToldWithTheOnesThereAre(t *testing.T) {
	cluster := clusterOf(t, all, shop(), pod("db-0", nil, nil))
	_, err := ask(t, cluster, "db-1")
	require.EqualError(t, err, `namespace shop: there is no pod "db-1": did you mean "db-0"?`)
	_, err = ask(t, cluster, "sts/db")
	require.EqualError(t, err, `namespace shop: there is no statefulset "db", nor any other`)
	_, err = ask(t, clusterOf(t, func(object runtime.Object) bool {
		_, list := object.(*corev1.PodList)
		return list
	}, shop()), "db-1")
	require.EqualError(t, err, `there is no pod "db-1"`)

	elsewhere := shop()
	elsewhere.Name = "shops"
	_, err = ask(t, clusterOf(t, all, elsewhere), "db-0")
	require.EqualError(t, err, `there is no namespace "shop": did you mean "shops"?`)
}

func TestWhatMayNotBeReadIsSaid(t *testing.T) {
	cluster := clusterOf(t, func(object runtime.Object) bool {
		switch object.(type) {
		case *corev1.Namespace, *corev1.PodList, *v1alpha1.HookPolicyList, *v1alpha1.HookScriptList:
			return true
		}
		return false
	}, pod("db-0", nil, nil), &v1alpha1.NamespacedHookPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "own"},
		Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
			{Name: "sync", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Script: &v1alpha1.ScriptAction{Name: "flush"}}}},
	})
	s, err := ask(t, cluster, "db-0")
	require.NoError(t, err)
	report := s.report()
	assert.Equal(t, Participation{Unknown, "whether namespace shop has opted in is not known"}, report.Participation)
	assert.Contains(t, report.NotKnown, "the labels of namespace shop are not known, since you may not read it: "+
		"policies with a namespaceSelector are taken not to select it")
	assert.Contains(t, report.NotKnown, "the other pods of namespace shop are not known, since you may not list them: "+
		"hooks that run in one pod of many may run in another than is said here")
	group := report.Groups[0]
	assert.Equal(t, Unsure, group.Stamp.State)
	require.Len(t, group.Policies, 1)
	assert.Equal(t, NotRead, group.Policies[0].Verdict)
	assert.Equal(t, `it refers to HookScript "flush", which you may not read`, group.Policies[0].Reason)
}

func TestNamespacesThatNeverTakePart(t *testing.T) {
	s := read(t, "small.in.yaml")
	require.NoError(t, s.world.Scope.Exclude("excluded"))
	for name, want := range map[string]string{
		"quiesce-system": "namespace quiesce-system is Quiesce's own, which never takes part",
		"kube-system":    "namespace kube-system never takes part, whatever its labels",
		"excluded":       "namespace excluded never takes part, whatever its labels: it is among webhook.excludedNamespaces of the installation",
	} {
		s.namespace = name
		assert.Equal(t, Participation{Never, want}, s.participation())
	}
	s.namespace, s.labels = "shop", map[string]string{v1alpha1.HooksLabel: "true"}
	assert.Equal(t, Participation{NotYet, "namespace shop has not opted in, since its label is quiesce.io/hooks=true: " +
		"kubectl label --overwrite namespace shop quiesce.io/hooks=enabled"}, s.participation())
}
