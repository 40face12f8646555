package chart_test

import (
	"slices"
	"strings"
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
		for _, webhook := range []string{podsWebhook, restoredPodsWebhook} {
			t.Run(values+" "+webhook, func(t *testing.T) {
				assert.Equal(t, &metav1.LabelSelector{
					MatchLabels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled},
					MatchExpressions: []metav1.LabelSelectorRequirement{
						{Key: v1alpha1.NamespaceNameLabel, Operator: metav1.LabelSelectorOpNotIn, Values: excluded},
					},
				}, mutatingWebhook(t, values, webhook).NamespaceSelector)
			})
		}
	}
}

func TestTheEntriesForPods(t *testing.T) {
	tests := map[string]struct {
		failurePolicy admissionregistrationv1.FailurePolicyType
		timeout       int32
		path          string
		conditions    int
	}{
		podsWebhook:         {admissionregistrationv1.Ignore, 3, "/mutate-pods", 0},
		restoredPodsWebhook: {admissionregistrationv1.Fail, 10, "/prepare-pods", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			webhook := mutatingWebhook(t, "defaults.yaml", name)

			assert.Equal(t, test.failurePolicy, *webhook.FailurePolicy)
			assert.Equal(t, test.timeout, *webhook.TimeoutSeconds)
			assert.Equal(t, admissionregistrationv1.Equivalent, *webhook.MatchPolicy)
			assert.Equal(t, admissionregistrationv1.SideEffectClassNone, *webhook.SideEffects)
			assert.Equal(t, admissionregistrationv1.IfNeededReinvocationPolicy, *webhook.ReinvocationPolicy)
			require.Len(t, webhook.Rules, 1)
			assert.Equal(t, []admissionregistrationv1.OperationType{admissionregistrationv1.Create}, webhook.Rules[0].Operations)
			assert.Equal(t, []string{"pods"}, webhook.Rules[0].Resources)
			assert.Len(t, webhook.MatchConditions, test.conditions)
			assert.Nil(t, webhook.ObjectSelector)

			assert.Equal(t, service(test.path), webhook.ClientConfig, "a caBundle here would take away the controller's on every upgrade")
		})
	}
}

func TestValuesReachTheEntriesForPods(t *testing.T) {
	webhook := mutatingWebhook(t, "all-options.yaml", podsWebhook)
	assert.Equal(t, admissionregistrationv1.Fail, *webhook.FailurePolicy)
	assert.Equal(t, int32(10), *webhook.TimeoutSeconds)

	restored := mutatingWebhook(t, "all-options.yaml", restoredPodsWebhook)
	assert.Equal(t, admissionregistrationv1.Ignore, *restored.FailurePolicy)
	assert.Equal(t, int32(20), *restored.TimeoutSeconds)
}

// Where the two differ, pods would be restored unprepared, or the webhook asked for nothing.
func TestTheEntryAndTheProgramKnowRestoredPodsByTheSameKeys(t *testing.T) {
	tests := map[string]struct{ labels, annotations string }{
		"defaults.yaml":    {},
		"all-options.yaml": {"--restore-labels=example.com/restore,restored-by", "--restore-annotations=example.com/restored-at"},
	}
	for values, test := range tests {
		t.Run(values, func(t *testing.T) {
			condition := mutatingWebhook(t, values, restoredPodsWebhook).MatchConditions[0]
			args := strings.Join(templates(t, render(t, values))["quiesce-webhook"].Spec.Containers[0].Args, " ")
			for flag, arg := range map[string]string{"--restore-labels": test.labels, "--restore-annotations": test.annotations} {
				if arg == "" {
					assert.NotContains(t, args, flag)
					continue
				}
				assert.Contains(t, args, arg)
				for key := range strings.SplitSeq(strings.TrimPrefix(arg, flag+"="), ",") {
					assert.Contains(t, condition.Expression, `"`+key+`"`)
				}
			}
		})
	}
}

