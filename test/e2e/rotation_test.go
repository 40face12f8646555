//go:build e2e

package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/test/walkthrough"
)

var caKey = client.ObjectKey{Namespace: walkthrough.Release, Name: "quiesce-webhook-ca"}

// A CA that is lost, or that has to go, is deleted: pods must not notice.
func TestPodsAreStampedWhileTheCARotates(t *testing.T) {
	s := newScene(t, optedIn)
	s.addPolicy("main")
	waitRolledOut(t)
	var old corev1.Secret
	require.NoError(t, api.Get(t.Context(), caKey, &old))
	oldCA := bytes.TrimSpace(old.Data[corev1.ServiceAccountRootCAKey])
	require.NotEmpty(t, oldCA)

	begun := time.Now()
	require.NoError(t, api.Delete(t.Context(), &old))
	created, bare := s.createPodsUntil(func() error { return rotated(t, oldCA) })

	t.Logf("%d pods during a rotation of %s", created, time.Since(begun).Round(tick))
	assert.Empty(t, bare, "expected a stamp on each of %d pods", created)
	for range 10 {
		assert.True(t, stamped(s.createPod()), "expected a stamp after the rotation")
	}
}

// rotated is nil once there is a new CA, the API server trusts it beside the old one, and all replicas serve with it.
func rotated(t *testing.T, oldCA []byte) error {
	t.Helper()
	var secret corev1.Secret
	if err := api.Get(t.Context(), caKey, &secret); err != nil {
		return err
	}
	newCA := bytes.TrimSpace(secret.Data[corev1.ServiceAccountRootCAKey])
	if len(newCA) == 0 || bytes.Equal(newCA, oldCA) {
		return errors.New("the Secret holds the old CA")
	}
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	require.NoError(t, api.Get(t.Context(), client.ObjectKey{Name: webhookName}, &configuration))
	for _, webhook := range configuration.Webhooks {
		for which, ca := range map[string][]byte{"new": newCA, "old": oldCA} {
			if !bytes.Contains(webhook.ClientConfig.CABundle, ca) {
				return fmt.Errorf("the caBundle lacks the %s CA", which)
			}
		}
	}
	for _, pod := range webhookPods(t) {
		if !pod.DeletionTimestamp.IsZero() {
			continue // an earlier restart's, on its way out
		}
		if err := servesWith(pod.Status.PodIP, newCA); err != nil {
			return fmt.Errorf("pod %s: %w", pod.Name, err)
		}
	}
	return nil
}

// servesWith is nil if a replica presents a certificate that a CA alone vouches for.
func servesWith(address string, ca []byte) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	connection, err := tls.DialWithDialer(dialer, "tcp", net.JoinHostPort(address, "9443"), &tls.Config{
		RootCAs: roots, ServerName: webhookName + "." + walkthrough.Release + ".svc", MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		return err
	}
	return connection.Close()
}
