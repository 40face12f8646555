package librarian

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// newLibrarian is one of which the cache and the API server know the same.
func newLibrarian(t *testing.T, objects ...client.Object) (*Librarian, *events.FakeRecorder) {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.HookScript{}, &v1alpha1.HookTemplate{})
	for _, user := range []client.Object{&v1alpha1.HookPolicy{}, &v1alpha1.NamespacedHookPolicy{}, &v1alpha1.HookTemplate{}} {
		builder = builder.WithIndex(user, targetIndex, indexTargets)
	}
	api := builder.Build()
	recorder := events.NewFakeRecorder(10)
	return &Librarian{
		Client: api, Live: api, Recorder: recorder,
		Settings: Settings{
			CheckScript: func(spec *v1alpha1.HookScriptSpec) error {
				if !strings.HasPrefix(spec.Script, "#!") {
					return errors.New("spec.script: write #!/bin/sh")
				}
				return nil
			},
			CheckTemplate: func(*v1alpha1.HookTemplateSpec) error { return nil },
			Interpreter: func(script string) string {
				line, _, _ := strings.Cut(script, "\n")
				return strings.TrimPrefix(line, "#!")
			},
			Version: func(*v1alpha1.HookTemplateSpec) string { return "v" },
		},
	}, recorder
}

func newScript(name string) *v1alpha1.HookScript {
	return &v1alpha1.HookScript{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 2, Finalizers: []string{v1alpha1.InUseFinalizer}},
		Spec:       v1alpha1.HookScriptSpec{Script: "#!/bin/sh -e\nflush\n"},
	}
}

// terminating is an object that somebody has deleted.
func terminating[T client.Object](object T) T {
	now := metav1.Now()
	object.SetDeletionTimestamp(&now)
	return object
}

func policyWith(name, script, template string) *v1alpha1.HookPolicy {
	policy := &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1, UID: "1"}}
	if script != "" {
		policy.Spec.Hooks = []v1alpha1.Hook{{
			Name: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Script: &v1alpha1.ScriptAction{Name: script},
		}}
	}
	if template != "" {
		policy.Spec.Template = &v1alpha1.TemplateUse{Name: template}
	}
	return policy
}

// lookAtScript reconciles a script, and returns what has become of it; nil where it has gone.
func lookAtScript(t *testing.T, l *Librarian, name string) (*v1alpha1.HookScript, reconcile.Result) {
	t.Helper()
	result, err := (&keeper[*v1alpha1.HookScript]{l, scriptShelf{l}}).Reconcile(t.Context(), requestFor(name))
	require.NoError(t, err)
	script := &v1alpha1.HookScript{}
	if err := l.Client.Get(t.Context(), client.ObjectKey{Name: name}, script); apierrors.IsNotFound(err) {
		return nil, result
	}
	return script, result
}

func lookAtTemplate(t *testing.T, l *Librarian, name string) *v1alpha1.HookTemplate {
	t.Helper()
	_, err := (&keeper[*v1alpha1.HookTemplate]{l, templateShelf{l}}).Reconcile(t.Context(), requestFor(name))
	require.NoError(t, err)
	template := &v1alpha1.HookTemplate{}
	if err := l.Client.Get(t.Context(), client.ObjectKey{Name: name}, template); apierrors.IsNotFound(err) {
		return nil
	}
	return template
}

