// Package certificates keeps the webhook reachable over TLS: a CA in a Secret, a serving certificate for each replica,
// and the caBundle by which the API server trusts them.
package certificates

import (
	"context"

	cmtls "github.com/cert-manager/cert-manager/pkg/server/tls"
	"github.com/cert-manager/cert-manager/pkg/server/tls/authority"
	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// commonName of the CA, by which its certificates are known in a caBundle.
const commonName = "quiesce-webhook-ca"

// Authority keeps the CA in its Secret: it makes one where there is none and renews it when two thirds of its year have
// passed. Only the elected controller runs it.
type Authority struct {
	dynamic *authority.DynamicAuthority
}

var _ manager.Runnable = (*Authority)(nil)

// NewAuthority returns an Authority over a Secret.
func NewAuthority(config *rest.Config, namespace, secret string) *Authority {
	return &Authority{dynamicAuthority(config, namespace, secret)}
}

// Start implements manager.Runnable.
func (a *Authority) Start(ctx context.Context) error {
	return a.dynamic.Run(withLogger(ctx, "authority"))
}

// Source serves certificates that this process signs for itself with the CA, which it only reads: while the Secret is
// missing or due for renewal it waits for the controller.
type Source struct {
	*cmtls.DynamicSource
}

var (
	_ manager.Runnable               = (*Source)(nil)
	_ manager.LeaderElectionRunnable = (*Source)(nil)
)

// NewSource returns a Source for the names under which the API server calls a Service.
func NewSource(config *rest.Config, namespace, secret, service string) *Source {
	return &Source{&cmtls.DynamicSource{
		DNSNames:  []string{service + "." + namespace + ".svc"},
		Authority: dynamicAuthority(config, namespace, secret),
	}}
}

// Start implements manager.Runnable.
func (s *Source) Start(ctx context.Context) error {
	return s.DynamicSource.Start(withLogger(ctx, "certificates"))
}

func dynamicAuthority(config *rest.Config, namespace, secret string) *authority.DynamicAuthority {
	return &authority.DynamicAuthority{
		RESTConfig:      config,
		SecretNamespace: namespace,
		SecretName:      secret,
		SecretLabels:    map[string]string{"app.kubernetes.io/managed-by": "quiesce-controller"},
		CommonName:      commonName,
	}
}

// withLogger hands our logger to cert-manager's library, which otherwise writes to klog.
func withLogger(ctx context.Context, name string) context.Context {
	return logr.NewContext(ctx, logf.Log.WithName(name))
}
