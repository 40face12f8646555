package chart_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What the doctor says of a release of which nothing runs, and of CRDs and certificates as they cannot be spoiled where
// something does. The other faults are planted in test/e2e.
func TestTheDoctorLooksAtARelease(t *testing.T) {
	plugin := filepath.Join(t.TempDir(), "kubectl-quiesce")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", plugin, "../../cmd/kubectl-quiesce").CombinedOutput()
	require.NoError(t, err, "%s", output)
	// says runs the doctor, and returns what it says: the messages of each severity, by the check.
	says := func(t assert.TestingT, severity string) map[string]string {
		command := exec.Command(plugin, "doctor", "--kubeconfig", kubeconfig, "-A", "-o", "json")
		var out, errOut bytes.Buffer
		command.Stdout, command.Stderr = &out, &errOut
		var exit *exec.ExitError
		if err := command.Run(); err != nil {
			assert.ErrorAs(t, err, &exit)
		}
		assert.Equal(t, 1, command.ProcessState.ExitCode(), "something is always wrong here: %s", &errOut)
		var report struct {
			Findings []struct{ Check, Severity, Message string }
		}
		assert.NoError(t, json.Unmarshal(out.Bytes(), &report), "%s%s", &out, &errOut)
		said := map[string]string{}
		for _, finding := range report.Findings {
			if finding.Severity == severity {
				said[finding.Check] += finding.Message + "\n"
			}
		}
		return said
	}

	assert.Equal(t, map[string]string{"crds": "Quiesce is not installed: none of its CRDs is there\n"}, says(t, "error"))

	_, err = helm(t, "install", "quiesce", chart, "--set", "crds.keep=false")
	require.NoError(t, err)
	defer func() { // not t.Cleanup, by which time helm cannot be run any more
		_, err := helm(t, "uninstall", "quiesce", "--no-hooks")
		assert.NoError(t, err)
		for _, crd := range generatedCRDs(t) {
			assert.Eventually(t, func() bool {
				return gone(t, &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.GetName()}})
			}, time.Minute, 100*time.Millisecond)
		}
	}()
	waitForCRDs(t)

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		wrong := says(c, "error")
		assert.Contains(c, wrong["webhook-deployment"], "no replica of quiesce-webhook is available, of 2")
		assert.Contains(c, wrong["controller-deployment"], "no replica of quiesce-controller is available, of 1")
		assert.Contains(c, wrong["controller-leads"], "no controller has ever led")
		assert.Contains(c, wrong["webhook-service"], "Service quiesce-webhook has no endpoint")
		assert.Contains(c, wrong["webhook-ca"], "has no caBundle")
		assert.Contains(c, wrong["webhook-answers"], "the API server cannot ask the webhook")
		assert.Len(c, wrong, 6, "%v", wrong)
	}, time.Minute, 100*time.Millisecond, "the API server looks at webhooks some moments after they were made")
	well := says(t, "ok")
	for _, check := range []string{"crds", "versions", "webhook-configurations", "webhook-settings", "admission-policies", "controller-rights", "your-rights"} {
		assert.NotEmpty(t, well[check], "the chart makes all that check %s asks for", check)
	}

	setBundle(t, authority(t, -400*24*time.Hour, -35*24*time.Hour))
	assert.Contains(t, says(t, "error")["webhook-ca"], "has expired 35d ago")
	setBundle(t, authority(t, -355*24*time.Hour, 10*24*time.Hour))
	assert.Contains(t, says(t, "warning")["webhook-ca"], "is valid for 9d")
	setBundle(t, authority(t, 24*time.Hour, 48*time.Hour))
	assert.Contains(t, says(t, "error")["webhook-ca"], "is not valid before")

	crd := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, server.Get(t.Context(), client.ObjectKey{Name: "hookpolicies.quiesce.io"}, crd))
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	delete(spec.Properties, "priority")
	require.NoError(t, server.Update(t.Context(), crd))
	assert.Contains(t, says(t, "error")["crds"], "the CRD hookpolicies.quiesce.io is older than this plugin: it lacks spec.priority")

	require.NoError(t, server.Delete(t.Context(), &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "hookruns.quiesce.io"}}))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Contains(c, says(c, "error")["crds"], "CRDs are missing: hookruns.quiesce.io")
	}, time.Minute, 100*time.Millisecond)
}

// authority is the certificate of a CA that is valid from one time to another, counted from now.
func authority(t *testing.T, from, until time.Duration) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "quiesce-webhook-ca"}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// setBundle writes a caBundle, as the controller does.
func setBundle(t *testing.T, bundle []byte) {
	t.Helper()
	var (
		mutating   admissionregistrationv1.MutatingWebhookConfiguration
		validating admissionregistrationv1.ValidatingWebhookConfiguration
		key        = client.ObjectKey{Name: "quiesce-webhook"}
	)
	require.NoError(t, server.Get(t.Context(), key, &mutating))
	require.NoError(t, server.Get(t.Context(), key, &validating))
	for i := range mutating.Webhooks {
		mutating.Webhooks[i].ClientConfig.CABundle = bundle
	}
	for i := range validating.Webhooks {
		validating.Webhooks[i].ClientConfig.CABundle = bundle
	}
	require.NoError(t, server.Update(t.Context(), &mutating))
	require.NoError(t, server.Update(t.Context(), &validating))
}
