package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"github.com/cert-manager/cert-manager/pkg/server/tls/authority"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// caSecret is a Secret with a CA that is valid for so long from now.
func caSecret(t *testing.T, valid time.Duration) (*corev1.Secret, *x509.Certificate) {
	t.Helper()
	return newCA(t, commonName, time.Now().AddDate(-1, 0, 0), time.Now().Add(valid))
}

func leaf(t *testing.T, r *reader) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	certificate, err := r.Sign(&x509.Certificate{PublicKeyAlgorithm: x509.ECDSA, PublicKey: key.Public(), DNSNames: []string{"x"}})
	require.NoError(t, err)
	return certificate
}

func TestTheFirstCASignsAtOnceAndALaterOneWhenItHasSettled(t *testing.T) {
	first, firstCA := caSecret(t, 100*24*time.Hour) // due for renewal, yet valid
	second, secondCA := caSecret(t, 365*24*time.Hour)
	r := &reader{settle: 200 * time.Millisecond}
	_, err := r.Sign(&x509.Certificate{})
	require.ErrorIs(t, err, authority.ErrCertificateNotAvailable)

	rotated := make(chan struct{}, 1)
	r.WatchRotation(rotated)
	seen := make(chan *corev1.Secret)
	go r.follow(t.Context(), seen)
	seen <- first
	<-rotated
	require.NoError(t, leaf(t, r).CheckSignatureFrom(firstCA))

	begun := time.Now()
	seen <- second
	seen <- &corev1.Secret{} // a broken one changes nothing
	require.NoError(t, leaf(t, r).CheckSignatureFrom(firstCA), "the caBundle may not name the second yet")
	select {
	case <-rotated:
	case <-time.After(time.Minute):
		t.Fatal("the second CA was never taken up")
	}
	assert.GreaterOrEqual(t, time.Since(begun), r.settle)
	require.NoError(t, leaf(t, r).CheckSignatureFrom(secondCA))
	r.StopWatchingRotation(rotated)
	assert.Empty(t, r.watchers)
}

func TestACAThatIsTakenBackNeverSigns(t *testing.T) {
	first, firstCA := caSecret(t, 365*24*time.Hour)
	second, _ := caSecret(t, 365*24*time.Hour)
	r := &reader{settle: 100 * time.Millisecond}
	rotated := make(chan struct{}, 1)
	r.WatchRotation(rotated)
	seen := make(chan *corev1.Secret)
	go r.follow(t.Context(), seen)
	seen <- first
	<-rotated
	seen <- second
	seen <- first
	select {
	case <-rotated:
		t.Fatal("the CA that was taken back was taken up")
	case <-time.After(5 * r.settle):
	}
	require.NoError(t, leaf(t, r).CheckSignatureFrom(firstCA))
}

func TestALeafIsNotValidForLongerThanItsCA(t *testing.T) {
	secret, ca := caSecret(t, time.Hour)
	r := &reader{}
	usable, err := readCA(secret, time.Now())
	require.NoError(t, err)
	r.use(usable)
	assert.Equal(t, ca.NotAfter, leaf(t, r).NotAfter)
	assert.WithinDuration(t, time.Now().Add(-clockSkew), leaf(t, r).NotBefore, time.Minute, "the API server's clock may be behind")
}

func TestACAThatHasExpiredOrIsNoneIsRefused(t *testing.T) {
	expired, _ := caSecret(t, -time.Hour)
	_, err := readCA(expired, time.Now())
	assert.ErrorContains(t, err, "has expired")
	_, err = readCA(&corev1.Secret{}, time.Now())
	assert.Error(t, err)
}
