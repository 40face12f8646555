package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// client is somebody who calls the API with a certificate: the name and groups are those that Kubernetes' own roles are
// bound to (kubernetes.io/docs/reference/access-authn-authz/rbac, "Default roles and role bindings").
type client struct {
	file   string
	name   string
	groups []string
}

var clients = []client{
	{"admin", "quiesce-admin", []string{"system:masters"}},
	{"kube-controller-manager", "system:kube-controller-manager", nil},
	{"kube-scheduler", "system:kube-scheduler", nil},
	{"kubelet", "system:node:" + nodeName, []string{"system:nodes"}},
	{"kube-proxy", "system:kube-proxy", nil},
	// Velero runs on the host and yet as the ServiceAccount that it has in a real cluster, for what looks at user names.
	{"velero", "system:serviceaccount:velero:velero", []string{"system:serviceaccounts", "system:serviceaccounts:velero"}},
}

const certificateLife = 365 * 24 * time.Hour

// authority signs the cluster's certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

// makePKI writes the authority, the apiserver's certificate, the ServiceAccounts' key and each client's kubeconfig.
// What is there already stays: running parts have it.
func (l layout) makePKI(apiserver string) error {
	if _, err := os.Stat(l.kubeconfig("admin")); err == nil {
		return nil
	}
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	caKey, err := keyPEM(ca.key)
	if err != nil {
		return err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	accountsKey, err := keyPEM(accounts)
	if err != nil {
		return err
	}
	serving, servingKey, err := ca.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "kube-apiserver"},
		DNSNames: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
			"localhost"},
		IPAddresses: []net.IP{net.ParseIP(bridgeAddress), net.ParseIP(serviceAPI), net.ParseIP(loopback)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt": ca.pem, "ca.key": caKey, "serviceaccounts.key": accountsKey,
		"apiserver.crt": serving, "apiserver.key": servingKey,
	}
	for name, content := range files {
		if err := writeWhole(filepath.Join(l.pki(), name), content, 0o600); err != nil {
			return err
		}
	}
	// The administrator's comes last of all: its presence says that everything is whole.
	for i := len(clients) - 1; i >= 0; i-- {
		who := clients[i]
		certificate, key, err := ca.issue(&x509.Certificate{
			Subject:     pkix.Name{CommonName: who.name, Organization: who.groups},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if err != nil {
			return err
		}
		if err := writeWhole(l.kubeconfig(who.file), kubeconfig(apiserver, ca.pem, certificate, key), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "quiesce test cluster"},
		NotBefore:    time.Now().Add(-time.Minute), NotAfter: time.Now().Add(certificateLife),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{certificate: certificate, key: key, pem: certificatePEM(der)}, nil
}

func (a *authority) issue(template *x509.Certificate) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	template.NotBefore, template.NotAfter = a.certificate.NotBefore, a.certificate.NotAfter
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate for %s: %w", template.Subject.CommonName, err)
	}
	if key, err = keyPEM(private); err != nil {
		return nil, nil, err
	}
	return certificatePEM(der), key, nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, errors.Join(errors.New("encoding a key"), err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
