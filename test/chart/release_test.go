package chart_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	applyv1 "k8s.io/client-go/applyconfigurations/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A release from its beginning to its end. Nothing runs the pods here; the API server, its admission and its
// authorizer are real.
func TestRelease(t *testing.T) {
	// What the controller would have made.
	require.NoError(t, server.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook-ca", Namespace: namespace},
	}))
	var policy *unstructured.Unstructured

	step := func(name string, run func(t *testing.T)) {
		require.True(t, t.Run(name, run), "the later steps build on this one")
	}
	step("install says what to do next", func(t *testing.T) {
		notes, err := helm(t, "install", "quiesce", chart)
		require.NoError(t, err)
		assert.Contains(t, notes, "is in namespace "+namespace)
		assert.Contains(t, notes, "kubectl -n "+namespace+" get pods -l app.kubernetes.io/instance=quiesce")
		assert.Contains(t, notes, "kubectl label namespace shop quiesce.io/hooks=enabled")
		assert.Contains(t, notes, "kubectl apply -f policy.yaml")
		assert.Contains(t, notes, "kubectl get hookpolicies")
		assert.NotContains(t, notes, "failurePolicy is Fail")
		policy = examplePolicy(t, notes)
	})
	step("while no webhook answers, nobody writes a policy", func(t *testing.T) {
		waitForCRDs(t)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.ErrorContains(c, server.Create(t.Context(), policy.DeepCopy(), client.DryRunAll), `failed calling webhook "policies.quiesce.io"`)
		}, time.Minute, 100*time.Millisecond, "the API server looks at webhooks some moments after they were made")
	})
	step("once they are deleted, as in an emergency, the policy in the notes is accepted", func(t *testing.T) {
		for _, configuration := range configurations() {
			require.NoError(t, server.Delete(t.Context(), configuration))
		}
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, server.Create(t.Context(), policy.DeepCopy(), client.DryRunAll))
		}, time.Minute, 100*time.Millisecond)
		require.NoError(t, server.Create(t.Context(), policy))
	})
	step("and an upgrade brings them back", func(t *testing.T) {
		_, err := helm(t, "upgrade", "quiesce", chart)
		require.NoError(t, err)
		for _, configuration := range configurations() {
			assert.False(t, gone(t, configuration))
		}
	})
	step("while no webhook answers, a policy can still be stopped, relabelled and let go of", func(t *testing.T) {
		patch := func(body string) error {
			return server.Patch(t.Context(), policy.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(body)), client.DryRunAll)
		}
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.ErrorContains(c, patch(`{"spec": {"priority": 7}}`), `failed calling webhook "policies.quiesce.io"`)
		}, time.Minute, 100*time.Millisecond)
		for what, body := range map[string]string{
			"suspend":           `{"spec": {"suspend": true}}`,
			"label":             `{"metadata": {"labels": {"a": "b"}}}`,
			"annotate":          `{"metadata": {"annotations": {"a": "b"}}}`,
			"add a finalizer":   `{"metadata": {"finalizers": ["example.com/a"]}}`,
			"change no whit":    `{"spec": {"suspend": false}}`,
			"drop what is none": `{"metadata": {"annotations": {"quiesce.io/author": null}}}`,
		} {
			assert.NoError(t, patch(body), what)
		}
		for what, body := range map[string]string{
			"suspend and change":   `{"spec": {"suspend": true, "priority": 7}}`,
			"claim its authorship": `{"metadata": {"annotations": {"quiesce.io/author": "mallory"}}}`,
			"claim its age":        `{"metadata": {"annotations": {"quiesce.io/authored-at": "2026-01-01T00:00:00Z"}}}`,
		} {
			assert.Error(t, patch(body), what)
		}
		require.NoError(t, server.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
		require.NoError(t, unstructured.SetNestedField(policy.Object, int64(0), "status", "matchedPods"))
		require.NoError(t, unstructured.SetNestedField(policy.Object, int64(0), "status", "stampedPods"))
		require.NoError(t, server.Status().Update(t.Context(), policy), "the controller must not need the webhook")
	})
	step("both accounts may do what they must, and no more", testRights)
	step("a second release is refused", func(t *testing.T) {
		_, err := helm(t, "install", "another", chart)
		assert.ErrorContains(t, err, "a cluster takes one Quiesce, and release quiesce in namespace "+namespace+" is already there")
	})
	step("an upgrade leaves the CA in place", func(t *testing.T) {
		ca := writeCA(t)
		for _, timeout := range []int32{7, 3} {
			_, err := helm(t, "upgrade", "quiesce", chart, "--set", fmt.Sprintf("webhook.timeoutSeconds=%d", timeout))
			require.NoError(t, err)
			mutating, validating := webhooks(t)
			for _, webhook := range mutating {
				assert.Equal(t, ca, webhook.ClientConfig.CABundle)
				if webhook.Name == podsWebhook {
					assert.Equal(t, timeout, *webhook.TimeoutSeconds)
				}
			}
			for _, webhook := range validating {
				assert.Equal(t, ca, webhook.ClientConfig.CABundle)
			}
		}
	})
	step("the notes warn of what is risky", func(t *testing.T) {
		notes, err := helm(t, "upgrade", "quiesce", chart, "--dry-run=server",
			"--set", "webhook.failurePolicy=Fail,webhook.replicas=1")
		require.NoError(t, err)
		assert.Contains(t, notes, "created while that copy is away are refused")
		assert.Contains(t, notes, "kubectl delete mutatingwebhookconfiguration quiesce-webhook")
	})
	step("uninstall keeps the CRDs, the policies and the CA", func(t *testing.T) {
		_, err := helm(t, "uninstall", "quiesce", "--no-hooks") // nothing here would run the Job
		require.NoError(t, err)

		for _, object := range configurations() {
			assert.True(t, gone(t, object))
		}
		for _, name := range authorshipPolicies {
			assert.True(t, gone(t, &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}))
			assert.True(t, gone(t, &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name}}))
		}
		assert.True(t, gone(t, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook", Namespace: namespace}}))
		assert.False(t, gone(t, policy))
		for _, generated := range generatedCRDs(t) {
			crd := &apiextensionsv1.CustomResourceDefinition{}
			require.NoError(t, server.Get(t.Context(), client.ObjectKeyFromObject(generated), crd))
			assert.Nil(t, crd.DeletionTimestamp, "its objects are about to go with it")
		}
		assert.False(t, gone(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook-ca", Namespace: namespace}}))
	})
	step("installed again, it takes the CRDs over", func(t *testing.T) {
		_, err := helm(t, "install", "quiesce", chart, "--set", "crds.keep=false")
		require.NoError(t, err)
		assert.False(t, gone(t, policy))
	})
	step("without crds.keep, uninstall takes them along", func(t *testing.T) {
		_, err := helm(t, "uninstall", "quiesce", "--no-hooks")
		require.NoError(t, err)
		for _, crd := range generatedCRDs(t) {
			waitGone(t, &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.GetName()}})
		}
	})
}

