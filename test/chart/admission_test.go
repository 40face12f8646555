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

	assert.Equal(t, service("/mutate-pods"), webhook.ClientConfig, "a caBundle here would take away the controller's on every upgrade")
}

func TestValuesReachTheWebhookEntry(t *testing.T) {
	webhook := podsWebhook(t, "all-options.yaml")

	assert.Equal(t, admissionregistrationv1.Fail, *webhook.FailurePolicy)
	assert.Equal(t, int32(10), *webhook.TimeoutSeconds)
}

// Those for policies fail closed, whatever the values say of pods, and know nothing of opting in.
func TestTheEntriesForPolicies(t *testing.T) {
	for _, values := range valueFiles(t) {
		t.Run(values, func(t *testing.T) {
			all := render(t, values)
			mutating := find[admissionregistrationv1.MutatingWebhookConfiguration](t, all, "MutatingWebhookConfiguration", "quiesce-webhook")
			require.Len(t, mutating.Webhooks, 2)
			recorder := mutating.Webhooks[1]
			validating := find[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration", "quiesce-webhook")
			require.Len(t, validating.Webhooks, 1)
			validator := validating.Webhooks[0]

			assert.Equal(t, admissionregistrationv1.IfNeededReinvocationPolicy, *recorder.ReinvocationPolicy)
			assert.Equal(t, service("/author-policies"), recorder.ClientConfig)
			assert.Equal(t, service("/validate-policies"), validator.ClientConfig)
			for _, rules := range [][]admissionregistrationv1.RuleWithOperations{recorder.Rules, validator.Rules} {
				require.Len(t, rules, 1)
				assert.Equal(t, []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update}, rules[0].Operations)
				assert.Equal(t, []string{"hookpolicies", "namespacedhookpolicies"}, rules[0].Resources, "the controller's writes to the status must not come by here")
			}
			// The two kinds of webhooks share no type; as one of them, the rest can be compared.
			as := admissionregistrationv1.MutatingWebhook{
				Name: validator.Name, FailurePolicy: validator.FailurePolicy, MatchPolicy: validator.MatchPolicy,
				SideEffects: validator.SideEffects, TimeoutSeconds: validator.TimeoutSeconds, NamespaceSelector: validator.NamespaceSelector,
			}
			for _, webhook := range []admissionregistrationv1.MutatingWebhook{recorder, as} {
				assert.Equal(t, "policies.quiesce.io", webhook.Name)
				assert.Equal(t, admissionregistrationv1.Fail, *webhook.FailurePolicy)
				assert.Equal(t, admissionregistrationv1.Equivalent, *webhook.MatchPolicy)
				assert.Equal(t, admissionregistrationv1.SideEffectClassNone, *webhook.SideEffects)
				assert.Equal(t, int32(5), *webhook.TimeoutSeconds)
				assert.Nil(t, webhook.NamespaceSelector)
			}
			assert.Len(t, recorder.MatchConditions, 1)
			assert.Len(t, validator.MatchConditions, 1)
		})
	}
}

// service is how the API server reaches a path of the webhook's.
func service(path string) admissionregistrationv1.WebhookClientConfig {
	return admissionregistrationv1.WebhookClientConfig{
		Service: &admissionregistrationv1.ServiceReference{
			Name: "quiesce-webhook", Namespace: namespace, Path: &path, Port: new(int32(443)),
		},
	}
}

func podsWebhook(t *testing.T, values string) admissionregistrationv1.MutatingWebhook {
	t.Helper()
	configuration := find[admissionregistrationv1.MutatingWebhookConfiguration](t, render(t, values),
		"MutatingWebhookConfiguration", "quiesce-webhook")
	require.NotEmpty(t, configuration.Webhooks)
	require.Equal(t, "pods.quiesce.io", configuration.Webhooks[0].Name)
	return configuration.Webhooks[0]
}
