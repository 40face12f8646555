package integration

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestPoliciesFollowTheScriptsAndTemplatesThatTheyName(t *testing.T) {
	controller := startController(t)
	waitHealthy(t, controller)

	t.Run("a policy is used as soon as its script comes, and pods and sessions follow its changes", func(t *testing.T) {
		namespace := optedIn(t, nil)
		policy := flushPolicy("scripted")
		policy.Spec.Hooks[0].Exec, policy.Spec.Hooks[0].Script = nil, &v1alpha1.ScriptAction{Name: "flush-it", Args: []string{"a b"}}
		create(t, policy)
		pod := appPod(namespace, "scripted")
		create(t, pod)
		condition := waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonScriptNotFound)
		assert.Equal(t, `spec.hooks[flush].script.name: there is no HookScript "flush-it": the policy is used as soon as it comes`, condition.Message)

		script := &v1alpha1.HookScript{ObjectMeta: metav1.ObjectMeta{Name: "flush-it"}, Spec: v1alpha1.HookScriptSpec{Script: "#!/bin/sh\nsync\n"}}
		create(t, script)
		waitCommand(t, pod, `["/bin/sh","-c","#!/bin/sh\nsync\n","quiesce-script","a b"]`)
		waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
		change(t, script, `{"spec":{"script":"#!/bin/bash -e\nsync -f\n"}}`)
		waitCommand(t, pod, `["/bin/bash","-e","-c","#!/bin/bash -e\nsync -f\n","quiesce-script","a b"]`)

		for i := range 5 {
			text := fmt.Sprintf("#!/bin/sh\necho %d\n", i)
			change(t, script, fmt.Sprintf(`{"spec":{"script":%q}}`, text))
			session := sessionWith(t, `{operation: Backup}`)
			session.SetNamespace(namespace)
			create(t, session)
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				var runs v1alpha1.HookRunList
				require.NoError(c, api.List(t.Context(), &runs, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.GetUID())}))
				require.Len(c, runs.Items, 1)
				require.Equal(c, &v1alpha1.ScriptAction{Name: "flush-it", Inline: text, Args: []string{"a b"}}, runs.Items[0].Spec.Hook.Script, "as it was written a moment ago")
			}, patience, tick)
		}
	})

	t.Run("a policy says which version of its template it uses, and an event tells of another", func(t *testing.T) {
		namespace := optedIn(t, nil)
		policy := flushPolicy("templated")
		policy.Spec.Hooks = nil
		policy.Spec.Template = &v1alpha1.TemplateUse{Name: "flusher", Params: []v1alpha1.TemplateParamValue{{Name: "what", Value: "$(id) it's"}}}
		create(t, policy)
		pod := appPod(namespace, "templated")
		create(t, pod)
		waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonTemplateNotFound)
		require.NotNil(t, policy.Status.Template)
		assert.Empty(t, policy.Status.Template.Version)

		template := &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "flusher"}, Spec: v1alpha1.HookTemplateSpec{
			Application: "test", Params: []v1alpha1.TemplateParam{{Name: "what", Required: true}},
			Hooks: []v1alpha1.Hook{{Name: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"flush", "$(what)"}}}},
		}}
		create(t, template)
		waitCommand(t, pod, `["flush","$(id) it's"]`)
		first := waitVersion(t, policy, template)
		assert.Equal(t, "PreSnapshot", policy.Status.Stages)

		change(t, template, `{"spec":{"hooks":[{"name":"flush","stages":["PreSnapshot"],"exec":{"command":["other","$(what)"]}}]}}`)
		waitCommand(t, pod, `["other","$(id) it's"]`)
		second := waitVersion(t, policy, template)
		assert.NotEqual(t, first, second)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			var events eventsv1.EventList
			require.NoError(c, api.List(t.Context(), &events))
			var notes []string
			for i := range events.Items {
				if event := &events.Items[i]; event.Reason == "TemplateChanged" && event.Regarding.Name == "templated" {
					notes = append(notes, event.Note)
				}
			}
			require.Len(c, notes, 1)
			require.Contains(c, notes[0], `HookTemplate "flusher" is now version `+second)
		}, patience, tick)

		change(t, template, `{"spec":{"params":[{"name":"what","required":true},{"name":"more","required":true}]}}`)
		condition := waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
		assert.Contains(t, condition.Message, `spec.template.params: HookTemplate "flusher" needs the param "more"`)
		waitExactly(t, pod, nil)
	})
}

// waitVersion waits until a policy says that it uses a template as it is.
func waitVersion(t *testing.T, policy *v1alpha1.HookPolicy, template *v1alpha1.HookTemplate) string {
	t.Helper()
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(template), template))
	version := library.Version(&template.Spec)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
		require.NotNil(c, policy.Status.Template)
		require.Equal(c, version, policy.Status.Template.Version)
		require.NotNil(c, policy.Status.Template.Since)
	}, patience, tick)
	return version
}
