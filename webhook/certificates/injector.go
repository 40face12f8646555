package certificates

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	applyv1 "k8s.io/client-go/applyconfigurations/admissionregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations,resourceNames=quiesce-webhook,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",namespace=quiesce-system,resources=secrets,resourceNames=quiesce-webhook-ca,verbs=get;list;watch;update
// +kubebuilder:rbac:groups="",namespace=quiesce-system,resources=secrets,verbs=create

// fieldOwner owns the caBundle, and nothing else, of the webhook configuration, so that an upgrade of the chart, which
// does not name that field, leaves it alone.
const fieldOwner = client.FieldOwner("quiesce-controller-ca")

// Injector writes the CA into the caBundle of every webhook of a MutatingWebhookConfiguration.
type Injector struct {
	Client client.Client
	// Secret that holds the CA.
	Secret types.NamespacedName
	// Configuration by name.
	Configuration string
}

var _ reconcile.Reconciler = (*Injector)(nil)

// SetupWithManager makes the Injector run when either the CA or the configuration changes.
func (i *Injector) SetupWithManager(mgr ctrl.Manager) error {
	always := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: i.Configuration}}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("ca-injector").
		Watches(&admissionregistrationv1.MutatingWebhookConfiguration{}, always).
		Watches(&corev1.Secret{}, always).
		Complete(i)
}

// Reconcile implements reconcile.Reconciler.
func (i *Injector) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	patch, changed, err := i.plan(ctx)
	if err != nil || !changed {
		return reconcile.Result{}, err
	}
	if err := i.Client.Apply(ctx, patch, fieldOwner, client.ForceOwnership); err != nil {
		return reconcile.Result{}, fmt.Errorf("writing the caBundle of %s: %w", i.Configuration, err)
	}
	logf.FromContext(ctx).Info("The CA is in the webhook configuration", "name", i.Configuration)
	return reconcile.Result{}, nil
}

// Check is a readiness check, so that an installation that waits for us ends when the API server can call the webhook.
// Without a webhook configuration, as after an emergency, there is nothing to wait for.
func (i *Injector) Check(request *http.Request) error {
	var secret corev1.Secret
	if err := i.Client.Get(request.Context(), i.Secret, &secret); err != nil {
		return fmt.Errorf("the CA: %w", err)
	}
	if _, changed, err := i.plan(request.Context()); err != nil || changed {
		return errors.Join(err, errors.New("the caBundle is not written yet"))
	}
	return nil
}

// plan is what to apply to the webhook configuration, and whether that would change it.
func (i *Injector) plan(ctx context.Context) (patch *applyv1.MutatingWebhookConfigurationApplyConfiguration, changed bool, err error) {
	var (
		secret        corev1.Secret
		configuration admissionregistrationv1.MutatingWebhookConfiguration
	)
	for key, object := range map[types.NamespacedName]client.Object{i.Secret: &secret, {Name: i.Configuration}: &configuration} {
		if err := i.Client.Get(ctx, key, object); err != nil {
			// The Authority makes the Secret in a moment, the chart the configuration, and we are called again.
			return nil, false, client.IgnoreNotFound(err)
		}
	}
	patch = applyv1.MutatingWebhookConfiguration(i.Configuration)
	for j := range configuration.Webhooks {
		webhook := &configuration.Webhooks[j]
		wanted, err := bundle(secret.Data[cmmeta.TLSCAKey], webhook.ClientConfig.CABundle, time.Now())
		if err != nil {
			return nil, false, fmt.Errorf("secret %s: %w", i.Secret, err)
		}
		changed = changed || !bytes.Equal(wanted, webhook.ClientConfig.CABundle)
		patch.WithWebhooks(applyv1.MutatingWebhook().WithName(webhook.Name).
			WithClientConfig(applyv1.WebhookClientConfig().WithCABundle(wanted...)))
	}
	return patch, changed, nil
}
