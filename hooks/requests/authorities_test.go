package requests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAuthoritiesAreCertificatesAndNothingElse(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))

	for name, good := range map[string]string{"one": certificate, "two": certificate + "\n" + certificate + "\n \n", "what openssl writes ahead": "subject=CN = ca\n" + certificate} {
		pool, err := ParseAuthorities(good)
		require.NoError(t, err, name)
		assert.NotNil(t, pool, name)
	}
	for bad, want := range map[string]string{
		"": "write certificates in PEM", "ca.crt": "write certificates in PEM",
		certificate[:len(certificate)-10]:               "write certificates in PEM",
		certificate + certificate[:len(certificate)-10]: "write certificates in PEM",
		private:               "it has a PRIVATE KEY: write certificates in PEM",
		certificate + private: "it has a PRIVATE KEY",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "certificate 1: x509: malformed certificate",
	} {
		_, err := ParseAuthorities(bad)
		assert.ErrorContains(t, err, want, "%q", bad)
	}
}
