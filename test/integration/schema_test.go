package integration

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// withoutRules has the schema of hooks' timeouts take any text for the time that a function takes.
func withoutRules(t *testing.T, do func()) {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	set := func(timeout apiextensionsv1.JSONSchemaProps) {
		crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["hooks"].Items.Schema.Properties["timeout"] = timeout
		require.NoError(t, api.Update(t.Context(), &crd))
	}
	require.NoError(t, api.Get(t.Context(), types.NamespacedName{Name: "hookpolicies.quiesce.io"}, &crd))
	strict := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["hooks"].Items.Schema.Properties["timeout"]
	set(apiextensionsv1.JSONSchemaProps{Type: "string"})
	defer func() {
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(&crd), &crd))
		set(strict)
	}()
	do()
}

// A policy that was good when it was stored, and is not any longer, must not take the others with it.
func TestAPolicyThatAnotherSchemaLetThroughIsToldAndTheOthersStayInUse(t *testing.T) {
	namespace := optedIn(t, nil)
	outdated := flushPolicy("outdated")
	outdated.Spec.Hooks[0].Timeout = v1alpha1.Duration{Unreadable: `"5 minutes"`}
	withoutRules(t, func() {
		// It takes the API server a moment to use the new schema.
		require.EventuallyWithT(t, func(c *assert.CollectT) { require.NoError(c, api.Create(t.Context(), outdated)) }, patience, tick)
	})
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		fresh := flushPolicy("never")
		fresh.Spec.Hooks[0].Timeout = outdated.Spec.Hooks[0].Timeout
		require.ErrorContains(c, api.Create(t.Context(), fresh, client.DryRunAll), "write a duration with its unit")
	}, patience, tick)
	t.Cleanup(func() { require.NoError(t, api.Delete(context.Background(), outdated)) })
	controller, webhook := startController(t), startWebhook(t)
	waitReady(t, webhook)
	waitReady(t, controller) // the API server trusts the webhook by then
	create(t, flushPolicy("current"))
	waitStamped(t, appPod(namespace, "current"))
	condition := waitCondition(t, outdated, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	assert.Contains(t, condition.Message, `spec.hooks[flush].timeout: "5 minutes" is not a duration: write a number with its unit`)

	change(t, outdated, `{"spec":{"hooks":[{"name":"flush","stages":["PreSnapshot"],"timeout":"5m","exec":{"command":["flush"]}}]}}`)
	waitCondition(t, outdated, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
	waitStamped(t, appPod(namespace, "outdated"))
}