var policyInNotes = regexp.MustCompile(`(?s)policy\.yaml such as\n\n(.*?)\n\n   and\n`)

// examplePolicy is the one that the notes show.
func examplePolicy(t *testing.T, notes string) *unstructured.Unstructured {
	t.Helper()
	match := policyInNotes.FindStringSubmatch(notes)
	require.NotNil(t, match, "no policy in the notes:\n%s", notes)
	policies := objects(t, []byte(match[1]))
	require.Len(t, policies, 1)
	return policies[0]
}

// waitForCRDs waits until the API server serves the chart's kinds, which it does only where their schemas are
// structural.
func waitForCRDs(t *testing.T) {
	t.Helper()
	for _, want := range generatedCRDs(t) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, server.Get(t.Context(), client.ObjectKeyFromObject(want), crd))
			established := false
			for _, condition := range crd.Status.Conditions {
				assert.NotEqual(c, apiextensionsv1.NonStructuralSchema, condition.Type, condition.Message)
				if condition.Type == apiextensionsv1.Established {
					established = condition.Status == apiextensionsv1.ConditionTrue
				}
			}
			assert.True(c, established)
		}, 30*time.Second, 100*time.Millisecond)
	}
}

// configurations are those by which the API server calls the webhook.
func configurations() []client.Object {
	name := metav1.ObjectMeta{Name: "quiesce-webhook"}
	return []client.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: name},
		&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: name},
	}
}

