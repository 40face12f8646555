package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestKubeconfigHoldsAllItNeeds(t *testing.T) {
	var parsed struct {
		Clusters []struct{ Cluster map[string]string }
		Users    []struct{ User map[string][]byte }
	}
	require.NoError(t, yaml.Unmarshal(kubeconfig("https://10.0.0.1:6443", []byte("ca"), []byte("cert"), []byte("key")), &parsed))
	assert.Equal(t, "https://10.0.0.1:6443", parsed.Clusters[0].Cluster["server"])
	assert.Equal(t, "key", string(parsed.Users[0].User["client-key-data"]))
}
