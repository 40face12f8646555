package requests

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

var errCertificates = errors.New("write certificates in PEM, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----")

// ParseAuthorities reads certificates in PEM: all of them, as one that was left out would be missed only when a server is to be verified.
func ParseAuthorities(text string) (*x509.CertPool, error) {
	pool, rest := x509.NewCertPool(), []byte(text)
	for n := 1; ; n++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil && (n == 1 || len(bytes.TrimSpace(rest)) > 0):
			return nil, errCertificates
		case block == nil:
			return pool, nil
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("it has a %s: %w, and nothing else", block.Type, errCertificates)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w: %w", n, err, errCertificates)
		}
		pool.AddCert(certificate)
	}
}
