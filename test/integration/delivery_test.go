package integration

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/delivery"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// libraryOf is the application library with nothing but these templates.
func libraryOf(all ...v1alpha1.HookTemplate) *delivery.Delivery {
	return &delivery.Delivery{API: api, Templates: all}
}

// syncTemplate runs one command, with a timeout that the API server fills in.
func syncTemplate(name, command string) v1alpha1.HookTemplate {
	return v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.HookTemplateSpec{
		Application: "An application",
		Hooks: []v1alpha1.Hook{{
			Name: "sync", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{command}},
		}},
	}}
}

// storedTemplate is a template as the API server has it; nil where it has none.
func storedTemplate(t *testing.T, name string) *v1alpha1.HookTemplate {
	t.Helper()
	template := &v1alpha1.HookTemplate{}
	err := api.Get(t.Context(), client.ObjectKey{Name: name}, template)
	if client.IgnoreNotFound(err) == nil && err != nil {
		return nil
	}
	require.NoError(t, err)
	return template
}

func command0(template *v1alpha1.HookTemplate) string { return template.Spec.Hooks[0].Exec.Command[0] }

// clearTemplates leaves no template behind.
func clearTemplates(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		var left v1alpha1.HookTemplateList
		assert.NoError(t, api.DeleteAllOf(context.Background(), &v1alpha1.HookTemplate{}))
		assert.NoError(t, api.List(context.Background(), &left)) // those that have a finalizer, with no controller to take it off
		for i := range left.Items {
			without := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
			assert.NoError(t, client.IgnoreNotFound(api.Patch(context.Background(), &left.Items[i], without)))
		}
	})
}

func TestTheAPIServerTakesEveryTemplateAsItIsWritten(t *testing.T) {
	all, err := templates.All()
	require.NoError(t, err)
	strict := client.WithFieldValidation(api, metav1.FieldValidationStrict)
	for i := range all {
		assert.NoError(t, strict.Create(t.Context(), all[i].DeepCopy(), client.DryRunAll), all[i].Name)
	}
}

func TestATemplateIsDeliveredAndBroughtUpToDate(t *testing.T) {
	clearTemplates(t)
	require.NoError(t, libraryOf(syncTemplate("one", "sync")).Run(t.Context()))
	first := storedTemplate(t, "one")
	require.NotNil(t, first)
	assert.Equal(t, "one/1", first.Annotations[v1alpha1.DeliveredAnnotation])
	assert.Equal(t, v1alpha1.ManagedByQuiesce, first.Labels[v1alpha1.ManagedByLabel])

	require.NoError(t, libraryOf(syncTemplate("one", "sync")).Run(t.Context()))
	assert.Equal(t, first.ResourceVersion, storedTemplate(t, "one").ResourceVersion, "what is there already is not written again")

	require.NoError(t, libraryOf(syncTemplate("one", "/bin/sync")).Run(t.Context()))
	second := storedTemplate(t, "one")
	assert.Equal(t, "/bin/sync", command0(second))
	assert.Equal(t, "one/2", second.Annotations[v1alpha1.DeliveredAnnotation])
	require.NoError(t, libraryOf(syncTemplate("one", "/usr/bin/sync")).Run(t.Context()))
	assert.Equal(t, "/usr/bin/sync", command0(storedTemplate(t, "one")), "a second time as well")
}

