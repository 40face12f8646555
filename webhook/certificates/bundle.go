package certificates

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// bundle is the caBundle for a current CA: its certificate, and after it the one before it out of the existing bundle,
// while that is still valid. Replicas present leaves of the old CA until they have noticed the new one, and the API
// server must believe both. A third is never kept.
func bundle(current, existing []byte, now time.Time) ([]byte, error) {
	wanted, err := parse(current)
	if err != nil {
		return nil, fmt.Errorf("the CA certificate: %w", err)
	}
	if len(wanted) != 1 {
		return nil, fmt.Errorf("the CA certificate: got %d certificates, want one", len(wanted))
	}
	kept := wanted
	// An unreadable bundle is replaced: nothing can be lost by it.
	if previous := newest(existing, wanted[0], now); previous != nil {
		kept = append(kept, previous)
	}
	var encoded bytes.Buffer
	for _, certificate := range kept {
		if err := pem.Encode(&encoded, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}); err != nil {
			return nil, err
		}
	}
	return encoded.Bytes(), nil
}

// newest finds, in a bundle, the latest certificate of ours that is valid and not the current one.
func newest(existing []byte, current *x509.Certificate, now time.Time) *x509.Certificate {
	certificates, err := parse(existing)
	if err != nil {
		return nil
	}
	var found *x509.Certificate
	for _, certificate := range certificates {
		switch {
		case certificate.Equal(current), certificate.Subject.CommonName != commonName, now.After(certificate.NotAfter):
		case found == nil || certificate.NotBefore.After(found.NotBefore):
			found = certificate
		}
	}
	return found
}

func parse(bundle []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for rest := bundle; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, errors.New("no certificate in PEM form")
	}
	return certificates, nil
}