func TestAScriptHasItsUsersInItsStatus(t *testing.T) {
	bare := newScript("flush")
	bare.Finalizers = []string{"example.com/other"}
	l, _ := newLibrarian(t, bare, policyWith("a", "flush", ""), policyWith("b", "other", "flush"))
	script, _ := lookAtScript(t, l, "flush")
	assert.Equal(t, []string{"example.com/other", v1alpha1.InUseFinalizer}, script.Finalizers)
	assert.EqualValues(t, 2, script.Status.ObservedGeneration)
	assert.EqualValues(t, len(script.Spec.Script), script.Status.Bytes)
	assert.Equal(t, "/bin/sh -e", script.Status.Interpreter)
	assert.EqualValues(t, 1, script.Status.Uses)
	assert.Equal(t, "HookPolicy/a", script.Status.Users)
	assert.Equal(t, []v1alpha1.Use{{Kind: "HookPolicy", Name: "a", Hook: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}}}, script.Status.UsedBy)
	assert.True(t, meta.IsStatusConditionTrue(script.Status.Conditions, v1alpha1.ConditionReady))

	version := script.ResourceVersion
	script, _ = lookAtScript(t, l, "flush")
	assert.Equal(t, version, script.ResourceVersion, "what has not changed is not written")

	require.NoError(t, l.Client.Delete(t.Context(), policyWith("a", "", "")))
	script, _ = lookAtScript(t, l, "flush")
	assert.Zero(t, script.Status.Usage)
	assert.Contains(t, script.Finalizers, v1alpha1.InUseFinalizer, "nobody has deleted it")
}

func TestAScriptThatCannotBeRunIsNotReady(t *testing.T) {
	script := newScript("flush")
	script.Spec.Script = "flush"
	l, _ := newLibrarian(t, script)
	script, _ = lookAtScript(t, l, "flush")
	ready := meta.FindStatusCondition(script.Status.Conditions, v1alpha1.ConditionReady)
	require.NotNil(t, ready)
	assert.Equal(t, metav1.ConditionFalse, ready.Status)
	assert.Equal(t, v1alpha1.ReasonInvalid, ready.Reason)
	assert.Equal(t, "spec.script: write #!/bin/sh", ready.Message)
	assert.EqualValues(t, 2, ready.ObservedGeneration)
}

func TestADeletedScriptStaysWhileItIsUsed(t *testing.T) {
	l, recorder := newLibrarian(t, terminating(newScript("flush")), policyWith("a", "flush", ""))
	script, result := lookAtScript(t, l, "flush")
	require.NotNil(t, script)
	assert.Equal(t, glance, result.RequeueAfter)
	blocked := meta.FindStatusCondition(script.Status.Conditions, v1alpha1.ConditionTerminating)
	require.NotNil(t, blocked)
	assert.Equal(t, metav1.ConditionTrue, blocked.Status)
	assert.Equal(t, `It is deleted as soon as nobody uses it any more. HookScript "flush" is used by HookPolicy "a" (hook flush; PreSnapshot)`, blocked.Message)
	assert.True(t, meta.IsStatusConditionTrue(script.Status.Conditions, v1alpha1.ConditionReady), "it can be used until it goes")
	assert.Equal(t, `Warning DeletionBlocked HookScript "flush" is used by HookPolicy "a" (hook flush; PreSnapshot): take it out of these first`, <-recorder.Events)

	lookAtScript(t, l, "flush")
	assert.Empty(t, recorder.Events, "it has been told")

	require.NoError(t, l.Client.Delete(t.Context(), policyWith("a", "", "")))
	script, _ = lookAtScript(t, l, "flush")
	assert.Nil(t, script)
}

// The cache may not have a user yet that the API server has.
func TestADeletedScriptGoesOnlyWhenALiveListShowsNobody(t *testing.T) {
	l, _ := newLibrarian(t, terminating(newScript("flush")))
	live, _ := newLibrarian(t, policyWith("a", "flush", ""))
	l.Live = live.Client
	script, result := lookAtScript(t, l, "flush")
	require.NotNil(t, script)
	assert.Equal(t, glance, result.RequeueAfter)
	assert.Equal(t, "HookPolicy/a", script.Status.Users)

	l.Live = interceptor.NewClient(live.Client.(client.WithWatch), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("no answer")
		},
	})
	_, err := (&keeper[*v1alpha1.HookScript]{l, scriptShelf{l}}).Reconcile(t.Context(), requestFor("flush"))
	require.ErrorContains(t, err, `looking for who uses HookScript "flush": no answer`)
	require.NoError(t, l.Client.Get(t.Context(), client.ObjectKeyFromObject(script), script), "what cannot be told is not taken for nobody")
}

