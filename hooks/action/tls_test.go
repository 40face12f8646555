package action

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

func (a authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

// sign makes a certificate for names and IPs, which is valid until a moment.
func (a authority) sign(t *testing.T, until time.Time, names []string, addresses ...net.IP) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		DNSNames: names, IPAddresses: addresses, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

// serveTLS is a server that says which name it was asked for.
func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.TLS.ServerName) }))
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func TestAServerIsVerifiedAndWhatIsWrongSaysWhatToWrite(t *testing.T) {
	known, other := newAuthority(t), newAuthority(t)
	later := time.Now().Add(time.Hour)
	byName := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{known.sign(t, later, []string{"db.example.com", "*.shop.svc"})}})
	byIP := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{known.sign(t, later, nil, net.IPv4(127, 0, 0, 1))}})
	named := func(at, name string) string { return strings.Replace(at, "127.0.0.1", name, 1) }
	expired := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{known.sign(t, time.Now().Add(-time.Hour), []string{"db.example.com"})}})
	nameless := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{known.sign(t, later, nil)}})
	old := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{known.sign(t, later, []string{"db.example.com"})}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	least := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{known.sign(t, later, []string{"db.example.com"})}, MaxVersion: tls.VersionTLS12})
	mutual := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{known.sign(t, later, []string{"db.example.com"})}, ClientAuth: tls.RequireAnyClientCert})
	mutualOld := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{known.sign(t, later, []string{"db.example.com"})}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12})
	plainServer := strings.Replace(serve(t, func(http.ResponseWriter, *http.Request) {}), "http://", "https://", 1)
	silent := strings.Replace(raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), "http://", "https://", 1)
	hangsUp := strings.Replace(raw(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1<<10)) }), "http://", "https://", 1)

	ca := TLSOptions{CA: known.pem()}
	tests := map[string]struct {
		at      string
		tls     TLSOptions
		reason  Reason
		process Process
		want    string // in the message, or the output of a success
	}{
		"the right authority and name":      {named(byName, "db.example.com"), ca, Succeeded, HasEnded, "db.example.com"},
		"the right authority and name, dot": {named(byName, "db.example.com."), ca, Succeeded, HasEnded, "db.example.com"},
		"one authority of two":              {named(byName, "db.example.com"), TLSOptions{CA: other.pem() + known.pem()}, Succeeded, HasEnded, "db.example.com"},
		"a name behind a wildcard":          {named(byName, "a.shop.svc"), ca, Succeeded, HasEnded, "a.shop.svc"},
		"the pod's IP in the certificate":   {byIP, ca, Succeeded, HasEnded, ""},
		"the pod's IP and a name":           {byName, TLSOptions{CA: known.pem(), ServerName: "db.example.com"}, Succeeded, HasEnded, "db.example.com"},
		"nothing verified":                  {byName, TLSOptions{InsecureSkipVerify: true}, Succeeded, HasEnded, ""},
		"nothing verified, though expired":  {expired, TLSOptions{InsecureSkipVerify: true}, Succeeded, HasEnded, ""},
		"the least version":                 {named(least, "db.example.com"), ca, Succeeded, HasEnded, "db.example.com"},
		"another authority":                 {named(byName, "db.example.com"), TLSOptions{CA: other.pem()}, TLSFailed, NeverRan, "the server's certificate is not of an authority in tls.ca: write there"},
		"no authority":                      {named(byName, "db.example.com"), TLSOptions{}, TLSFailed, NeverRan, "is of no authority that is known: write that authority's certificate in tls.ca, or where it is in tls.caFrom"},
		"another name":                      {named(byName, "own.example.com"), ca, TLSFailed, NeverRan, "the server's certificate is not for own.example.com: write in tls.serverName one of the names that it is for (db.example.com, *.shop.svc)"},
		"the pod's IP without a name":       {byName, ca, TLSFailed, NeverRan, "the server's certificate is not for 127.0.0.1: write in tls.serverName one of the names that it is for (db.example.com, *.shop.svc)"},
		"another name in serverName":        {byIP, TLSOptions{CA: known.pem(), ServerName: "db.example.com"}, TLSFailed, NeverRan, "the server's certificate is not for db.example.com: write in tls.serverName one of the names that it is for (127.0.0.1)"},
		"a certificate for nothing":         {named(nameless, "db.example.com"), ca, TLSFailed, NeverRan, "it has none: give it a subjectAltName"},
		"an expired certificate":            {named(expired, "db.example.com"), ca, TLSFailed, NeverRan, "the server's certificate has expired, or is not valid yet"},
		"versions of the past":              {named(old, "db.example.com"), ca, TLSFailed, NeverRan, "speaks TLS 1.2 and 1.3"},
		"versions of the past, unverified":  {old, TLSOptions{InsecureSkipVerify: true}, TLSFailed, NeverRan, "speaks TLS 1.2 and 1.3"},
		"a certificate of ours is wanted":   {named(mutualOld, "db.example.com"), ca, TLSFailed, NeverRan, "for which the controller has no certificate of its own"},
		"no TLS":                            {plainServer, ca, TLSFailed, NeverRan, "the server does not speak TLS: write http:// in the url, or scheme HTTP"},
		"no TLS, unverified":                {plainServer, TLSOptions{InsecureSkipVerify: true}, TLSFailed, NeverRan, "the server does not speak TLS"},
		"a handshake that never ends":       {silent, ca, TimedOut, NeverRan, "the server did not finish its TLS handshake"},
		"a server that hangs up":            {hangsUp, ca, TLSFailed, NeverRan, "the TLS handshake with the server has failed: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testSender(t, SenderOptions{})
			resolving(s, map[string][]string{
				"db.example.com": {"127.0.0.1"}, "db.example.com.": {"127.0.0.1"}, "own.example.com": {"127.0.0.1"}, "a.shop.svc": {"127.0.0.1"},
			})
			request := get(test.at)
			request.TLS = test.tls
			if test.reason == TimedOut {
				request.Timeout = 300 * time.Millisecond
			}
			result := s.HTTP(t.Context(), request)
			assert.Equal(t, test.reason, result.Reason, result)
			assert.Equal(t, test.process, result.Process, result)
			if test.reason == Succeeded {
				assert.Equal(t, test.want, result.Output)
				return
			}
			assert.Contains(t, result.Message, test.want)
		})
	}
	t.Run("a certificate of ours is wanted, behind the handshake", func(t *testing.T) {
		request := get(named(mutual, "db.example.com"))
		request.TLS = ca
		s := testSender(t, SenderOptions{})
		resolving(s, map[string][]string{"db.example.com": {"127.0.0.1"}})
		result := s.HTTP(t.Context(), request)
		// The server closes the connection with the request in it, by which what it said may be lost.
		assert.Contains(t, []Reason{TLSFailed, ConnectionLost}, result.Reason, result)
		assert.Equal(t, MayRun, result.Process)
	})
}
