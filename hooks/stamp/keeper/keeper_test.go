package keeper

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const command = v1alpha1.VeleroPrePrefix + v1alpha1.VeleroCommand

// fixed are policies that do not change unless a test changes them.
type fixed struct {
	lock sync.Mutex
	set  *policies.Set
}

func (f *fixed) Current() *policies.Set {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.set
}

func (f *fixed) Subscribe() <-chan struct{} { return nil }

func setOf(t *testing.T, commands ...string) *policies.Set {
	t.Helper()
	var sources []match.Source
	for _, command := range commands {
		sources = append(sources, match.Source{Ref: match.Ref{Name: command}, Spec: &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{{
			Name: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, OnError: v1alpha1.Fail,
			Exec: &v1alpha1.ExecAction{Command: []string{command}},
		}}}})
	}
	index, refused := match.CompileAll(sources)
	require.Empty(t, refused)
	return &policies.Set{Compiled: stamp.New(index, stamp.Options{})}
}

func namespace(name, hooks string) *metav1.PartialObjectMetadata {
	object := namespaceMetadata()
	object.Name = name
	object.Labels = map[string]string{v1alpha1.HooksLabel: hooks}
	return object
}

func podOf(namespace, name string, annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
	}
}

// keeperOf is a keeper of some pods in the namespaces shop, which takes part, and other, which does not.
func keeperOf(t *testing.T, set *policies.Set, funcs interceptor.Funcs, pods ...client.Object) *Keeper {
	t.Helper()
	objects := append([]client.Object{namespace("shop", v1alpha1.HooksEnabled), namespace("other", "")}, pods...)
	k := &Keeper{
		Client: fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(objects...).
			WithIndex(&corev1.Pod{}, stampedIndex, indexStamped).WithInterceptorFuncs(funcs).Build(),
		Policies: &fixed{set: set},
		Scope:    match.Scope{Own: "quiesce-system"},
		changed:  make(chan struct{}, 1),
		limit:    flowcontrol.NewFakeAlwaysRateLimiter(),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](time.Hour, time.Hour)),
	}
	t.Cleanup(k.queue.ShutDown)
	return k
}

// stamped is what a pod carries by a set.
func stamped(set *policies.Set) map[string]string {
	return set.Compiled.Decide(match.Namespace{Name: "shop"}, describe(podOf("shop", "any", nil))).Set
}

func annotationsOf(t *testing.T, k *Keeper, namespace, name string) map[string]string {
	t.Helper()
	var pod corev1.Pod
	require.NoError(t, k.Client.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, &pod))
	return pod.Annotations
}

func TestASurveyFindsEachPodThatIsToBeChanged(t *testing.T) {
	set := setOf(t, "now")
	past := stamped(setOf(t, "past"))
	now := stamped(set)
	skipped := maps.Clone(past)
	skipped[v1alpha1.SkipAnnotation] = "true"
	edited := maps.Clone(now)
	edited[command] = "mine"
	gone := podOf("shop", "ended", past)
	gone.Status.Phase = corev1.PodSucceeded

	k := keeperOf(t, set, interceptor.Funcs{},
		podOf("shop", "new", nil), podOf("shop", "right", maps.Clone(now)), podOf("shop", "stale", maps.Clone(past)),
		podOf("shop", "skipped", skipped), podOf("shop", "edited", edited), gone,
		podOf("other", "stamped", maps.Clone(past)), podOf("other", "plain", nil), podOf("unknown", "stamped", maps.Clone(past)))
	survey, err := k.survey(t.Context(), set)
	require.NoError(t, err)
	type state struct{ stamped, pending bool }
	got := map[string]state{}
	var order []string
	for i := range survey.Pods {
		order = append(order, survey.Pods[i].String())
		got[survey.Pods[i].String()] = state{survey.Pods[i].Stamped, survey.Pods[i].Pending}
	}
	assert.Equal(t, map[string]state{
		"shop/new": {false, true}, "shop/right": {true, false}, "shop/stale": {true, true},
		"shop/skipped": {true, true}, "shop/edited": {true, true}, "other/stamped": {true, true},
	}, got)
	assert.IsIncreasing(t, order)

	require.NoError(t, k.round(t.Context()))
	for range k.queue.Len() {
		pod, _ := k.queue.Get()
		k.keep(t.Context(), pod)
		k.queue.Done(pod)
	}
	assert.Equal(t, now, annotationsOf(t, k, "shop", "new"))
	assert.Equal(t, now, annotationsOf(t, k, "shop", "stale"))
	assert.Equal(t, map[string]string{v1alpha1.SkipAnnotation: "true"}, annotationsOf(t, k, "shop", "skipped"))
	delete(edited, v1alpha1.StampAnnotation)
	assert.Equal(t, edited, annotationsOf(t, k, "shop", "edited"))
	assert.Equal(t, past, annotationsOf(t, k, "shop", "ended"))
	assert.Empty(t, annotationsOf(t, k, "other", "stamped"))
	assert.Equal(t, past, annotationsOf(t, k, "unknown", "stamped"), "its namespace has not been seen: nothing is known of it")
	survey, err = k.survey(t.Context(), set)
	require.NoError(t, err)
	for i := range survey.Pods {
		assert.False(t, survey.Pods[i].Pending, survey.Pods[i].String())
	}
}

