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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	applyv1 "k8s.io/client-go/applyconfigurations/admissionregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations;validatingwebhookconfigurations,resourceNames=quiesce-webhook,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",namespace=quiesce-system,resources=secrets,resourceNames=quiesce-webhook-ca,verbs=get;list;watch;update
// +kubebuilder:rbac:groups="",namespace=quiesce-system,resources=secrets,verbs=create

// fieldOwner owns the caBundle, and nothing else, of the webhook configurations, so that an upgrade of the chart, which
// does not name that field, leaves it alone.
const fieldOwner = client.FieldOwner("quiesce-controller-ca")

// Injector writes the CA into the caBundle of every webhook of two configurations, a MutatingWebhookConfiguration and a
// ValidatingWebhookConfiguration of the same name.
type Injector struct {
	Client client.Client
	// Secret that holds the CA.
	Secret types.NamespacedName
	// Configuration is the name of both.
	Configuration string
}

var _ reconcile.Reconciler = (*Injector)(nil)

// SetupWithManager makes the Injector run when either the CA or a configuration changes.
func (i *Injector) SetupWithManager(mgr ctrl.Manager) error {
	always := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: i.Configuration}}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("ca-injector").
		Watches(&admissionregistrationv1.MutatingWebhookConfiguration{}, always).
		Watches(&admissionregistrationv1.ValidatingWebhookConfiguration{}, always).
		Watches(&corev1.Secret{}, always).
		Complete(i)
}

// Reconcile implements reconcile.Reconciler.
func (i *Injector) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	patches, err := i.plan(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	for _, patch := range patches {
		if err := i.Client.Apply(ctx, patch, fieldOwner, client.ForceOwnership); err != nil {
			return reconcile.Result{}, fmt.Errorf("writing the caBundle of %s: %w", i.Configuration, err)
		}
		logf.FromContext(ctx).Info("The CA is in the webhook configuration", "kind", *patch.GetKind(), "name", i.Configuration)
	}
	return reconcile.Result{}, nil
}

// Check is a readiness check, so that an installation that waits for us ends when the API server can call the webhook.
// For a configuration that is absent, as after an emergency, there is nothing to wait for.
func (i *Injector) Check(request *http.Request) error {
	var secret corev1.Secret
	if err := i.Client.Get(request.Context(), i.Secret, &secret); err != nil {
		return fmt.Errorf("the CA: %w", err)
	}
	if patches, err := i.plan(request.Context()); err != nil || len(patches) > 0 {
		return errors.Join(err, errors.New("the caBundle is not written yet"))
	}
	return nil
}

// configurationPatch is what to apply to a configuration of either kind.
type configurationPatch interface {
	runtime.ApplyConfiguration
	GetKind() *string
}

// plan is what to apply to those of the two configurations that would change by it.
func (i *Injector) plan(ctx context.Context) ([]configurationPatch, error) {
	var secret corev1.Secret
	if err := i.Client.Get(ctx, i.Secret, &secret); err != nil {
		return nil, client.IgnoreNotFound(err) // the Authority makes it in a moment, and we are called again
	}
	var patches []configurationPatch
	for _, plan := range []func(context.Context, []byte) (configurationPatch, error){i.planMutating, i.planValidating} {
		patch, err := plan(ctx, secret.Data[cmmeta.TLSCAKey])
		if err != nil {
			return nil, err
		}
		if patch != nil {
			patches = append(patches, patch)
		}
	}
	return patches, nil
}

// planMutating returns nil where the configuration is as it should be, or absent: the chart makes it, and we are called
// again.
func (i *Injector) planMutating(ctx context.Context, ca []byte) (configurationPatch, error) {
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	if err := i.Client.Get(ctx, types.NamespacedName{Name: i.Configuration}, &configuration); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	patch, changed := applyv1.MutatingWebhookConfiguration(i.Configuration), false
	for j := range configuration.Webhooks {
		webhook := &configuration.Webhooks[j]
		wanted, err := i.bundle(ca, webhook.ClientConfig.CABundle)
		if err != nil {
			return nil, err
		}
		changed = changed || !bytes.Equal(wanted, webhook.ClientConfig.CABundle)
		patch.WithWebhooks(applyv1.MutatingWebhook().WithName(webhook.Name).
			WithClientConfig(applyv1.WebhookClientConfig().WithCABundle(wanted...)))
	}
	if !changed {
		return nil, nil
	}
	return patch, nil
}

// planValidating is planMutating for the other kind: the two share no type.
func (i *Injector) planValidating(ctx context.Context, ca []byte) (configurationPatch, error) {
	var configuration admissionregistrationv1.ValidatingWebhookConfiguration
	if err := i.Client.Get(ctx, types.NamespacedName{Name: i.Configuration}, &configuration); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	patch, changed := applyv1.ValidatingWebhookConfiguration(i.Configuration), false
	for j := range configuration.Webhooks {
		webhook := &configuration.Webhooks[j]
		wanted, err := i.bundle(ca, webhook.ClientConfig.CABundle)
		if err != nil {
			return nil, err
		}
		changed = changed || !bytes.Equal(wanted, webhook.ClientConfig.CABundle)
		patch.WithWebhooks(applyv1.ValidatingWebhook().WithName(webhook.Name).
			WithClientConfig(applyv1.WebhookClientConfig().WithCABundle(wanted...)))
	}
	if !changed {
		return nil, nil
	}
	return patch, nil
}

func (i *Injector) bundle(ca, existing []byte) ([]byte, error) {
	wanted, err := bundle(ca, existing, time.Now())
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", i.Secret, err)
	}
	return wanted, nil
}