// As when all CRDs are deleted at once.
func TestAKindThatIsNotServedUsesNothing(t *testing.T) {
	l, _ := newLibrarian(t, policyWith("a", "flush", ""))
	unserved := interceptor.NewClient(l.Client.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
			switch list.(type) {
			case *v1alpha1.HookTemplateList:
				return apierrors.NewNotFound(schema.GroupResource{}, "")
			case *v1alpha1.NamespacedHookPolicyList:
				return &meta.NoKindMatchError{}
			}
			return api.List(ctx, list)
		},
	})
	uses, err := LiveUses(t.Context(), unserved, target("flush"))
	require.NoError(t, err)
	assert.Len(t, uses, 1)
}

func TestADeletedScriptWithoutOurFinalizerIsLeftToOthers(t *testing.T) {
	script := terminating(newScript("flush"))
	script.Finalizers = []string{"example.com/other"}
	l, _ := newLibrarian(t, script)
	script, _ = lookAtScript(t, l, "flush")
	assert.Equal(t, []string{"example.com/other"}, script.Finalizers)
}

func TestATemplateIsDescribed(t *testing.T) {
	template := &v1alpha1.HookTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: "pg"},
		Spec: v1alpha1.HookTemplateSpec{
			Params: []v1alpha1.TemplateParam{{Name: "user", Required: true}, {Name: "database"}},
			Hooks:  policyWith("x", "flush", "").Spec.Hooks,
		},
	}
	l, _ := newLibrarian(t, template, policyWith("a", "", "pg"))
	template = lookAtTemplate(t, l, "pg")
	assert.Equal(t, []string{v1alpha1.InUseFinalizer}, template.Finalizers)
	assert.Equal(t, "v", template.Status.Version)
	assert.Equal(t, "PreSnapshot", template.Status.Stages)
	assert.Equal(t, "user*,database", template.Status.Params)
	assert.Equal(t, []v1alpha1.Use{{Kind: "HookPolicy", Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}}}, template.Status.UsedBy)
	ready := meta.FindStatusCondition(template.Status.Conditions, v1alpha1.ConditionReady)
	require.NotNil(t, ready)
	assert.Equal(t, v1alpha1.ReasonScriptNotFound, ready.Reason)
	assert.Contains(t, ready.Message, `spec.hooks[flush].script.name: there is no HookScript "flush"`)

	require.NoError(t, l.Client.Create(t.Context(), newScript("flush")))
	template = lookAtTemplate(t, l, "pg")
	assert.True(t, meta.IsStatusConditionTrue(template.Status.Conditions, v1alpha1.ConditionReady))
	script, _ := lookAtScript(t, l, "flush")
	assert.Equal(t, "HookTemplate/pg", script.Status.Users)
}

func TestADeletedTemplateStaysWhileAPolicyUsesIt(t *testing.T) {
	template := terminating(&v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "pg", Finalizers: []string{v1alpha1.InUseFinalizer}}})
	l, recorder := newLibrarian(t, template, policyWith("a", "", "pg"))
	require.NotNil(t, lookAtTemplate(t, l, "pg"))
	assert.Contains(t, <-recorder.Events, `HookTemplate "pg" is used by HookPolicy "a": take it out of these first`)
	require.NoError(t, l.Client.Update(t.Context(), policyNow(t, l, "a", "flush")))
	assert.Nil(t, lookAtTemplate(t, l, "pg"))
}

// policyNow is a policy as it is, but using a script and nothing else.
func policyNow(t *testing.T, l *Librarian, name, script string) *v1alpha1.HookPolicy {
	t.Helper()
	policy := &v1alpha1.HookPolicy{}
	require.NoError(t, l.Client.Get(t.Context(), client.ObjectKey{Name: name}, policy))
	policy.Spec = policyWith(name, script, "").Spec
	return policy
}

// pending is a queue that remembers what is to be looked at, each once, as the real one does.
type pending struct {
	queue
	names map[string]int
}