func TestAProvisionalSetChangesNoRunningPod(t *testing.T) {
	set := setOf(t, "now")
	set.Provisional = true
	k := keeperOf(t, set, interceptor.Funcs{}, podOf("shop", "web", nil))
	told := false
	k.Audience = func(*Survey) { told = true }
	require.NoError(t, k.round(t.Context()))
	assert.Zero(t, k.queue.Len())
	assert.False(t, told)
	k.keep(t.Context(), web)
	assert.Empty(t, annotationsOf(t, k, "shop", "web"))
}

func TestWhatComesOfAPatch(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	tests := map[string]struct {
		err      error
		words    string
		requeued bool
	}{
		"the pod is gone":            {err: apierrors.NewNotFound(pods, "web")},
		"it has changed":             {err: apierrors.NewConflict(pods, "web", errors.New("changed")), requeued: true},
		"it is forbidden":            {err: apierrors.NewForbidden(pods, "web", errors.New("by a policy")), words: "by a policy"},
		"it is invalid":              {err: apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "web", nil), words: "invalid"},
		"it is too large":            {err: apierrors.NewRequestEntityTooLargeError("limit is 3145728"), words: "limit is 3145728"},
		"too many requests":          {err: apierrors.NewTooManyRequests("wait", 1), requeued: true},
		"the API server is in need":  {err: apierrors.NewServiceUnavailable("etcd"), requeued: true},
		"a webhook cannot be called": {err: apierrors.NewInternalError(errors.New("failed calling webhook")), words: "failed calling webhook"},
		"no answer":                  {err: errors.New("connection refused"), requeued: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			asked := 0
			k := keeperOf(t, setOf(t, "now"), interceptor.Funcs{
				Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
					asked++
					return test.err
				},
			}, podOf("shop", "web", nil))
			k.keep(t.Context(), web)
			require.Equal(t, 1, asked)
			assert.Equal(t, test.requeued, k.queue.NumRequeues(web) > 0)
			assert.Contains(t, k.ledger.words(web), test.words)
			assert.Equal(t, test.words != "", k.ledger.words(web) != "")

			var survey *Survey
			k.Audience = func(s *Survey) { survey = s }
			require.NoError(t, k.round(t.Context()))
			require.Len(t, survey.Pods, 1)
			assert.Equal(t, k.ledger.words(web), survey.Pods[0].Rejection)
			k.keep(t.Context(), web)
			if test.words != "" {
				assert.Equal(t, 1, asked, "the same change is not tried again yet")
				k.Policies.(*fixed).set = setOf(t, "other")
				k.keep(t.Context(), web)
			}
			assert.Equal(t, 2, asked)
		})
	}
}

func TestAPatchIsOfMetadataAloneAndForOneVersion(t *testing.T) {
	k := keeperOf(t, setOf(t, "now"), interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			assert.IsType(t, &metav1.PartialObjectMetadata{}, object)
			assert.Equal(t, types.MergePatchType, patch.Type())
			raw, err := patch.Data(object)
			require.NoError(t, err)
			assert.Regexp(t, `^\{"metadata":\{"resourceVersion":"999","annotations":\{"pre\.[^{}]+","quiesce\.io/stamp":"[^{}]*.*"\}\}\}$`, string(raw))
			return c.Patch(ctx, object, patch, options...)
		},
	}, podOf("shop", "web", map[string]string{"kept": "1"}))
	k.keep(t.Context(), web)
	assert.Equal(t, "1", annotationsOf(t, k, "shop", "web")["kept"])
	assert.Equal(t, `["now"]`, annotationsOf(t, k, "shop", "web")[command])
}

func TestOurAnnotationsGoFromAllPodsAndTheUsersStay(t *testing.T) {
	now := stamped(setOf(t, "now"))
	mixed := maps.Clone(now)
	mixed["example.com/note"] = "kept"
	ended := podOf("other", "ended", maps.Clone(now))
	ended.Status.Phase = corev1.PodFailed
	refuse := true
	k := keeperOf(t, setOf(t, "now"), interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if refuse && object.GetName() == "guarded" {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "guarded", errors.New("by a policy"))
			}
			return c.Patch(ctx, object, patch, options...)
		},
	}, podOf("shop", "mixed", mixed), ended, podOf("shop", "guarded", maps.Clone(now)), podOf("shop", "plain", map[string]string{command: "mine"}))
	result, err := UnstampAll(t.Context(), k.Client)
	require.NoError(t, err)
	assert.Equal(t, 2, result.Pods)
	assert.Equal(t, []string{"shop/guarded"}, result.Left)
	assert.ErrorContains(t, result.Err, "by a policy")
	assert.Equal(t, map[string]string{"example.com/note": "kept"}, annotationsOf(t, k, "shop", "mixed"))
	assert.Equal(t, map[string]string{command: "mine"}, annotationsOf(t, k, "shop", "plain"))
	assert.Empty(t, annotationsOf(t, k, "other", "ended"))
	refuse = false
	result, err = UnstampAll(t.Context(), k.Client)
	require.NoError(t, err)
	assert.Equal(t, Unstamped{Pods: 1}, result)
}

func TestRefusals(t *testing.T) {
	assert.False(t, refused(errors.New("x")))
	for code, want := range map[int]bool{
		http.StatusBadRequest: true, http.StatusForbidden: true, http.StatusUnprocessableEntity: true, http.StatusRequestEntityTooLarge: true,
		http.StatusUnauthorized: false, http.StatusNotFound: false, http.StatusConflict: false, http.StatusTooManyRequests: false,
		http.StatusInternalServerError: true, http.StatusServiceUnavailable: false, http.StatusGatewayTimeout: false,
	} {
		assert.Equal(t, want, refused(&apierrors.StatusError{ErrStatus: metav1.Status{Code: int32(code)}}), code)
	}
}
