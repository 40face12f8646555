package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStatusWithoutACluster(t *testing.T) {
	var out strings.Builder
	require.NoError(t, status(&out, testLayout(t)))
	assert.Contains(t, out.String(), "there is no cluster")
}

func TestStatusTellsOfTheDead(t *testing.T) {
	l := testLayout(t)
	require.NoError(t, l.writeChoices(choices{Ports: map[string]int{"etcd": 2379}}))
	started, err := l.start(shell("etcd", "echo the disk is full; exit 1"))
	require.NoError(t, err)
	require.Empty(t, waitGone([]identity{started.id}, 5*time.Second))

	var out strings.Builder
	require.ErrorContains(t, status(&out, l), "dead: etcd")
	assert.Regexp(t, `(?m)^etcd +dead +- +127\.0\.0\.1:2379 +`+l.log("etcd")+`$`, out.String())
	assert.Regexp(t, `(?m)^kubelet +not started +- `, out.String())
	assert.Contains(t, out.String(), "the disk is full")
}
