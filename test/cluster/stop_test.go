package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStopEndsOnePartWithAllItStarted(t *testing.T) {
	for name, patience := range map[string]time.Duration{"asked": time.Minute, "killed": 0} {
		t.Run(name, func(t *testing.T) {
			l := testLayout(t)
			require.NoError(t, l.writeChoices(choices{Ports: map[string]int{}}))
			other, err := l.start(shell("etcd", "sleep 60"))
			require.NoError(t, err)
			defer end([]identity{other.id}, 0)
			_, err = l.start(shell("velero", "sleep 60 & wait"))
			require.NoError(t, err)
			require.Eventually(t, func() bool { return len(l.markedAs("velero")) == 2 }, time.Minute, 50*time.Millisecond)

			require.NoError(t, l.stopPart("velero", patience))
			assert.Empty(t, l.markedAs("velero"), "a plugin must not outlive its server")
			state, _ := l.state("velero")
			assert.Equal(t, stopped, state)
			state, _ = l.state("etcd")
			assert.Equal(t, running, state)

			var out strings.Builder
			require.NoError(t, status(&out, l), "what was stopped is not dead")
			assert.Regexp(t, `(?m)^velero +stopped +- +- +`+l.log("velero")+`$`, out.String())
			require.NoError(t, l.stopPart("velero", patience), "a second time there is nothing to do")
		})
	}
}

func TestStopRefusesWhatIsNoPart(t *testing.T) {
	require.ErrorContains(t, stop(testLayout(t), "velero-server", 0), "csi-provisioner, velero")
}

func TestContainersOutliveContainerd(t *testing.T) {
	l := testLayout(t)
	_, err := l.start(shell("containerd", "sleep 60 & wait"))
	require.NoError(t, err)
	defer func() { end(l.marked(), 0) }()
	require.Eventually(t, func() bool { return len(l.marked()) == 2 }, time.Minute, 50*time.Millisecond)
	require.NoError(t, l.stopPart("containerd", 0))
	assert.Len(t, l.marked(), 1)
}