func TestWhatAUserHasDoneToATemplateStays(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.HookTemplate)
		stays  bool
	}{
		"a command is changed": {func(template *v1alpha1.HookTemplate) { template.Spec.Hooks[0].Exec.Command = []string{"mine"} }, true},
		"a hook is added": {func(template *v1alpha1.HookTemplate) {
			added := *template.Spec.Hooks[0].DeepCopy()
			added.Name = "mine"
			template.Spec.Hooks = append(template.Spec.Hooks, added)
		}, true},
		"a description is taken away": {func(template *v1alpha1.HookTemplate) { template.Spec.Description = "" }, true},
		"a label is added":            {func(template *v1alpha1.HookTemplate) { template.Labels["team"] = "x" }, false},
		"our label is taken away":     {func(template *v1alpha1.HookTemplate) { template.Labels = nil }, false},
		"our annotation is taken away, so that it is the user's own": {
			func(template *v1alpha1.HookTemplate) { template.Annotations = nil }, true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			clearTemplates(t)
			old := syncTemplate("one", "sync")
			old.Spec.Description = "What it does."
			require.NoError(t, libraryOf(old).Run(t.Context()))
			changed := storedTemplate(t, "one")
			before := changed.DeepCopy()
			test.change(changed)
			require.NoError(t, api.Patch(t.Context(), changed, client.MergeFrom(before)))

			require.NoError(t, libraryOf(syncTemplate("one", "/bin/sync")).Run(t.Context()))
			now := storedTemplate(t, "one")
			if test.stays {
				assert.Equal(t, changed.Spec, now.Spec)
			} else {
				assert.Equal(t, "/bin/sync", command0(now))
			}
			// Nor is it taken away when the library is.
			require.NoError(t, libraryOf().Run(t.Context()))
			assert.Equal(t, test.stays, storedTemplate(t, "one") != nil)
		})
	}
}

func TestAChangeCanBeGivenUp(t *testing.T) {
	clearTemplates(t)
	require.NoError(t, libraryOf(syncTemplate("one", "sync")).Run(t.Context()))
	changed := storedTemplate(t, "one")
	changed.Spec.Hooks[0].Exec.Command = []string{"mine"}
	changed.Annotations[v1alpha1.DeliveredAnnotation] = v1alpha1.DeliverAgain
	require.NoError(t, api.Update(t.Context(), changed))

	require.NoError(t, libraryOf(syncTemplate("one", "sync")).Run(t.Context()))
	now := storedTemplate(t, "one")
	assert.Equal(t, "sync", command0(now))
	assert.Equal(t, "one/3", now.Annotations[v1alpha1.DeliveredAnnotation])
}

func TestATemplateThatABackupHasBroughtBackIsStillOurs(t *testing.T) {
	clearTemplates(t)
	restored := syncTemplate("one", "sync")
	restored.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByQuiesce}
	restored.Annotations = map[string]string{v1alpha1.DeliveredAnnotation: "one/7"} // of the object that was backed up
	require.NoError(t, api.Create(t.Context(), &restored))
	require.NoError(t, libraryOf(syncTemplate("one", "sync")).Run(t.Context()))
	require.NoError(t, libraryOf(syncTemplate("one", "/bin/sync")).Run(t.Context()))
	assert.Equal(t, "/bin/sync", command0(storedTemplate(t, "one")))
}

func TestAUsersOwnTemplateOfTheSameNameStays(t *testing.T) {
	clearTemplates(t)
	own := syncTemplate("one", "sync")
	require.NoError(t, api.Create(t.Context(), &own))
	require.NoError(t, libraryOf(syncTemplate("one", "/bin/sync")).Run(t.Context()))
	assert.Equal(t, "sync", command0(storedTemplate(t, "one")))
	require.NoError(t, libraryOf().Run(t.Context()))
	assert.NotNil(t, storedTemplate(t, "one"))
}

func TestACopyUnderAnotherNameIsItsMakers(t *testing.T) {
	clearTemplates(t)
	require.NoError(t, libraryOf(syncTemplate("one", "sync")).Run(t.Context()))
	original := storedTemplate(t, "one")
	twin := syncTemplate("two", "sync")
	twin.Labels, twin.Annotations = original.Labels, original.Annotations // as kubectl get -o yaml shows them
	require.NoError(t, api.Create(t.Context(), &twin))
	require.NoError(t, libraryOf().Run(t.Context()))
	assert.Nil(t, storedTemplate(t, "one"))
	assert.NotNil(t, storedTemplate(t, "two"))
}

