package doctor

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/util/cert"
)

// soon is how long a certificate has left when it should have been renewed: the CA is, four months before its end.
const soon = 14 * 24 * time.Hour

func webhookCA(f *Facts) []Finding {
	if f.Mutating.known() && f.Mutating.Value == nil {
		return nil // said already
	}
	if found, missing := notKnown("until when the webhook's CA is valid", f.Mutating); missing {
		return found
	}
	var found []Finding
	restart := fmt.Sprintf("kubectl -n %s logs deployment/%s", f.Release, controllerName)
	for _, e := range f.entries() {
		if len(e.client.CABundle) == 0 {
			return []Finding{fault("%s has no caBundle: the API server does not trust the webhook, until the controller writes it", &e).do("%s", restart)}
		}
		if !bytes.Equal(e.client.CABundle, f.bundle()) {
			found = append(found, warning("%s has another caBundle than the others: the controller has not written all", &e).do("%s", restart))
		}
	}
	authorities, err := cert.ParseCertsPEM(f.bundle())
	if err != nil {
		return []Finding{fault("the caBundle holds no certificate: %v", err).do("%s", restart)}
	}
	renew := fmt.Sprintf("kubectl -n %s delete secret %s", f.Release, caSecretName)
	current := authorities[0]
	switch left := current.NotAfter.Sub(f.Now); {
	case f.Now.Before(current.NotBefore):
		found = append(found, fault("the webhook's CA is not valid before %s", date(current.NotBefore)).do("%s", renew))
	case left <= 0:
		found = append(found, fault("the webhook's CA has expired %s ago: the API server does not trust the webhook", span(-left)).do("%s", renew))
	case left < soon:
		found = append(found, warning("the webhook's CA is valid for %s yet, until %s, and was not renewed", span(left), date(current.NotAfter)).do("%s", renew))
	}
	switch {
	case !f.CA.known():
	case f.CA.Value == nil:
		found = append(found, fault("there is no Secret %s in namespace %s: no replica of the webhook can renew its certificate", caSecretName, f.Release).
			do("%s", restart))
	default:
		if secret, err := cert.ParseCertsPEM(f.CA.Value); err != nil {
			found = append(found, fault("the Secret %s holds no certificate: %v", caSecretName, err).do("%s", renew))
		} else if !secret[0].Equal(current) {
			found = append(found, fault("the caBundle is not of the CA in the Secret %s: the API server will not trust the webhook", caSecretName).
				do("%s", restart))
		}
	}
	if len(found) == 0 {
		found = []Finding{fine("the webhook's CA is valid until %s", date(current.NotAfter))}
		if !f.CA.known() {
			found[0].Message += "; whether it is that of its Secret is not known: " + f.CA.why()
		}
	}
	return found
}

func webhookCertificate(f *Facts) []Finding {
	if f.Mutating.Value == nil {
		return nil // said already, or not known
	}
	if found, missing := notKnown("until when the webhook's own certificates are valid", f.Served); missing {
		return found
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(f.bundle())
	var (
		found    []Finding
		earliest time.Time
	)
	for _, served := range f.Served.Value {
		restart := fmt.Sprintf("kubectl -n %s delete pod %s", f.Release, served.Pod)
		if served.Err != nil || len(served.Certificates) == 0 {
			found = append(found, unknown("the certificate of pod %s is not known: %v", served.Pod, served.Err))
			continue
		}
		leaf := served.Certificates[0]
		if err := f.verify(leaf, served.Certificates[1:], roots); err != nil {
			found = append(found, fault("the API server does not trust pod %s: %s", served.Pod, err).do("%s", restart))
			continue
		}
		if earliest.IsZero() || leaf.NotAfter.Before(earliest) {
			earliest = leaf.NotAfter
		}
		// It is made for a week, and made again when two thirds of that have passed.
		if left, lifetime := leaf.NotAfter.Sub(f.Now), leaf.NotAfter.Sub(leaf.NotBefore); left < soon && left < lifetime/6 {
			found = append(found, warning("the certificate of pod %s is valid for %s yet, and was not renewed", served.Pod, span(left)).do("%s", restart))
		}
	}
	if len(found) == 0 && !earliest.IsZero() {
		found = []Finding{fine("the certificates of %s are trusted, and valid until %s", counted(len(f.Served.Value), "replica"), date(earliest))}
	}
	return found
}

// verify says in words why the API server would not take a certificate.
func (f *Facts) verify(leaf *x509.Certificate, between []*x509.Certificate, roots *x509.CertPool) error {
	intermediates := x509.NewCertPool()
	for _, certificate := range between {
		intermediates.AddCert(certificate)
	}
	host := webhookName + "." + f.Release + ".svc"
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, DNSName: host, CurrentTime: f.Now})
	var (
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		wrong   x509.HostnameError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return fmt.Errorf("its certificate is for %v, not for %s", leaf.DNSNames, host)
	case errors.As(err, &unknown):
		return errors.New("its certificate is of another CA than the caBundle has")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && f.Now.Before(leaf.NotBefore):
		return fmt.Errorf("its certificate is not valid before %s", date(leaf.NotBefore))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && f.Now.After(leaf.NotAfter):
		return fmt.Errorf("its certificate has expired %s ago", span(f.Now.Sub(leaf.NotAfter)))
	}
	return err
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
