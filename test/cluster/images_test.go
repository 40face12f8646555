package main

import (
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnArchiveIsTheSameFromTheSameEntries(t *testing.T) {
	build := func() string {
		folder := t.TempDir()
		layer, archive := filepath.Join(folder, "layer.tar"), filepath.Join(folder, "image.tar")
		require.NoError(t, writeLayer(layer, []entry{{path: "tmp/", mode: 0o1777}, {path: "a", text: "x", mode: 0o644}, {path: "b", link: "a"}}))
		require.NoError(t, writeArchive(archive, "quiesce.test/a:1", v1.Config{Cmd: []string{"/a"}}, layer))
		digest, err := archiveDigest(archive)
		require.NoError(t, err)
		tag, err := name.NewTag("quiesce.test/a:1")
		require.NoError(t, err)
		_, err = tarball.ImageFromPath(archive, &tag)
		require.NoError(t, err, "the archive names its tag")
		return digest
	}
	first, second := build(), build()
	assert.Equal(t, first, second)
}
