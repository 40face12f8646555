package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var then = time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)

func TestTheManifestIsAsKrewWantsIt(t *testing.T) {
	var archives []packed
	for _, p := range platforms {
		archives = append(archives, packed{p, "kubectl-quiesce_v1.2.3_" + p.OS + "_" + p.Arch + ".tar.gz",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", []string{p.Binary(), "LICENSE"}})
	}
	manifest, err := krewManifest("v1.2.3", archives)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "quiesce.yaml")
	require.NoError(t, os.WriteFile(file, manifest, 0o644))
	validate := exec.CommandContext(t.Context(), "go", "tool", "-C", filepath.Join(repository(t), "test/tools/krew"), "validate-krew-manifest", "-manifest", file, "-skip-install")
	validate.Env = append(os.Environ(), "CGO_ENABLED=0")
	said, err := validate.CombinedOutput()
	require.NoError(t, err, string(said))
	assert.Contains(t, string(said), "no overlapping")
}

func TestAVersionIsOneThatKrewTakes(t *testing.T) {
	r := release{repository: repository(t), version: "1.2", time: then}
	require.EqualError(t, r.write(t.Context(), t.TempDir(), nil), `version "1.2": write one such as v1.2.3, or v1.2.3-rc.1`)
}

func TestArchivesHoldFilesOfOneTimeThatCanBeRun(t *testing.T) {
	files := []file{{"plugin", []byte("program"), true}, {"LICENSE", []byte("text"), false}}
	var tarball, zipball bytes.Buffer
	require.NoError(t, tarred(&tarball, then, files))
	require.NoError(t, zipped(&zipball, then, files))

	uncompressed, err := gzip.NewReader(&tarball)
	require.NoError(t, err)
	archive := tar.NewReader(uncompressed)
	for _, f := range files {
		header, err := archive.Next()
		require.NoError(t, err)
		assert.Equal(t, f.name, header.Name)
		assert.Equal(t, f.mode(), header.FileInfo().Mode())
		assert.True(t, then.Equal(header.ModTime))
		assert.Empty(t, header.Uname)
	}

	read, err := zip.NewReader(bytes.NewReader(zipball.Bytes()), int64(zipball.Len()))
	require.NoError(t, err)
	require.Len(t, read.File, 2)
	for i, f := range files {
		assert.Equal(t, f.mode(), read.File[i].Mode())
		assert.True(t, then.Equal(read.File[i].Modified))
		content, err := read.File[i].Open()
		require.NoError(t, err)
		text, err := io.ReadAll(content)
		require.NoError(t, err)
		assert.Equal(t, f.content, text)
	}
}

func repository(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	return folder
}
