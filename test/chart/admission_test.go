package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestOnlyOptedInNamespacesReachTheWebhook(t *testing.T) {
	tests := map[string][]string{
		"defaults.yaml":    {"kube-system", namespace},
		"all-options.yaml": {"kube-system", namespace, "monitoring"},
	}
	for values, excluded := range tests {
		t.Run(values, func(t *testing.T) {
			assert.Equal(t, &metav1.LabelSelector{
				MatchLabels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled},
				MatchExpressions: []metav1.LabelSelectorRequirement{
					{Key: v1alpha1.NamespaceNameLabel, Operator: metav1.LabelSelectorOpNotIn, Values: excluded},
				},
			}, podsWebhook(t, values).NamespaceSelector)
		})
	}
}

func TestTheWebhookEntry(t *testing.T) {
	webhook := podsWebhook(t, "defaults.yaml")

	assert.Equal(t, admissionregistrationv1.Ignore, *webhook.FailurePolicy)
	assert.Equal(t, int32(3), *webhook.TimeoutSeconds)
	assert.Equal(t, admissionregistrationv1.SideEffectClassNone, *webhook.SideEffects)
	assert.Equal(t, admissionregistrationv1.IfNeededReinvocationPolicy, *webhook.ReinvocationPolicy)
	require.Len(t, webhook.Rules, 1)
	assert.Equal(t, []admissionregistrationv1.OperationType{admissionregistrationv1.Create}, webhook.Rules[0].Operations)
	assert.Equal(t, []string{"pods"}, webhook.Rules[0].Resources)

	path, port := "/mutate-pods", int32(443)
	assert.Equal(t, admissionregistrationv1.WebhookClientConfig{
		Service: &admissionregistrationv1.ServiceReference{
			Name: "quiesce-webhook", Namespace: namespace, Path: &path, Port: &port,
		},
	}, webhook.ClientConfig, "a caBundle here would take away the controller's on every upgrade")
}

func TestValuesReachTheWebhookEntry(t *testing.T) {
	webhook := podsWebhook(t, "all-options.yaml")

	assert.Equal(t, admissionregistrationv1.Fail, *webhook.FailurePolicy)
	assert.Equal(t, int32(10), *webhook.TimeoutSeconds)
}

func podsWebhook(t *testing.T, values string) admissionregistrationv1.MutatingWebhook {
	t.Helper()
	configuration := find[admissionregistrationv1.MutatingWebhookConfiguration](t, render(t, values),
		"MutatingWebhookConfiguration", "quiesce-webhook")
	require.Len(t, configuration.Webhooks, 1)
	require.Equal(t, "pods.quiesce.io", configuration.Webhooks[0].Name)
	return configuration.Webhooks[0]
}
