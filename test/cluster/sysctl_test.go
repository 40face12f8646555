package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingsAreRestoredOnlyWhereTheyDiffer(t *testing.T) {
	root := t.TempDir()
	forward, panics := filepath.Join(root, "net/ipv4/ip_forward"), filepath.Join(root, "kernel/panic")
	require.NoError(t, writeWhole(forward, []byte("0\n"), 0o600))
	require.NoError(t, writeWhole(panics, []byte("10\n"), 0o400))
	before := readSettings(root)
	assert.Equal(t, map[string]string{"net/ipv4/ip_forward": "0", "kernel/panic": "10"}, before)

	require.NoError(t, os.WriteFile(forward, []byte("1\n"), 0o600))
	require.NoError(t, restoreSettings(root, before))
	assert.Equal(t, before, readSettings(root))
}
