package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// rendered is a cluster as it is after its ports were picked.
func rendered() *cluster {
	c := &cluster{layout: layout{source: ".", cache: "/c", cluster: "/c/cluster"}, binaries: map[string]string{}}
	c.Ports = map[string]int{}
	for i, want := range wantedPorts {
		c.Ports[want.name] = 40000 + i
	}
	c.optional = optional{Velero: true, Kwok: true, CSI: true}
	return c
}

func TestEveryPartIsDescribedWhole(t *testing.T) {
	var names []string
	for _, p := range rendered().parts() {
		names = append(names, p.name)
		assert.NotEmpty(t, p.address, p.name)
		assert.NotNil(t, p.ready, p.name)
		assert.Positive(t, p.wave, p.name)
		for _, arg := range p.args {
			assert.NotContains(t, arg, ":0/", "%s has a port that nobody picked: %s", p.name, arg)
			assert.False(t, strings.HasSuffix(arg, ":0") || strings.HasSuffix(arg, "=0"), "%s: %s", p.name, arg)
		}
	}
	assert.ElementsMatch(t, partNames, names)
}

func TestConfigsAreWellFormedAndUseThePickedPorts(t *testing.T) {
	c := rendered()
	for name, text := range map[string]string{"kubelet": c.kubeletConfig(), "kube-proxy": c.proxyConfig()} {
		var parsed map[string]any
		require.NoError(t, yaml.UnmarshalStrict([]byte(text), &parsed), name)
		assert.NotEmpty(t, parsed["kind"], name)
	}
	assert.Contains(t, c.kubeletConfig(), "unix:///c/cluster/parts/containerd/containerd.sock")
	assert.Contains(t, c.proxyConfig(), c.address(loopback, "proxy-health"))
	assert.True(t, json.Valid([]byte(c.cniConfig())))
	assert.NotContains(t, c.containerdConfig(), "%!", "a verb without its value")
	assert.Contains(t, c.containerdConfig(), `sandbox_image = "`+pauseImage+`"`)
	for document := range strings.SplitSeq(c.veleroObjects()+"---\n"+csiObjects, "\n---\n") {
		var parsed struct{ Kind string }
		require.NoError(t, yaml.Unmarshal([]byte(document), &parsed))
		assert.NotEmpty(t, parsed.Kind)
	}
}
