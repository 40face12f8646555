package integration

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newScript(name string) *v1alpha1.HookScript {
	return &v1alpha1.HookScript{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.HookScriptSpec{Script: "#!/bin/sh -e\nflush\n"}}
}

// newTemplate is a template of which the first hook has the params for arguments.
func newTemplate(name string, hooks ...v1alpha1.Hook) *v1alpha1.HookTemplate {
	arguments := []string{"$(user)", "$(database)"}
	if first := &hooks[0]; first.Script != nil {
		first.Script.Args = arguments
	} else {
		first.Exec.Command = append(first.Exec.Command, arguments...)
	}
	return &v1alpha1.HookTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.HookTemplateSpec{
			Application: "PostgreSQL", Params: []v1alpha1.TemplateParam{{Name: "user", Required: true}, {Name: "database"}}, Hooks: hooks,
		},
	}
}

// scriptHook runs a HookScript.
func scriptHook(name, script string, stages ...v1alpha1.Stage) v1alpha1.Hook {
	return v1alpha1.Hook{Name: name, Stages: stages, Script: &v1alpha1.ScriptAction{Name: script}}
}

// scriptPolicy runs a HookScript before the snapshot.
func scriptPolicy(name, script string) *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{scriptHook("flush", script, v1alpha1.PreSnapshot)}},
	}
}

// keepInLibrary creates a script or a template. When the test ends it is gone, finalizer and all: the controller may be away by then.
func keepInLibrary(t *testing.T, object client.Object) {
	t.Helper()
	require.NoError(t, api.Create(t.Context(), object))
	t.Cleanup(func() {
		assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), object)))
		assert.NoError(t, client.IgnoreNotFound(api.Patch(context.Background(), object, merged(`{"metadata": {"finalizers": null}}`))))
	})
}

// waitUsers waits until a script or a template says that these use it.
func waitUsers(t *testing.T, object client.Object, users string, uses int32) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
		usage := usageOf(object)
		require.Equal(c, users, usage.Users)
		require.Equal(c, uses, usage.Uses)
	}, patience, tick)
}

func usageOf(object client.Object) v1alpha1.Usage {
	if template, ok := object.(*v1alpha1.HookTemplate); ok {
		return template.Status.Usage
	}
	return object.(*v1alpha1.HookScript).Status.Usage
}

func isGone(t *testing.T, object client.Object) bool {
	t.Helper()
	err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object)
	if !apierrors.IsNotFound(err) {
		require.NoError(t, err)
	}
	return err != nil
}

// waitLibraryAuthoring waits until the API server sends scripts to the webhook, their deletion included.
func waitLibraryAuthoring(t *testing.T) {
	t.Helper()
	waitAuthoring(t)
	used := newScript("waits-used")
	keepInLibrary(t, used)
	create(t, scriptPolicy("waits-used", used.Name))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		script := newScript("waits")
		require.NoError(c, api.Create(t.Context(), script, client.DryRunAll))
		require.NotEmpty(c, script.Annotations[v1alpha1.AuthorAnnotation])
		require.True(c, apierrors.IsConflict(api.Delete(t.Context(), used.DeepCopy(), client.DryRunAll)))
	}, patience, tick)
}

func TestLibraryGuard(t *testing.T) {
	startController(t)
	webhook := startWebhook(t)
	waitReady(t, webhook)
	waitLibraryAuthoring(t)
	namespace := optedIn(t, nil)

	t.Run("the author is recorded, and the finalizer is there from the creation", func(t *testing.T) {
		ada, _ := somebody(t, "ada")
		for _, object := range []client.Object{newScript("born"), newTemplate("born", scriptHook("x", "born", v1alpha1.PreBackup))} {
			object.SetAnnotations(map[string]string{v1alpha1.AuthorAnnotation: "mallory"})
			require.NoError(t, ada.Create(t.Context(), object, client.DryRunAll), "which no controller sees")
			assert.Equal(t, []string{v1alpha1.InUseFinalizer}, object.GetFinalizers())
			assert.Equal(t, "ada", object.GetAnnotations()[v1alpha1.AuthorAnnotation])
			assert.NotEmpty(t, object.GetAnnotations()[v1alpha1.AuthoredAtAnnotation])
		}
	})
	t.Run("the finalizer comes back", func(t *testing.T) {
		script := newScript("stripped")
		keepInLibrary(t, script)
		require.NoError(t, api.Patch(t.Context(), script, merged(`{"metadata": {"finalizers": null}}`)))
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(script), script))
			require.Contains(c, script.Finalizers, v1alpha1.InUseFinalizer)
		}, patience, tick)
	})
	t.Run("the status says by whom it is used, and follows", func(t *testing.T) { testUsageFollows(t, namespace) })
	t.Run("a policy that names what is not there is taken with a warning", func(t *testing.T) {
		bob, told := somebody(t, "bob")
		policy := scriptPolicy("early", "not-there-yet")
		policy.Spec.Template = &v1alpha1.TemplateUse{Name: "nor-this"}
		require.NoError(t, bob.Create(t.Context(), policy, client.DryRunAll))
		told.lock.Lock()
		defer told.lock.Unlock()
		said := strings.Join(told.told, "\n")
		assert.Contains(t, said, `there is no HookScript "not-there-yet"`)
		assert.Contains(t, said, `there is no HookTemplate "nor-this"`)
	})
	t.Run("what is used is not deleted, and the users are named", func(t *testing.T) { testDeletionIsRefused(t, namespace) })
	t.Run("of two at once, one deletes the script and one uses it", testDeletionAndUseAtOnce)
	t.Run("with the webhook's configuration deleted, the finalizer holds", func(t *testing.T) { testFinalizerHolds(t) })
}