func (p *pending) AddAfter(request reconcile.Request, after time.Duration) {
	if after > 0 { // else it might be looked at between any two changes
		p.names[request.Name]++
	}
}

func TestAChangeOfAUserWakesWhatItNamesAndNamed(t *testing.T) {
	before, after := policyWith("a", "old", "pg"), policyWith("a", "new", "")
	after.Generation = 2
	relabelled := policyWith("a", "old", "pg")
	relabelled.Labels = map[string]string{"a": "b"}
	anew := policyWith("a", "new", "")
	anew.UID = "2"
	tests := map[string]struct {
		kind   string
		change func(q queue)
		woken  []string
	}{
		"created":              {"HookScript", func(q queue) { wake("HookScript").Create(t.Context(), event.CreateEvent{Object: before}, q) }, []string{"old"}},
		"changed":              {"HookScript", func(q queue) { update("HookScript", before, after, q) }, []string{"old", "new"}},
		"changed, of template": {"HookTemplate", func(q queue) { update("HookTemplate", before, after, q) }, []string{"pg"}},
		"relabelled":           {"HookScript", func(q queue) { update("HookScript", before, relabelled, q) }, nil},
		"made anew unseen":     {"HookScript", func(q queue) { update("HookScript", before, anew, q) }, []string{"old", "new"}},
		"deleted":              {"HookScript", func(q queue) { wake("HookScript").Delete(t.Context(), event.DeleteEvent{Object: before}, q) }, []string{"old"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			woken := &pending{names: map[string]int{}}
			test.change(woken)
			want := map[string]int{}
			for _, name := range test.woken {
				want[name] = 1
			}
			assert.Equal(t, want, woken.names)
		})
	}
}

func update(kind string, before, after client.Object, q queue) {
	wake(kind).Update(context.Background(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
}

func TestAScriptThatComesOrGoesWakesTheTemplatesThatNameIt(t *testing.T) {
	names := &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "pg"}, Spec: v1alpha1.HookTemplateSpec{Hooks: policyWith("x", "flush", "").Spec.Hooks}}
	l, _ := newLibrarian(t, names, &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "other"}})
	woken := &pending{names: map[string]int{}}
	l.wakeTemplates().Create(t.Context(), event.CreateEvent{Object: newScript("flush")}, woken)
	l.wakeTemplates().Update(t.Context(), event.UpdateEvent{ObjectOld: newScript("flush"), ObjectNew: newScript("flush")}, woken)
	l.wakeTemplates().Delete(t.Context(), event.DeleteEvent{Object: newScript("flush")}, woken)
	assert.Equal(t, map[string]int{"pg": 2}, woken.names)
}

func TestALiveListIsReadInPages(t *testing.T) {
	var objects []client.Object
	for i := range 1200 {
		objects = append(objects, policyWith(fmt.Sprintf("p%04d", i), "flush", ""))
	}
	l, _ := newLibrarian(t, objects...)
	pages := 0
	// The fake API server has no pages of its own.
	paged := interceptor.NewClient(l.Client.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			var asked client.ListOptions
			asked.ApplyOptions(options)
			require.EqualValues(t, page, asked.Limit)
			if err := api.List(ctx, list); err != nil {
				return err
			}
			policies, isPolicies := list.(*v1alpha1.HookPolicyList)
			if !isPolicies {
				return nil
			}
			pages++
			start := 0
			if asked.Continue != "" {
				_, err := fmt.Sscan(asked.Continue, &start)
				require.NoError(t, err)
			}
			end := min(start+page, len(policies.Items))
			if policies.Continue = ""; end < len(policies.Items) {
				policies.Continue = strconv.Itoa(end)
			}
			policies.Items = policies.Items[start:end]
			return nil
		},
	})
	uses, err := LiveUses(t.Context(), paged, target("flush"))
	require.NoError(t, err)
	assert.Len(t, uses, 1200)
	assert.Equal(t, 3, pages)
	assert.Equal(t, "p1199", uses[1199].Name)
}

func target(script string) usage.Target { return usage.Target{Kind: usage.Script, Name: script} }
