package library

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// write has golden files made anew: QUIESCE_UPDATE=1 go test ./cmd/kubectl-quiesce/internal/library.
var write = os.Getenv("QUIESCE_UPDATE") != ""

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if write {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
