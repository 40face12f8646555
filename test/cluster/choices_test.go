package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPortsThatWerePickedStay(t *testing.T) {
	// Both ports on the bridge are among them: a machine without a cluster has no bridge.
	picked := map[string]int{"etcd": 4, "apiserver": 5, "s3": 6}
	ports, err := pickPorts(t.Context(), picked)
	require.NoError(t, err)
	for name, port := range picked {
		assert.Equal(t, port, ports[name], name)
	}
	numbers := map[int]bool{}
	for _, want := range wantedPorts {
		assert.NotZero(t, ports[want.name], "%s came with a later version and has none yet", want.name)
		numbers[ports[want.name]] = true
	}
	assert.Len(t, numbers, len(wantedPorts), "each has a port of its own")
}

func TestChoicesSurviveTheirFile(t *testing.T) {
	l := testLayout(t)
	_, err := l.readChoices()
	require.ErrorIs(t, err, errNoCluster)

	want := choices{Ports: map[string]int{"etcd": 2379}, optional: optional{Velero: true}}
	require.NoError(t, l.writeChoices(want))
	got, err := l.readChoices()
	require.NoError(t, err)
	assert.Equal(t, want, got)

	earlier := `{"ports": {"etcd": 2379}, "velero": true}`
	require.NoError(t, writeWhole(l.choicesFile(), []byte(earlier), 0o600))
	got, err = l.readChoices()
	require.NoError(t, err)
	assert.Equal(t, want, got, "a cluster that an earlier version started")
}
