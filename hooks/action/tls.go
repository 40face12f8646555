package action

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/requests"
)

// TLSOptions say how a server is verified.
type TLSOptions struct {
	// CA are certificates of authorities in PEM; by default, those of the system.
	CA string
	// ServerName is the name that the server's certificate is to be for; by default, the host.
	ServerName string
	// InsecureSkipVerify trusts whoever answers.
	InsecureSkipVerify bool
}

// config is how a host is spoken to. HTTP/2 is not offered: one request has nothing of it.
func (o TLSOptions) config(host string) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         cmp.Or(o.ServerName, strings.TrimSuffix(host, ".")),
		InsecureSkipVerify: o.InsecureSkipVerify, //nolint:gosec // as the hook's author has chosen
	}
	if o.CA == "" {
		return config, nil
	}
	authorities, err := requests.ParseAuthorities(o.CA)
	if err != nil {
		return nil, fmt.Errorf("tls.ca: %w", err)
	}
	config.RootCAs = authorities
	return config, nil
}

// handshake makes a connection one of TLS, or closes it.
func handshake(ctx context.Context, connection net.Conn, config *tls.Config) (net.Conn, *unsent) {
	secure := tls.Client(connection, config)
	err := secure.HandshakeContext(ctx)
	if err == nil {
		return secure, nil
	}
	_ = connection.Close()
	if reason := outOfTime(ctx, err); reason != "" {
		return nil, &unsent{reason, "the server did not finish its TLS handshake"}
	}
	return nil, &unsent{TLSFailed, tlsSentence(err, config)}
}

// tlsSentence says what is wrong with a server, or with how it is to be verified, and what to write.
func tlsSentence(err error, config *tls.Config) string {
	var (
		unknown x509.UnknownAuthorityError
		noRoots x509.SystemRootsError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &noRoots):
		if config.RootCAs != nil {
			return "the server's certificate is not of an authority in tls.ca: write there the certificate of the one that has signed it"
		}
		return "the server's certificate is of no authority that is known: write that authority's certificate in tls.ca, or where it is in tls.caFrom"
	case errors.As(err, &name):
		return fmt.Sprintf("the server's certificate is not for %s: write in tls.serverName one of the names that it is for (%s)", name.Host, certificateNames(name.Certificate))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate has expired, or is not valid yet: renew it, or set the clocks (" + plain(err) + ")"
	case errors.As(err, &record):
		return "the server does not speak TLS: write http:// in the url, or scheme HTTP, if it is to be so"
	case isAlert(err):
		return "the server refuses the TLS handshake, for which the controller has no certificate of its own and speaks TLS 1.2 and 1.3: " + plain(err)
	}
	return "the TLS handshake with the server has failed: " + plain(err)
}

// isAlert tells whether the server has refused to speak TLS with us, which it may do behind the handshake as well.
func isAlert(err error) bool {
	alert := (*net.OpError)(nil)
	return errors.As(err, &alert) && alert.Op == "remote error" // of an unexported type (crypto/tls/alert.go)
}

// certificateNames are some of the names that a certificate is for.
func certificateNames(certificate *x509.Certificate) string {
	names := certificate.DNSNames
	for _, address := range certificate.IPAddresses {
		names = append(names, address.String())
	}
	if len(names) == 0 {
		return "it has none: give it a subjectAltName"
	}
	const some = 5
	if len(names) > some {
		names = append(names[:some:some], "…")
	}
	return plain(errors.New(strings.Join(names, ", ")))
}