func TestWhatIsNoLongerDeliveredGoesUnlessAPolicyUsesIt(t *testing.T) {
	clearTemplates(t)
	use := func(name string) v1alpha1.HookPolicySpec {
		return v1alpha1.HookPolicySpec{Template: &v1alpha1.TemplateUse{Name: name}}
	}
	require.NoError(t, libraryOf(syncTemplate("unused", "sync"), syncTemplate("used", "sync"), syncTemplate("used-by-a-team", "sync")).Run(t.Context()))
	create(t, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: "user"}, Spec: use("used")})
	create(t, &v1alpha1.NamespacedHookPolicy{ObjectMeta: metav1.ObjectMeta{Name: "user", Namespace: release}, Spec: use("used-by-a-team")})

	require.NoError(t, libraryOf().Run(t.Context()))
	assert.Nil(t, storedTemplate(t, "unused"))
	assert.NotNil(t, storedTemplate(t, "used"))
	assert.NotNil(t, storedTemplate(t, "used-by-a-team"))
}

// In an installation the webhook, without which no template may be written, comes up after the controller has begun.
func TestTheLibraryIsDeliveredOnceTheWebhookAnswers(t *testing.T) {
	clearTemplates(t)
	webhook := startWebhook(t) // whose certificate nobody trusts as yet
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		template := syncTemplate("early", "sync")
		require.ErrorContains(c, api.Create(t.Context(), &template, client.DryRunAll), "failed calling webhook")
	}, patience, tick)

	controller := startController(t, "--deliver-templates=true")
	waitReady(t, webhook)
	all, err := templates.All()
	require.NoError(t, err)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for i := range all {
			stored := &v1alpha1.HookTemplate{}
			require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(&all[i]), stored))
			require.Equal(c, "system:serviceaccount:"+release+":quiesce-controller", stored.Annotations[v1alpha1.AuthorAnnotation])
		}
	}, patience, tick)
	assert.Contains(t, controller.told(), "The application library is not wholly there yet, and is tried again")
}

// The program does it, with the rights of the chart's role; and so does the uninstall.
func TestTheControllerDeliversTheLibraryAndAnUninstallTakesItAway(t *testing.T) {
	clearTemplates(t)
	delivered, err := templates.All()
	require.NoError(t, err)
	names := func() []string {
		var all v1alpha1.HookTemplateList
		require.NoError(t, api.List(t.Context(), &all))
		var found []string
		for i := range all.Items {
			found = append(found, all.Items[i].Name)
		}
		slices.Sort(found)
		return found
	}
	var want []string
	for i := range delivered {
		want = append(want, delivered[i].Name)
	}

	controller := startController(t, "--deliver-templates=true")
	require.EventuallyWithT(t, func(c *assert.CollectT) { require.Equal(c, want, names()) }, patience, tick)
	require.NoError(t, controller.Process.Kill())
	<-controller.exited

	create(t, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: "user"}, Spec: v1alpha1.HookPolicySpec{Template: &v1alpha1.TemplateUse{Name: "mariadb"}}})
	kept := storedTemplate(t, "mariadb")
	kept.Finalizers = []string{v1alpha1.InUseFinalizer}
	require.NoError(t, api.Update(t.Context(), kept))
	script := &v1alpha1.HookScript{ObjectMeta: metav1.ObjectMeta{Name: "kept", Finalizers: []string{v1alpha1.InUseFinalizer, "example.com/his"}},
		Spec: v1alpha1.HookScriptSpec{Script: "#!/bin/sh\n"}}
	require.NoError(t, api.Create(t.Context(), script))
	t.Cleanup(func() {
		without := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		assert.NoError(t, api.Patch(context.Background(), script, without))
		assert.NoError(t, api.Delete(context.Background(), script))
	})
	uninstall := run(t, "quiesce-controller", "uninstall", "--kubeconfig="+uninstaller(t), "--namespace="+release)
	<-uninstall.exited
	require.Zero(t, uninstall.ProcessState.ExitCode(), uninstall.told())
	assert.Equal(t, []string{"mariadb"}, names())
	assert.Empty(t, storedTemplate(t, "mariadb").Finalizers, "nobody would take it off any more")
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(script), script))
	assert.Equal(t, []string{"example.com/his"}, script.Finalizers)
}