func testUsageFollows(t *testing.T, namespace string) {
	script, other := newScript("followed"), newScript("other")
	keepInLibrary(t, script)
	keepInLibrary(t, other)
	policy := scriptPolicy("follows", "followed")
	create(t, policy)
	waitUsers(t, script, "HookPolicy/follows", 1)
	assert.Equal(t, []v1alpha1.Use{{Kind: "HookPolicy", Name: "follows", Hook: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}}}, script.Status.UsedBy)
	assert.EqualValues(t, len(script.Spec.Script), script.Status.Bytes)
	assert.Equal(t, "/bin/sh -e", script.Status.Interpreter)
	assert.True(t, meta.IsStatusConditionTrue(script.Status.Conditions, v1alpha1.ConditionReady))

	template := newTemplate("followed", scriptHook("lock", "followed", v1alpha1.PreSnapshot), scriptHook("unlock", "followed", v1alpha1.PostSnapshot))
	keepInLibrary(t, template)
	own := namespaced(scriptPolicy("follows", "followed"), namespace)
	own.Spec.Suspend = true
	own.Spec.Template = &v1alpha1.TemplateUse{Name: "followed", Params: []v1alpha1.TemplateParamValue{{Name: "user", Value: "app"}}}
	create(t, own)
	waitUsers(t, script, "HookPolicy/follows, HookTemplate/followed, NamespacedHookPolicy/"+namespace+"/follows", 4)
	waitUsers(t, template, "NamespacedHookPolicy/"+namespace+"/follows", 1)
	assert.Equal(t, "PreSnapshot,PostSnapshot", template.Status.Stages)
	assert.Equal(t, "user*,database", template.Status.Params)
	assert.Equal(t, []v1alpha1.Stage{v1alpha1.PreSnapshot, v1alpha1.PostSnapshot}, template.Status.UsedBy[0].Stages)

	require.NoError(t, api.Patch(t.Context(), policy, merged(`{"spec": {"hooks": [
		{"name": "flush", "stages": ["PreSnapshot"], "script": {"name": "other"}}]}}`)))
	waitUsers(t, other, "HookPolicy/follows", 1)
	waitUsers(t, script, "HookTemplate/followed, NamespacedHookPolicy/"+namespace+"/follows", 3)
	require.NoError(t, api.Delete(t.Context(), own))
	waitUsers(t, script, "HookTemplate/followed", 2)
	waitUsers(t, template, "", 0)
	assert.Empty(t, template.Status.UsedBy)
}

func testDeletionIsRefused(t *testing.T, namespace string) {
	script := newScript("guarded")
	script.Labels = map[string]string{"test": "guarded"}
	keepInLibrary(t, script)
	template := newTemplate("guarded", scriptHook("lock", "guarded", v1alpha1.PreSnapshot))
	template.Labels = script.Labels
	keepInLibrary(t, template)
	policy := scriptPolicy("guards", "guarded")
	policy.Spec.Hooks = append(policy.Spec.Hooks, scriptHook("again", "guarded", v1alpha1.PostBackup))
	create(t, policy)
	own := namespaced(scriptPolicy("own", "another"), namespace)
	own.Spec.Template = &v1alpha1.TemplateUse{Name: "guarded", Params: []v1alpha1.TemplateParamValue{{Name: "user", Value: "app"}}}
	create(t, own)

	says := map[client.Object]string{
		script: `HookScript "guarded" is used by HookPolicy "guards" (hooks flush, again; PreSnapshot, PostBackup), HookTemplate "guarded" ` +
			`(hook lock; PreSnapshot): take it out of these first`,
		template: `HookTemplate "guarded" is used by NamespacedHookPolicy "own" in namespace ` + namespace + `: take it out of these first`,
	}
	for object, says := range says {
		for how, options := range map[string][]client.DeleteOption{
			"plainly": nil, "by force": {client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground)},
			"dry": {client.DryRunAll},
		} {
			err := api.Delete(t.Context(), object, options...)
			require.True(t, apierrors.IsConflict(err), "%s: got %v", how, err)
			assert.ErrorContains(t, err, says, how)
		}
		all := api.DeleteAllOf(t.Context(), object, client.MatchingLabels(script.Labels))
		require.True(t, apierrors.IsConflict(all), "got %v", all)
		assert.ErrorContains(t, all, says)
		require.False(t, isGone(t, object))
		assert.Nil(t, object.GetDeletionTimestamp())
	}

	require.NoError(t, api.Delete(t.Context(), own))
	require.NoError(t, api.Delete(t.Context(), template))
	require.Eventually(t, func() bool { return isGone(t, template) }, patience, tick)
	require.ErrorContains(t, api.Delete(t.Context(), script), `HookScript "guarded" is used by HookPolicy "guards" (hooks flush, again; PreSnapshot, PostBackup): `)
	require.NoError(t, api.Delete(t.Context(), policy))
	require.NoError(t, api.DeleteAllOf(t.Context(), &v1alpha1.HookScript{}, client.MatchingLabels(script.Labels)))
	require.Eventually(t, func() bool { return isGone(t, script) }, patience, tick)
}

