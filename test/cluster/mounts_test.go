package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMountsBelow(t *testing.T) {
	mounts := parseMounts(`22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:30 / /c/cluster/a rw shared:1 - overlay none rw,lowerdir=/x - y
31 30 0:31 / /c/cluster/a/b\040c rw - tmpfs none rw
32 22 7:0 / /c/cluster2 rw - ext4 /dev/loop0 rw
broken line
`)
	require.Len(t, mounts, 4)
	assert.Equal(t, "/dev/loop0", mounts[3].device)
	assert.Equal(t, mounts[3:], loopMounts(mounts))
	assert.Equal(t, []string{"/c/cluster/a/b c", "/c/cluster/a"}, mountsBelow(mounts, "/c/cluster"))
}