func webhooks(t *testing.T) ([]admissionregistrationv1.MutatingWebhook, []admissionregistrationv1.ValidatingWebhook) {
	t.Helper()
	var (
		mutating   admissionregistrationv1.MutatingWebhookConfiguration
		validating admissionregistrationv1.ValidatingWebhookConfiguration
	)
	require.NoError(t, server.Get(t.Context(), client.ObjectKey{Name: "quiesce-webhook"}, &mutating))
	require.NoError(t, server.Get(t.Context(), client.ObjectKey{Name: "quiesce-webhook"}, &validating))
	require.Len(t, mutating.Webhooks, 5)
	require.Len(t, validating.Webhooks, 3)
	return mutating.Webhooks, validating.Webhooks
}

// writeCA does what the controller does at run time.
func writeCA(t *testing.T) []byte {
	t.Helper()
	ca := []byte("-----BEGIN CERTIFICATE-----\nZm9yIHRoZSBjaGFydCB0ZXN0\n-----END CERTIFICATE-----\n")
	clientConfig := func() *applyv1.WebhookClientConfigApplyConfiguration {
		return applyv1.WebhookClientConfig().WithCABundle(ca...)
	}
	for _, patch := range []runtime.ApplyConfiguration{
		applyv1.MutatingWebhookConfiguration("quiesce-webhook").WithWebhooks(
			applyv1.MutatingWebhook().WithName(gateWebhook).WithClientConfig(clientConfig()),
			applyv1.MutatingWebhook().WithName(podsWebhook).WithClientConfig(clientConfig()),
			applyv1.MutatingWebhook().WithName(restoredPodsWebhook).WithClientConfig(clientConfig()),
			applyv1.MutatingWebhook().WithName("library.quiesce.io").WithClientConfig(clientConfig()),
			applyv1.MutatingWebhook().WithName("policies.quiesce.io").WithClientConfig(clientConfig())),
		applyv1.ValidatingWebhookConfiguration("quiesce-webhook").WithWebhooks(
			applyv1.ValidatingWebhook().WithName("library.quiesce.io").WithClientConfig(clientConfig()),
			applyv1.ValidatingWebhook().WithName("library-in-use.quiesce.io").WithClientConfig(clientConfig()),
			applyv1.ValidatingWebhook().WithName("policies.quiesce.io").WithClientConfig(clientConfig())),
	} {
		require.NoError(t, server.Apply(t.Context(), patch, client.FieldOwner("quiesce-controller")))
	}
	return ca
}

func gone(t *testing.T, object client.Object) bool {
	t.Helper()
	live, ok := object.DeepCopyObject().(client.Object)
	require.True(t, ok)
	err := server.Get(t.Context(), client.ObjectKeyFromObject(object), live)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return true
	}
	require.NoError(t, err)
	return false
}

// waitGone waits for the end of an object that is being deleted.
//
// Deleting a CRD, the API server can miss its own cue: when its first look at the instances fails, it writes so into the
// CRD, tries again from a cached copy that does not have that yet, meets a conflict, and relies on the event of the change,
// which it ignores as its own (apiextensions-apiserver 1.37, pkg/controller/finalizer/crd_finalizer.go, sync and
// updateCustomResourceDefinition). So it goes on at the next resync only, after minutes. Any other change of the CRD is cue enough.
func waitGone(t *testing.T, object client.Object) {
	t.Helper()
	_, isCRD := object.(*apiextensionsv1.CustomResourceDefinition)
	isCRD = isCRD || object.GetObjectKind().GroupVersionKind().Kind == "CustomResourceDefinition"
	live, ok := object.DeepCopyObject().(client.Object)
	require.True(t, ok)
	tries := 0
	assert.Eventually(t, func() bool {
		tries++
		if isCRD && tries%20 == 0 {
			cue := fmt.Sprintf(`{"metadata": {"annotations": {"quiesce.test/cue": "%d"}}}`, tries)
			_ = server.Patch(context.Background(), live, client.RawPatch(types.MergePatchType, []byte(cue)))
		}
		err := server.Get(context.Background(), client.ObjectKeyFromObject(object), live)
		return apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
	}, time.Minute, 100*time.Millisecond, "%T %s", object, object.GetName())
}