// testDeletionAndUseAtOnce has one client delete a script while another creates a policy that uses it.
func testDeletionAndUseAtOnce(t *testing.T) {
	const rounds = 40
	watching, err := client.NewWithWatch(config, client.Options{Scheme: api.Scheme()})
	require.NoError(t, err)
	watched, err := watching.Watch(t.Context(), &v1alpha1.HookScriptList{})
	require.NoError(t, err)
	defer watched.Stop()
	terminating := followDeletions(watched)

	deleting, using := hasty(t), hasty(t)
	outcomes := map[string]int{}
	var lead time.Duration // of the deletion, which is sought at which now the one, now the other is first
	for i := range rounds {
		script := newScript(fmt.Sprintf("contended-%02d", i))
		keepInLibrary(t, script)
		policy := scriptPolicy(script.Name, script.Name)
		var (
			both          sync.WaitGroup
			deleted, used error
		)
		both.Go(func() {
			time.Sleep(max(-lead, 0))
			deleted = deleting.Delete(t.Context(), script.DeepCopy())
		})
		both.Go(func() {
			time.Sleep(max(lead, 0))
			used = using.Create(t.Context(), policy)
		})
		both.Wait()
		require.NoError(t, used, "a policy may name what is not there")
		t.Cleanup(func() { assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), policy))) })
		if deleted != nil {
			require.True(t, apierrors.IsConflict(deleted), "got %v", deleted)
			require.ErrorContains(t, deleted, fmt.Sprintf("is used by HookPolicy %q", policy.Name))
			require.False(t, isGone(t, script))
			require.Nil(t, script.DeletionTimestamp)
			outcomes["the deletion is refused"]++
			lead += 4 * time.Millisecond
			continue
		}
		lead -= 4 * time.Millisecond
		at := terminating.wait(t, script.UID)
		if version(t, policy) > at {
			outcomes["the policy came after the deletion"]++
		} else {
			outcomes["the finalizer holds"]++
			waitBlocked(t, script)
		}
		require.NoError(t, api.Delete(t.Context(), policy))
		require.Eventually(t, func() bool { return isGone(t, script) }, patience, tick)
	}
	t.Log(outcomes)
	assert.Positive(t, outcomes["the deletion is refused"])
	assert.Less(t, outcomes["the deletion is refused"], rounds)
}

// hasty is a client without a limit of its own, by which its requests would wait.
func hasty(t *testing.T) client.Client {
	t.Helper()
	unlimited := *config
	unlimited.QPS = -1
	connected, err := client.New(&unlimited, client.Options{Scheme: api.Scheme()})
	require.NoError(t, err)
	return connected
}

// waitBlocked waits until a script says that it is not deleted while a policy uses it.
func waitBlocked(t *testing.T, script *v1alpha1.HookScript) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(script), script))
		blocked := meta.FindStatusCondition(script.Status.Conditions, v1alpha1.ConditionTerminating)
		require.NotNil(c, blocked)
		require.Contains(c, blocked.Message, "is used by ")
	}, patience, tick)
}

// deletions are the versions of the cluster at which scripts were marked for deletion.
type deletions struct {
	lock sync.Mutex
	at   map[types.UID]int64
}