// Those for policies, and for the library of which they are made, fail closed, whatever the values say of pods, and know nothing of
// opting in.
func TestTheEntriesForWhatIsWritten(t *testing.T) {
	type entry struct {
		path       string
		operations []admissionregistrationv1.OperationType
		resources  []string
		timeout    int32
		conditions int
	}
	var (
		written  = []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update}
		policies = []string{"hookpolicies", "namespacedhookpolicies"} // the controller's writes to the status must not come by here
		library  = []string{"hookscripts", "hooktemplates"}
	)
	for _, values := range valueFiles(t) {
		t.Run(values, func(t *testing.T) {
			all := render(t, values)
			found := find[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration", "quiesce-webhook")
			validating := map[string]admissionregistrationv1.MutatingWebhook{}
			for _, webhook := range found.Webhooks {
				// The two kinds of webhooks share no type; as one of them, all can be compared.
				validating[webhook.Name] = admissionregistrationv1.MutatingWebhook{
					Name: webhook.Name, ClientConfig: webhook.ClientConfig, Rules: webhook.Rules, FailurePolicy: webhook.FailurePolicy,
					MatchPolicy: webhook.MatchPolicy, SideEffects: webhook.SideEffects, TimeoutSeconds: webhook.TimeoutSeconds,
					NamespaceSelector: webhook.NamespaceSelector, MatchConditions: webhook.MatchConditions,
				}
			}
			mutating := map[string]admissionregistrationv1.MutatingWebhook{}
			for _, name := range []string{"policies.quiesce.io", "library.quiesce.io"} {
				mutating[name] = mutatingWebhook(t, values, name)
				assert.Equal(t, admissionregistrationv1.IfNeededReinvocationPolicy, *mutating[name].ReinvocationPolicy)
			}
			check := func(got map[string]admissionregistrationv1.MutatingWebhook, want map[string]entry) {
				require.Len(t, got, len(want))
				for name, want := range want {
					webhook := got[name]
					assert.Equal(t, service(want.path), webhook.ClientConfig, name)
					require.Len(t, webhook.Rules, 1, name)
					assert.Equal(t, want.operations, webhook.Rules[0].Operations, name)
					assert.Equal(t, want.resources, webhook.Rules[0].Resources, name)
					assert.Equal(t, admissionregistrationv1.Fail, *webhook.FailurePolicy, name)
					assert.Equal(t, admissionregistrationv1.Equivalent, *webhook.MatchPolicy, name)
					assert.Equal(t, admissionregistrationv1.SideEffectClassNone, *webhook.SideEffects, name)
					assert.Equal(t, want.timeout, *webhook.TimeoutSeconds, name)
					assert.Nil(t, webhook.NamespaceSelector, name)
					assert.Len(t, webhook.MatchConditions, want.conditions, name)
				}
			}
			check(mutating, map[string]entry{
				"policies.quiesce.io": {"/author-policies", written, policies, 5, 1},
				"library.quiesce.io":  {"/author-library", written, library, 5, 1},
			})
			check(validating, map[string]entry{
				"policies.quiesce.io": {"/validate-policies", written, policies, 5, 1},
				"library.quiesce.io":  {"/validate-library", written, library, 5, 1},
				"library-in-use.quiesce.io": {
					"/guard-library", []admissionregistrationv1.OperationType{admissionregistrationv1.Delete}, library, 10, 0,
				},
			})
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

// The entries for pods, by their names.
const (
	podsWebhook         = "pods.quiesce.io"
	restoredPodsWebhook = "restored-pods.quiesce.io"
)

func mutatingWebhook(t *testing.T, values, name string) admissionregistrationv1.MutatingWebhook {
	t.Helper()
	configuration := find[admissionregistrationv1.MutatingWebhookConfiguration](t, render(t, values),
		"MutatingWebhookConfiguration", "quiesce-webhook")
	require.LessOrEqual(t, len(configuration.Webhooks), 5)
	i := slices.IndexFunc(configuration.Webhooks, func(webhook admissionregistrationv1.MutatingWebhook) bool { return webhook.Name == name })
	require.GreaterOrEqual(t, i, 0, "there is no %s", name)
	return configuration.Webhooks[i]
}
