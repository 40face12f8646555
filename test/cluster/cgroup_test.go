package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCgroupHierarchies(t *testing.T) {
	v1, v2 := t.TempDir(), t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(v1, "cpu"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(v1, "memory"), 0o755))
	require.NoError(t, os.Symlink("cpu", filepath.Join(v1, "cpuacct")))
	assert.Equal(t, []string{filepath.Join(v1, "cpu"), filepath.Join(v1, "memory")}, cgroupHierarchies(v1))

	require.NoError(t, os.WriteFile(filepath.Join(v2, "cgroup.controllers"), nil, 0o600))
	assert.Equal(t, []string{v2}, cgroupHierarchies(v2))
}