func followDeletions(watched watch.Interface) *deletions {
	d := &deletions{at: map[types.UID]int64{}}
	go func() {
		for event := range watched.ResultChan() {
			script, ok := event.Object.(*v1alpha1.HookScript)
			if !ok || script.DeletionTimestamp == nil {
				continue
			}
			at, err := strconv.ParseInt(script.ResourceVersion, 10, 64)
			d.lock.Lock()
			if _, known := d.at[script.UID]; err == nil && !known {
				d.at[script.UID] = at
			}
			d.lock.Unlock()
		}
	}()
	return d
}

func (d *deletions) wait(t *testing.T, script types.UID) (at int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		d.lock.Lock()
		defer d.lock.Unlock()
		at = d.at[script]
		return at > 0
	}, patience, tick)
	return at
}

func version(t *testing.T, object client.Object) int64 {
	t.Helper()
	version, err := strconv.ParseInt(object.GetResourceVersion(), 10, 64)
	require.NoError(t, err)
	return version
}

func testFinalizerHolds(t *testing.T) {
	script, template := newScript("held"), newTemplate("held", scriptHook("lock", "held", v1alpha1.PreSnapshot))
	keepInLibrary(t, script)
	keepInLibrary(t, template)
	policy := scriptPolicy("holds", "held")
	policy.Spec.Template = &v1alpha1.TemplateUse{Name: "held", Params: []v1alpha1.TemplateParamValue{{Name: "user", Value: "app"}}}
	create(t, policy)
	for _, configuration := range []client.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{}} {
		configuration.SetName("quiesce-webhook")
		require.NoError(t, api.Delete(t.Context(), configuration))
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Delete(t.Context(), script.DeepCopy(), client.GracePeriodSeconds(0)), "the API server asks nobody any more")
	}, patience, tick)
	require.NoError(t, api.Delete(t.Context(), template))
	waitBlocked(t, script)
	blocked := meta.FindStatusCondition(script.Status.Conditions, v1alpha1.ConditionTerminating)
	assert.Equal(t, metav1.ConditionTrue, blocked.Status)
	assert.Contains(t, blocked.Message, `HookScript "held" is used by HookPolicy "holds" (hook flush; PreSnapshot), HookTemplate "held" (hook lock; PreSnapshot)`)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var events eventsv1.EventList
		require.NoError(c, api.List(t.Context(), &events))
		var told []string
		for i := range events.Items {
			if event := &events.Items[i]; event.Reason == "DeletionBlocked" && event.Regarding.Name == "held" {
				told = append(told, event.Regarding.Kind+": "+event.Note)
			}
		}
		all := strings.Join(told, "\n")
		require.Contains(c, all, `HookScript: HookScript "held" is used by HookPolicy "holds" (hook flush; PreSnapshot)`)
		require.Contains(c, all, `HookTemplate: HookTemplate "held" is used by HookPolicy "holds": take it out of these first`)
	}, patience, tick)

	require.NoError(t, api.Delete(t.Context(), policy))
	require.Eventually(t, func() bool { return isGone(t, template) && isGone(t, script) }, patience, tick,
		"the template goes when its policy has, and the script after it")
}

// A burst is counted a few times, and not once for each of its policies.
func TestABurstOfPoliciesIsCountedTogether(t *testing.T) {
	const (
		policies = 1000
		writers  = 16
	)
	script := newScript("popular")
	keepInLibrary(t, script)
	startController(t)
	waitUsers(t, script, "", 0)
	before := script.ResourceVersion
	watching, err := client.NewWithWatch(config, client.Options{Scheme: api.Scheme()})
	require.NoError(t, err)
	watched, err := watching.Watch(t.Context(), &v1alpha1.HookScriptList{}, &client.ListOptions{Raw: &metav1.ListOptions{
		ResourceVersion: before, FieldSelector: "metadata.name=popular",
	}})
	require.NoError(t, err)
	defer watched.Stop()
	t.Cleanup(func() {
		assert.NoError(t, api.DeleteAllOf(context.Background(), &v1alpha1.HookPolicy{}, client.MatchingLabels{"test": "popular"}))
	})

	writing := hasty(t)
	started := time.Now()
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for i := writer; i < policies; i += writers {
				policy := scriptPolicy(fmt.Sprintf("popular-%04d", i), "popular")
				policy.Labels = map[string]string{"test": "popular"}
				assert.NoError(t, writing.Create(t.Context(), policy))
			}
		})
	}
	all.Wait()
	burst := time.Since(started)
	waitUsers(t, script, "HookPolicy/popular-0000, HookPolicy/popular-0001, HookPolicy/popular-0002 and 997 more", policies)
	assert.Len(t, script.Status.UsedBy, v1alpha1.MaxUses)
	writes := 0
	for event := range watched.ResultChan() {
		writes++
		if event.Object.(*v1alpha1.HookScript).ResourceVersion == script.ResourceVersion {
			break
		}
	}
	t.Logf("%d policies in %s, %d writes of the status", policies, burst, writes)
	assert.Less(t, writes, policies/10)
}
