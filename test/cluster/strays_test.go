package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStrayFilesOfOthersStay(t *testing.T) {
	l, folder := testLayout(t), t.TempDir()
	for _, file := range []string{networkName + "-abc-eth0", "cni-loopback-abc-lo", "cni-loopback-def-lo", "other-net-def-eth0"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, file), nil, 0o600))
	}
	assert.Equal(t, []string{filepath.Join(folder, networkName+"-abc-eth0"), filepath.Join(folder, "cni-loopback-abc-lo")},
		attachmentResults(folder))

	require.NoError(t, os.Symlink(l.cluster+"/parts/kubelet/pods/x/0.log", filepath.Join(folder, "ours.log")))
	require.NoError(t, os.Symlink("/var/log/pods/x/0.log", filepath.Join(folder, "theirs.log")))
	assert.Equal(t, []string{filepath.Join(folder, "ours.log")}, l.logLinks(folder))
}
