// Package certificates keeps the webhook reachable over TLS: a CA in a Secret, a serving certificate for each replica,
// and the caBundle by which the API server trusts them.
package certificates

import (
	"context"

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
	return &Authority{&authority.DynamicAuthority{
		RESTConfig:      config,
		SecretNamespace: namespace,
		SecretName:      secret,
		SecretLabels:    map[string]string{"app.kubernetes.io/managed-by": "quiesce-controller"},
		CommonName:      commonName,
	}}
}

// Start implements manager.Runnable.
func (a *Authority) Start(ctx context.Context) error {
	return a.dynamic.Run(withLogger(ctx, "authority"))
}

// withLogger hands our logger to cert-manager's library, which otherwise writes to klog.
func withLogger(ctx context.Context, name string) context.Context {
	return logr.NewContext(ctx, logf.Log.WithName(name))
}
