// Package webhook is the admission side of Quiesce: it stamps backup hook annotations on pods that are being created, and
// adds init containers to those that a restore creates. And it has Velero's Backups and Restores wait until their pods are quiesced.
package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/release"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/webhook/authoring"
	"github.com/quiesce-io/quiesce/webhook/certificates"
)

// +kubebuilder:rbac:groups="",namespace=quiesce-system,resources=secrets,resourceNames=quiesce-webhook-ca,verbs=get;list;watch

// Options are the settings of the webhook.
type Options struct {
	// Host to listen on; empty for all addresses.
	Host string
	// Port to listen on.
	Port int
	// MetricsBindAddress and HealthProbeBindAddress are host:port; "0" switches the endpoint off.
	MetricsBindAddress, HealthProbeBindAddress string
	// Scope says which namespaces may take part; Quiesce runs in its Own.
	Scope match.Scope
	// Policies are the settings on which they depend.
	Policies policies.Options
	// Markers by which restored pods are known.
	Markers restore.Markers
	// ServiceName by which the API server reaches the webhook.
	ServiceName string
	// CASecretName is the Secret, in the same namespace, that holds the CA. The controller keeps it.
	CASecretName string
	// Gate says what becomes of Velero's Backups and Restores.
	Gate GateOptions
	// ShutdownDelay is the time between failing readiness and closing the listener.
	ShutdownDelay time.Duration
}

// shutdownTimeout is how long requests under way may take to end. The API server waits 30 s at most for a webhook.
const shutdownTimeout = 30 * time.Second

// Run serves the webhook until the context ends, then drains. It is ready when the listener answers, with a certificate,
// and the policies are compiled.
func Run(ctx context.Context, config *rest.Config, options Options) error {
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), coordinationv1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("building the scheme: %w", err)
	}
	source, err := certificates.NewSource(config, options.Scope.Own, options.CASecretName, options.ServiceName)
	if err != nil {
		return fmt.Errorf("setting up certificates: %w", err)
	}
	server := ctrlwebhook.NewServer(ctrlwebhook.Options{
		Host: options.Host,
		Port: options.Port,
		TLSOpts: []func(*tls.Config){func(config *tls.Config) {
			config.MinVersion = tls.VersionTLS12
			config.GetCertificate = source.GetCertificate
		}},
	})
	graceful := shutdownTimeout
	mgr, err := manager.New(config, manager.Options{
		Scheme:                  scheme,
		Metrics:                 metricsserver.Options{BindAddress: options.MetricsBindAddress},
		HealthProbeBindAddress:  options.HealthProbeBindAddress,
		WebhookServer:           server,
		GracefulShutdownTimeout: &graceful,
		Cache: cache.Options{
			// An informer that nobody asked for would read more of the cluster than our rights allow.
			ReaderFailOnMissingInformer: true,
			DefaultTransform:            cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				namespaceMetadata(): {UnsafeDisableDeepCopy: new(true)},
			},
		},
	})
	if err != nil {
		return fmt.Errorf("setting up the webhook: %w", err)
	}
	if _, err := mgr.GetCache().GetInformer(ctx, namespaceMetadata(), cache.BlockUntilSynced(false)); err != nil {
		return fmt.Errorf("watching namespaces: %w", err)
	}
	if err := watchLibrary(ctx, mgr.GetCache()); err != nil {
		return err
	}
	loader, err := policies.NewLoader(config, mgr.GetHTTPClient(), mgr.GetCache(), options.Policies)
	if err != nil {
		return fmt.Errorf("setting up the policies: %w", err)
	}
	live, err := unlimited(config, mgr.GetHTTPClient(), scheme)
	if err != nil {
		return fmt.Errorf("setting up the guard of the library: %w", err)
	}
	namespaces := cachedNamespaces{mgr.GetCache()}
	handlers := map[string]http.Handler{
		StampPath: &review{handler: &stamper{policies: loader, namespaces: namespaces, scope: options.Scope}},
		PreparePath: &review{policyDecides: true, handler: &preparer{
			policies: loader, namespaces: liveNamespaces{namespaces, mgr.GetAPIReader()}, scope: options.Scope, markers: options.Markers}},
		authoring.ValidatePath: &review{handler: &authoring.Validator{Check: match.Check, Resolve: resolver(loader), Library: lookup(mgr.GetCache())}},
		authoring.AuthorPath:   &review{handler: &authoring.Recorder{}},
		authoring.ValidateLibraryPath: &review{handler: &authoring.LibraryValidator{
			CheckScript: library.CheckScript, CheckTemplate: library.CheckTemplate, Library: lookup(mgr.GetCache()),
		}},
		authoring.LibraryAuthorPath: &review{handler: &authoring.Recorder{Library: true}},
		authoring.GuardLibraryPath:  &review{handler: &authoring.Guard{Live: live}},
	}
	runnables := []manager.Runnable{source, loader}
	if options.Gate.Enabled {
		direct, err := client.New(config, client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: scheme})
		if err != nil {
			return fmt.Errorf("setting up the gate: %w", err)
		}
		runnables = append(runnables, &gone{
			client: direct, lease: types.NamespacedName{Namespace: options.Scope.Own, Name: controllerLease},
			releaser: &release.Releaser{Client: direct}, options: options.Gate,
		})
		handlers[GatePath] = &review{handler: &gate{policies: loader, namespaces: namespaces, scope: options.Scope, now: time.Now}}
	}
	for path, handler := range handlers {
		// Asking for the server is what makes the manager run it.
		mgr.GetWebhookServer().Register(path, handler)
	}
	draining := &drain{}
	for name, check := range map[string]healthz.Checker{
		"listener": func(request *http.Request) error {
			if !source.Healthy() {
				return errors.New("no serving certificate yet: quiesce-controller makes the CA")
			}
			return server.StartedChecker()(request)
		},
		"policies": func(*http.Request) error {
			if loader.Compiled() == nil {
				return errors.New("the policies are not loaded yet")
			}
			return nil
		},
		"draining": draining.check,
	} {
		if err := mgr.AddReadyzCheck(name, check); err != nil {
			return fmt.Errorf("adding a readiness check: %w", err)
		}
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("adding a health check: %w", err)
	}
	for _, runnable := range runnables {
		if err := mgr.Add(runnable); err != nil {
			return fmt.Errorf("adding to the manager: %w", err)
		}
	}
	return mgr.Start(draining.until(ctx, options.ShutdownDelay))
}
