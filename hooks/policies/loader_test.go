package policies

import (
	"context"
	"flag"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// policyCache is a cache with policies as a test decides.
type policyCache struct {
	informertest.FakeInformers

	lock       sync.Mutex
	cluster    []v1alpha1.HookPolicy
	namespaced []v1alpha1.NamespacedHookPolicy
	scripts    []v1alpha1.HookScript
	templates  []v1alpha1.HookTemplate
	lists      int
}

func newPolicyCache(t *testing.T) *policyCache {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	return &policyCache{FakeInformers: informertest.FakeInformers{Scheme: scheme}}
}

func (c *policyCache) GetInformer(ctx context.Context, object client.Object, options ...cache.InformerGetOption) (cache.Informer, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.FakeInformers.GetInformer(ctx, object, options...)
}

func (c *policyCache) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	switch list := list.(type) {
	case *v1alpha1.HookPolicyList:
		list.Items = append(list.Items, c.cluster...)
		c.lists++
	case *v1alpha1.NamespacedHookPolicyList:
		list.Items = append(list.Items, c.namespaced...)
	case *v1alpha1.HookScriptList:
		list.Items = append(list.Items, c.scripts...)
	case *v1alpha1.HookTemplateList:
		list.Items = append(list.Items, c.templates...)
	}
	return nil
}

func (c *policyCache) compilations() int {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.lists
}

// apply creates a policy.
func (c *policyCache) apply(t *testing.T, policy *v1alpha1.HookPolicy) {
	t.Helper()
	c.informer(t, policy).Add(policy)
}

func (c *policyCache) informer(t *testing.T, policy *v1alpha1.HookPolicy) *controllertest.FakeInformer {
	t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	c.cluster = append(c.cluster, *policy)
	informer, err := c.FakeInformerFor(t.Context(), policy)
	require.NoError(t, err)
	return informer
}

func policyNamed(name string) *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Generation: 1},
		Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{{Name: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreBackup},
			Exec: &v1alpha1.ExecAction{Command: []string{"sync"}}}}},
	}
}

// startLoader runs a loader until the test ends. Time is synctest's.
func startLoader(t *testing.T, loader *Loader) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- loader.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
	synctest.Wait()
}

func TestAThousandPoliciesInASecondAreAFewCompilations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		objects := newPolicyCache(t)
		loader, err := NewLoader(nil, nil, objects, Options{Override: true})
		require.NoError(t, err)
		assert.Nil(t, loader.Current())
		assert.Nil(t, loader.Compiled())
		sets := loader.Subscribe()
		startLoader(t, loader)
		require.NotNil(t, loader.Compiled())
		assert.False(t, loader.Current().Provisional, "with Override there is nothing to wait for")
		<-sets
		time.Sleep(time.Minute)
		require.Equal(t, 1, objects.compilations(), "nothing has changed")

		for i := range 1000 {
			objects.apply(t, policyNamed(fmt.Sprintf("policy-%d", i)))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(settle)
		synctest.Wait()
		assert.Len(t, loader.Current().Policies, 1000)
		assert.LessOrEqual(t, objects.compilations(), 7)
		<-sets
		assert.Empty(t, sets)
	})
}

func TestAChangeAfterAQuietTimeIsCompiledAtOnceAndAStatusNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		objects := newPolicyCache(t)
		loader, err := NewLoader(nil, nil, objects, Options{Override: true})
		require.NoError(t, err)
		startLoader(t, loader)
		time.Sleep(time.Minute)
		policy := policyNamed("p")
		informer := objects.informer(t, policy)
		informer.Add(policy)
		synctest.Wait()
		require.Len(t, loader.Current().Policies, 1)

		time.Sleep(time.Minute)
		compilations := objects.compilations()
		reported := policy.DeepCopy()
		reported.Status.StampedPods = 5
		informer.Update(policy, reported)
		time.Sleep(time.Minute)
		assert.Equal(t, compilations, objects.compilations())
		edited := reported.DeepCopy()
		edited.Generation = 2
		informer.Update(reported, edited)
		synctest.Wait()
		assert.Equal(t, compilations+1, objects.compilations())
	})
}

func TestASetTellsOfEachPolicyWhatBecameOfIt(t *testing.T) {
	suspended, broken := policyNamed("suspended"), policyNamed("broken")
	suspended.Spec.Suspend = true
	broken.Spec.Selector.ContainerImages = []v1alpha1.ImagePattern{"("}
	team := v1alpha1.NamespacedHookPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "ready", Generation: 4}, Spec: policyNamed("x").Spec}
	set := NewSet(Objects{Cluster: []v1alpha1.HookPolicy{*suspended, *broken, *policyNamed("ready")}, Namespaced: []v1alpha1.NamespacedHookPolicy{team}}, stamp.Options{})
	states := map[match.Ref]string{}
	for i := range set.Policies {
		states[set.Policies[i].Ref] = set.Policies[i].State()
	}
	assert.Equal(t, map[match.Ref]string{
		{Name: "suspended"}: "suspended", {Name: "broken"}: "invalid", {Name: "ready"}: "ready", {Namespace: "shop", Name: "ready"}: "ready",
	}, states)
	assert.Equal(t, match.Ref{Name: "broken"}, set.Policies[0].Ref, "in a stable order")
	require.ErrorContains(t, set.Policies[0].Refusal, "spec.selector.containerImages[0]")
	assert.EqualValues(t, 4, set.Policies[3].Generation)
	outcomes := set.Compiled.Decide(match.Namespace{Name: "shop"}, stamp.Pod{Pod: match.Pod{Containers: []match.Container{{Name: "app"}}}}).Outcomes
	assert.Len(t, outcomes, 2)
}

func TestAPolicyIsCompiledAgainWhenItsSpecMayHaveChanged(t *testing.T) {
	version := func(uid string, generation int64, stamped int32) *v1alpha1.HookPolicy {
		return &v1alpha1.HookPolicy{
			ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid), Generation: generation},
			Status:     v1alpha1.HookPolicyStatus{StampedPods: stamped},
		}
	}
	assert.True(t, respecified(version("a", 1, 0), version("a", 2, 0)), "another spec")
	assert.True(t, respecified(version("a", 1, 0), version("b", 1, 0)), "deleted and made anew, unseen")
	assert.False(t, respecified(version("a", 1, 0), version("a", 1, 5)), "the status alone")
	assert.True(t, respecified(toolscache.DeletedFinalStateUnknown{}, version("a", 1, 0)), "who knows")
}

func TestFlags(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		want      Options
		err       string
	}{
		"defaults":         {want: Options{}},
		"native sidecars":  {arguments: []string{"--velero-native-sidecars"}, want: Options{NativeSidecars: true}},
		"override":         {arguments: []string{"--velero-backup-hooks=Override"}, want: Options{Override: true}},
		"the last one won": {arguments: []string{"--velero-backup-hooks=Override", "--velero-backup-hooks=Yield"}, want: Options{}},
		"something else":   {arguments: []string{"--velero-backup-hooks=yield"}, err: `got "yield", write Yield or Override`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var options Options
			flags := flag.NewFlagSet("x", flag.ContinueOnError)
			flags.SetOutput(io.Discard)
			options.BindFlags(flags)
			err := flags.Parse(test.arguments)
			if test.err != "" {
				assert.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, options)
		})
	}
}
