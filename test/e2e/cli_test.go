//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// program is the plugin, built, and where the administrator's kubeconfig is.
type program struct{ path, kubeconfig string }

// plugin builds the plugin, once for all tests.
var plugin = sync.OnceValues(func() (built program, err error) {
	if built.kubeconfig, err = cluster.Kubeconfig(context.Background()); err != nil {
		return program{}, err
	}
	built.path = filepath.Join(os.TempDir(), "quiesce-e2e", "kubectl-quiesce")
	// As a release is built, so that its own test need not compile all of it again.
	build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags",
		"-s -w -X github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/version.release=v0.1.0", "-o", built.path, "./cmd/kubectl-quiesce")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	build.Dir = cluster.Repository
	if output, err := build.CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("building the plugin: %w\n%s", err, output)
	}
	return built, nil
})

// said is what a program has printed, and how it ended.
type said struct {
	out, err string
	code     int
}

// command is `kubectl quiesce` with the administrator's kubeconfig, not yet started.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	built, err := plugin()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), built.path, args...)
	c.Env = append(os.Environ(), "KUBECONFIG="+built.kubeconfig)
	return c
}

// quiesce runs `kubectl quiesce` to its end, where nothing draws.
func quiesce(t *testing.T, args ...string) said {
	t.Helper()
	var out, errOut bytes.Buffer
	c := command(t, args...)
	c.Stdout, c.Stderr = &out, &errOut
	if err := c.Run(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return said{out: out.String(), err: errOut.String(), code: c.ProcessState.ExitCode()}
}
