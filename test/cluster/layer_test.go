package main

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUpperBecomesALayer(t *testing.T) {
	upper := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(upper, "one"), []byte("1"), 0o640))
	require.NoError(t, os.Link(filepath.Join(upper, "one"), filepath.Join(upper, "two")))
	require.NoError(t, os.Symlink("one", filepath.Join(upper, "way")))
	path := filepath.Join(t.TempDir(), "layer.tar")
	require.NoError(t, writeUpper(path, upper))

	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	types, in := map[string]byte{}, tar.NewReader(file)
	for {
		header, err := in.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		types[header.Name] = header.Typeflag
	}
	assert.Equal(t, map[string]byte{"one": tar.TypeReg, "two": tar.TypeLink, "way": tar.TypeSymlink}, types)
}
