package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestManifestsAreJoinedAsDocuments(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"pod-a.yaml": "---\nkind: A\n", "pod-b.yaml": "kind: B\n", "other.yaml": "kind: C\n"} {
		require.NoError(t, writeWhole(filepath.Join(folder, name), []byte(text), 0o600))
	}
	text, err := joinManifests(filepath.Join(folder, "pod-*.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "---\nkind: A\n---\nkind: B\n", text)

	_, err = joinManifests(filepath.Join(folder, "node-*.yaml"))
	require.ErrorContains(t, err, folder)
}
