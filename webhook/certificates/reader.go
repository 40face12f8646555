package certificates

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	cmtls "github.com/cert-manager/cert-manager/pkg/server/tls"
	"github.com/cert-manager/cert-manager/pkg/server/tls/authority"
	"github.com/cert-manager/cert-manager/pkg/util/pki"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// leafDuration is how long a serving certificate is valid; the Source renews it after two thirds.
	leafDuration = 7 * 24 * time.Hour
	// rotationSettle is how long a new CA waits before it signs: the caBundle must name it first, and every API server
	// have seen that. The old CA is trusted all the while.
	rotationSettle = 20 * time.Second
	// clockSkew is how far behind ours the clock of an API server may be.
	clockSkew = 5 * time.Minute
)

// reader is an authority that only reads the CA, as the webhook has no right to write it. cert-manager's own
// DynamicAuthority would try to renew it, and not load one that is due for renewal though still valid.
type reader struct {
	client            kubernetes.Interface
	namespace, secret string
	settle            time.Duration

	lock     sync.Mutex
	ca       *tls.Certificate
	watchers []chan<- struct{}
}

var _ cmtls.Authority = (*reader)(nil)

// Run watches the Secret until the context ends.
func (r *reader) Run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactoryWithOptions(r.client, 0, informers.WithNamespace(r.namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector("metadata.name", r.secret).String()
		}))
	informer := factory.Core().V1().Secrets().Informer()
	seen := make(chan *corev1.Secret)
	see := func(object any) {
		if secret, isSecret := object.(*corev1.Secret); isSecret {
			select {
			case seen <- secret:
			case <-ctx.Done():
			}
		}
	}
	// A deletion changes nothing: the CA is trusted until another takes its place.
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, secret any) { see(secret) }}); err != nil {
		return fmt.Errorf("watching the CA: %w", err)
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	r.follow(ctx, seen)
	return nil
}

// follow takes the first CA up at once and every later one when it has settled.
func (r *reader) follow(ctx context.Context, seen <-chan *corev1.Secret) {
	var (
		next    *tls.Certificate
		settled <-chan time.Time
	)
	for {
		select {
		case <-ctx.Done():
			return
		case secret := <-seen:
			ca, err := readCA(secret, time.Now())
			switch {
			case err != nil:
				logf.FromContext(ctx).Error(err, "The Secret with the CA cannot be used; quiesce-controller will mend it", "secret", secret.Name)
			case r.current() == nil:
				r.use(ca)
			case bytes.Equal(r.current().Certificate[0], ca.Certificate[0]):
				settled = nil // as it is, or as it was before a change that was taken back
			default:
				next, settled = ca, time.After(r.settle)
			}
		case <-settled:
			r.use(next)
			settled = nil
		}
	}
}

func (r *reader) current() *tls.Certificate {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.ca
}

func (r *reader) use(ca *tls.Certificate) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.ca = ca
	for _, watcher := range r.watchers {
		select {
		case watcher <- struct{}{}:
		default: // it has not taken the last notice yet
		}
	}
}

// readCA reads the certificate and key of a CA that is valid.
func readCA(secret *corev1.Secret, now time.Time) (*tls.Certificate, error) {
	ca, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	switch {
	case err != nil:
		return nil, err
	case !ca.Leaf.IsCA:
		return nil, errors.New("its certificate is not that of a CA")
	case now.After(ca.Leaf.NotAfter):
		return nil, fmt.Errorf("its certificate has expired on %s", ca.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &ca, nil
}

// Sign signs a serving certificate. It is never valid for longer than the CA.
func (r *reader) Sign(template *x509.Certificate) (*x509.Certificate, error) {
	ca := r.current()
	if ca == nil {
		return nil, authority.ErrCertificateNotAvailable
	}
	template.BasicConstraintsValid = true
	template.NotBefore = time.Now().Add(-clockSkew)
	template.NotAfter = time.Now().Add(leafDuration)
	if ca.Leaf.NotAfter.Before(template.NotAfter) {
		template.NotAfter = ca.Leaf.NotAfter
	}
	_, certificate, err := pki.SignCertificate(template, ca.Leaf, template.PublicKey, ca.PrivateKey)
	return certificate, err
}

// WatchRotation implements cmtls.Authority.
func (r *reader) WatchRotation(watcher chan<- struct{}) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.watchers = append(r.watchers, watcher)
}

// StopWatchingRotation implements cmtls.Authority.
func (r *reader) StopWatchingRotation(watcher chan<- struct{}) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.watchers = slices.DeleteFunc(r.watchers, func(w chan<- struct{}) bool { return w == watcher })
}
