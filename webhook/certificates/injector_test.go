package certificates

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const configurationName = "quiesce-webhook"

// injected is an Injector over a cluster with a CA, and how often it has written.
func injected(t *testing.T, objects ...client.Object) (injector *Injector, writes *int, ca []byte) {
	t.Helper()
	secret, _ := newCA(t, commonName, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	secret.Name, secret.Namespace = "ca", "quiesce-system"
	ca = secret.Data[corev1.TLSCertKey]
	secret.Data[cmmeta.TLSCAKey] = ca
	writes = new(int)
	counting := interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, patch runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			*writes++
			return c.Apply(ctx, patch, options...)
		},
	}
	return &Injector{
		Client:        fake.NewClientBuilder().WithObjects(append(objects, secret)...).WithInterceptorFuncs(counting).Build(),
		Secret:        types.NamespacedName{Name: "ca", Namespace: "quiesce-system"},
		Configuration: configurationName,
	}, writes, ca
}

func mutatingConfiguration(names ...string) *admissionregistrationv1.MutatingWebhookConfiguration {
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: configurationName}}
	for _, name := range names {
		configuration.Webhooks = append(configuration.Webhooks, admissionregistrationv1.MutatingWebhook{Name: name})
	}
	return configuration
}

func validatingConfiguration(names ...string) *admissionregistrationv1.ValidatingWebhookConfiguration {
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: configurationName}}
	for _, name := range names {
		configuration.Webhooks = append(configuration.Webhooks, admissionregistrationv1.ValidatingWebhook{Name: name})
	}
	return configuration
}

// bundles are the caBundles of all webhooks that there are.
func bundles(t *testing.T, c client.Client) (all []string) {
	t.Helper()
	var mutating admissionregistrationv1.MutatingWebhookConfigurationList
	require.NoError(t, c.List(t.Context(), &mutating))
	for i := range mutating.Items {
		for j := range mutating.Items[i].Webhooks {
			all = append(all, string(mutating.Items[i].Webhooks[j].ClientConfig.CABundle))
		}
	}
	var validating admissionregistrationv1.ValidatingWebhookConfigurationList
	require.NoError(t, c.List(t.Context(), &validating))
	for i := range validating.Items {
		for j := range validating.Items[i].Webhooks {
			all = append(all, string(validating.Items[i].Webhooks[j].ClientConfig.CABundle))
		}
	}
	return all
}

func check(t *testing.T, injector *Injector) error {
	t.Helper()
	return injector.Check(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
}

func TestTheCAComesIntoEveryWebhookOfBothKinds(t *testing.T) {
	tests := map[string]struct {
		objects []client.Object
		writes  int
		bundles int
	}{
		"both":             {[]client.Object{mutatingConfiguration("pods", "policies"), validatingConfiguration("policies")}, 2, 3},
		"only mutating":    {[]client.Object{mutatingConfiguration("pods", "policies")}, 1, 2},
		"only validating":  {[]client.Object{validatingConfiguration("policies")}, 1, 1},
		"neither":          {nil, 0, 0},
		"ones without any": {[]client.Object{mutatingConfiguration(), validatingConfiguration()}, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			injector, writes, ca := injected(t, test.objects...)
			assert.Equal(t, test.writes > 0, check(t, injector) != nil, "ready once the API server can call what there is")
			for range 2 { // the second finds nothing to do
				_, err := injector.Reconcile(t.Context(), reconcile.Request{})
				require.NoError(t, err)
				assert.Equal(t, test.writes, *writes)
			}
			require.NoError(t, check(t, injector))
			got := bundles(t, injector.Client)
			assert.Len(t, got, test.bundles)
			for _, bundle := range got {
				assert.Equal(t, string(ca), bundle)
			}
		})
	}
}

func TestAConfigurationThatHasTheCAIsNotWritten(t *testing.T) {
	injector, writes, ca := injected(t, mutatingConfiguration("pods"))
	_, err := injector.Reconcile(t.Context(), reconcile.Request{})
	require.NoError(t, err)
	require.Equal(t, 1, *writes)

	configuration := validatingConfiguration("policies")
	require.NoError(t, injector.Client.Create(t.Context(), configuration))
	require.ErrorContains(t, check(t, injector), "the caBundle is not written yet")
	_, err = injector.Reconcile(t.Context(), reconcile.Request{})
	require.NoError(t, err)
	assert.Equal(t, 2, *writes, "only the one that lacks it")
	assert.Equal(t, []string{string(ca), string(ca)}, bundles(t, injector.Client))
}

func TestWithoutACAThereIsNothingToWriteAndNobodyIsReady(t *testing.T) {
	injector, writes, _ := injected(t, mutatingConfiguration("pods"))
	require.NoError(t, injector.Client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ca", Namespace: "quiesce-system"}}))
	_, err := injector.Reconcile(t.Context(), reconcile.Request{})
	require.NoError(t, err)
	assert.Zero(t, *writes)
	assert.ErrorContains(t, check(t, injector), "the CA: ")
}

func TestABrokenCAIsAnErrorThatNamesTheSecret(t *testing.T) {
	for name, configuration := range map[string]client.Object{"mutating": mutatingConfiguration("pods"), "validating": validatingConfiguration("policies")} {
		t.Run(name, func(t *testing.T) {
			injector, writes, _ := injected(t, configuration)
			secret := &corev1.Secret{}
			require.NoError(t, injector.Client.Get(t.Context(), injector.Secret, secret))
			secret.Data[cmmeta.TLSCAKey] = []byte("no certificate")
			require.NoError(t, injector.Client.Update(t.Context(), secret))
			_, err := injector.Reconcile(t.Context(), reconcile.Request{})
			require.ErrorContains(t, err, "secret quiesce-system/ca: the CA certificate")
			assert.Zero(t, *writes)
			assert.Error(t, check(t, injector))
		})
	}
}
