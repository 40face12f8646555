package certificates

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// ca is the certificate of a CA that is valid for a year from a day that lies days before now.
func ca(t *testing.T, name string, days int) []byte {
	t.Helper()
	secret, _ := newCA(t, name, now.AddDate(0, 0, -days), now.AddDate(1, 0, -days))
	return secret.Data[corev1.TLSCertKey]
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestBundle(t *testing.T) {
	current, previous, older := ca(t, commonName, 1), ca(t, commonName, 240), ca(t, commonName, 300)
	oldest := ca(t, commonName, 350)
	expired, foreign := ca(t, commonName, 366), ca(t, "somebody else", 10)
	tests := map[string]struct{ existing, want []byte }{
		"an empty one":                              {nil, current},
		"the current CA alone":                      {current, current},
		"the previous CA stays during a rotation":   {previous, join(current, previous)},
		"what is there already stays as it is":      {join(current, previous), join(current, previous)},
		"of two earlier ones both stay":             {join(older, previous), join(current, previous, older)},
		"of three earlier ones the oldest goes":     {join(oldest, older, previous), join(current, previous, older)},
		"an expired CA goes":                        {join(current, expired), current},
		"a certificate that is not ours goes":       {foreign, current},
		"what is no certificate goes":               {[]byte("Cg=="), current},
		"a PEM block that is no certificate, also":  {[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), current},
		"text around certificates does not survive": {join([]byte("# old\n"), previous), join(current, previous)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := bundle(current, test.existing, now)
			require.NoError(t, err)
			assert.Equal(t, string(test.want), string(got))
		})
	}
}

func TestBundleOfABrokenSecretIsAnErrorAndNotAnEmptyBundle(t *testing.T) {
	for name, secret := range map[string][]byte{"empty": nil, "no PEM": []byte("x"), "two certificates": join(ca(t, "a", 1), ca(t, "b", 1))} {
		_, err := bundle(secret, ca(t, commonName, 1), now)
		assert.ErrorContains(t, err, "the CA certificate", name)
	}
}
