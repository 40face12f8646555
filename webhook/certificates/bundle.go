package certificates

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"k8s.io/client-go/util/cert"
)

// maxPrevious is how many CAs stay in the caBundle beside the current one: two, since the CA may change once more before
// replicas have taken the first change up.
const maxPrevious = 2

// bundle is the caBundle for a current CA: its certificate, and after it those before it out of the existing bundle, the
// latest first, while they are still valid. Replicas present leaves of an old CA until they have taken the new one up, and
// the API server must believe both.
func bundle(current, existing []byte, now time.Time) ([]byte, error) {
	wanted, err := cert.ParseCertsPEM(current)
	if err != nil {
		return nil, fmt.Errorf("the CA certificate: %w", err)
	}
	if len(wanted) != 1 {
		return nil, fmt.Errorf("the CA certificate: got %d certificates, want one", len(wanted))
	}
	var encoded bytes.Buffer
	for _, certificate := range append(wanted, previous(existing, wanted[0], now)...) {
		if err := pem.Encode(&encoded, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}); err != nil {
			return nil, err
		}
	}
	return encoded.Bytes(), nil
}

// previous finds, in a bundle, the latest certificates of ours that are valid and not the current one.
func previous(existing []byte, current *x509.Certificate, now time.Time) []*x509.Certificate {
	certificates, err := cert.ParseCertsPEM(existing)
	if err != nil {
		return nil // an unreadable bundle is replaced: nothing can be lost by it
	}
	certificates = slices.DeleteFunc(certificates, func(c *x509.Certificate) bool {
		return c.Equal(current) || c.Subject.CommonName != commonName || now.After(c.NotAfter)
	})
	// Stable, for CAs that were made within one second: the order of the bundle is that of their coming.
	slices.SortStableFunc(certificates, func(a, b *x509.Certificate) int { return b.NotBefore.Compare(a.NotBefore) })
	return certificates[:min(len(certificates), maxPrevious)]
}
