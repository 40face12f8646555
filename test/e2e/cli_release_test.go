//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One platform, which stands for all: they differ in what Go is told.
func TestAReleaseIsInstalledByKrewAndIsTheSameWheneverItIsBuilt(t *testing.T) {
	t.Parallel()
	built, err := plugin()
	require.NoError(t, err)
	kubectl, err := cluster.Binary(t.Context(), "kubectl")
	require.NoError(t, err)
	const version = "v0.0.1-rc.1"
	dist, again, root := t.TempDir(), t.TempDir(), t.TempDir()
	run := func(folder, program string, args ...string) string {
		c := exec.CommandContext(t.Context(), program, args...)
		c.Dir = folder
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "KUBECONFIG="+built.kubeconfig, "KREW_ROOT="+root, "KREW_NO_UPGRADE_CHECK=1",
			"PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"))
		said, err := c.CombinedOutput()
		require.NoError(t, err, string(said))
		return string(said)
	}
	for _, folder := range []string{dist, again} {
		run(cluster.Repository, "go", "run", "./cmd/kubectl-quiesce/internal/release", "-version", version, "-platform", runtime.GOOS+"/"+runtime.GOARCH, "-o", folder)
	}
	files, err := os.ReadDir(dist)
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, f := range files {
		one, err := os.ReadFile(filepath.Join(dist, f.Name()))
		require.NoError(t, err)
		other, err := os.ReadFile(filepath.Join(again, f.Name()))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(one, other), "%s differs from one build to the next", f.Name())
	}
	run(dist, "sha256sum", "--check", "kubectl-quiesce_"+version+"_SHA256SUMS")

	said := run(filepath.Join(cluster.Repository, "test/tools/krew"), "go", "tool", "krew", "install", "--manifest="+filepath.Join(dist, "quiesce.yaml"),
		"--archive="+filepath.Join(dist, "kubectl-quiesce_"+version+"_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz"))
	assert.Contains(t, said, "Installed plugin: quiesce")
	assert.Contains(t, run(dist, kubectl, "quiesce", "version"), version)

	store := filepath.Join(root, "store", "quiesce", version)
	license, err := os.ReadFile(filepath.Join(store, "LICENSE"))
	require.NoError(t, err)
	assert.Contains(t, string(license), "Apache License")
	// Beside the plugin in PATH, it is what kubectl completes by.
	require.NoError(t, os.Symlink(filepath.Join(store, "kubectl_complete-quiesce"), filepath.Join(root, "bin", "kubectl_complete-quiesce")))
	assert.Contains(t, run(dist, kubectl, "__complete", "quiesce", "expl"), "explain\t")
}
