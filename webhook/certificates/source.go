package certificates

import (
	"context"

	cmtls "github.com/cert-manager/cert-manager/pkg/server/tls"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// Source serves certificates that this process signs for itself with the CA, and renews them as they age.
type Source struct {
	*cmtls.DynamicSource
}

var (
	_ manager.Runnable               = (*Source)(nil)
	_ manager.LeaderElectionRunnable = (*Source)(nil)
)

// NewSource returns a Source for the names under which the API server calls a Service. It has no certificate before the
// Secret with the CA is there.
func NewSource(config *rest.Config, namespace, secret, service string) (*Source, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Source{&cmtls.DynamicSource{
		DNSNames:  []string{service + "." + namespace + ".svc"},
		Authority: &reader{client: client, namespace: namespace, secret: secret, settle: rotationSettle},
	}}, nil
}

// Start implements manager.Runnable.
func (s *Source) Start(ctx context.Context) error {
	return s.DynamicSource.Start(withLogger(ctx, "certificates"))
}
