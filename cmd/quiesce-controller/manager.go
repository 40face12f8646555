package main

import (
	"errors"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	controllerconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session"
	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
	"github.com/quiesce-io/quiesce/hooks/status"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/webhook/certificates"
)

// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=quiesce-system,resources=leases,verbs=get;create;update
// +kubebuilder:rbac:groups="";events.k8s.io,namespace=quiesce-system,resources=events,verbs=create;patch

type options struct {
	metricsBindAddress, healthProbeBindAddress string
	leaderElect                                bool
	scope                                      match.Scope
	policies                                   policies.Options
	stampsPerSecond                            int
	sessions                                   sessionOptions
	signals                                    signalOptions
	deliverTemplates                           bool
	caSecretName, webhookConfigurationName     string
}

// newScheme knows the types of Kubernetes, and ours.
func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("building the scheme: %w", err)
	}
	return scheme, nil
}

// newManager wires the controllers. Its cache holds the one Secret and the two webhook configurations that are ours.
func newManager(config *rest.Config, options options) (manager.Manager, *session.Reconciler, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, nil, err
	}
	secret := types.NamespacedName{Namespace: options.scope.Own, Name: options.caSecretName}
	configuration := fields.OneTermEqualSelector("metadata.name", options.webhookConfigurationName)
	mgr, err := manager.New(config, manager.Options{
		Scheme:                        scheme,
		Metrics:                       metricsserver.Options{BindAddress: options.metricsBindAddress},
		HealthProbeBindAddress:        options.healthProbeBindAddress,
		LeaderElection:                options.leaderElect,
		LeaderElectionID:              "quiesce-controller",
		LeaderElectionNamespace:       options.scope.Own,
		LeaderElectionReleaseOnCancel: true,
		// A controller that waits to lead is ready when its caches are: a roll-out waits for that before it ends the one that leads.
		Controller: controllerconfig.Controller{EnableWarmup: new(true)},
		Cache: cache.Options{
			ReaderFailOnMissingInformer: true,
			DefaultTransform:            cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Pod{}: {Transform: (&keeper.Slimmer{}).Pod},
				&corev1.Secret{}: {
					Namespaces: map[string]cache.Config{secret.Namespace: {}},
					Field:      fields.OneTermEqualSelector("metadata.name", secret.Name),
				},
				&admissionregistrationv1.MutatingWebhookConfiguration{}:   {Field: configuration},
				&admissionregistrationv1.ValidatingWebhookConfiguration{}: {Field: configuration},
			},
		},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("setting up the controller: %w", err)
	}
	loader, err := policies.NewLoader(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetCache(), options.policies)
	if err != nil {
		return nil, nil, fmt.Errorf("setting up policies: %w", err)
	}
	if err := addStamping(mgr, loader, options); err != nil {
		return nil, nil, fmt.Errorf("setting up stamping: %w", err)
	}
	sessions, err := addSessions(mgr, loader, options)
	if err != nil {
		return nil, nil, fmt.Errorf("setting up sessions: %w", err)
	}
	if err := addSignals(mgr, loader, sessions, options); err != nil {
		return nil, nil, fmt.Errorf("setting up Velero's signals: %w", err)
	}
	if err := addLibrary(mgr); err != nil {
		return nil, nil, fmt.Errorf("setting up the library: %w", err)
	}
	if err := addDelivery(mgr, options.deliverTemplates); err != nil {
		return nil, nil, fmt.Errorf("setting up the application library: %w", err)
	}
	injector := &certificates.Injector{Client: mgr.GetClient(), Secret: secret, Configuration: options.webhookConfigurationName}
	if err := injector.SetupWithManager(mgr); err != nil {
		return nil, nil, fmt.Errorf("setting up the caBundle: %w", err)
	}
	if err := mgr.Add(certificates.NewAuthority(config, secret.Namespace, secret.Name)); err != nil {
		return nil, nil, fmt.Errorf("setting up the CA: %w", err)
	}
	if err := errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ca-bundle", injector.Check)); err != nil {
		return nil, nil, fmt.Errorf("adding a health check: %w", err)
	}
	return mgr, sessions, nil
}

// addStamping adds what has to do with policies and stamps: the loader, the keeper of stamps, and the status.
func addStamping(mgr manager.Manager, loader *policies.Loader, options options) error {
	reporter := status.NewReporter(mgr.GetClient(), mgr.GetEventRecorder("quiesce-controller"))
	stamps := &keeper.Keeper{
		Client: mgr.GetClient(), Policies: loader, Scope: options.scope,
		StampsPerSecond: options.stampsPerSecond, Audience: reporter.Take,
	}
	return errors.Join(mgr.Add(loader), stamps.SetupWithManager(mgr), mgr.Add(reporter))
}
