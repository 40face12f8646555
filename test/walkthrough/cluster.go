package walkthrough

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Cluster is the real one-node Kubernetes of test/cluster.
type Cluster struct {
	// Repository is the root of the repository.
	Repository string
	// Progress is where the cluster tells what it is doing, which takes minutes where nothing is built yet. Without one,
	// errors hold what it told.
	Progress io.Writer
}

// Up brings the cluster up with Velero, or finds it. Further parts are named by their flags, such as --kwok.
func (c Cluster) Up(ctx context.Context, parts ...string) error {
	_, err := c.run(ctx, append([]string{"up", "--velero"}, parts...)...)
	return err
}

// IsUp tells whether there is a cluster.
func (c Cluster) IsUp(ctx context.Context) bool {
	c.Progress = nil // a no is an answer, not something to tell of
	_, err := c.Kubeconfig(ctx)
	return err == nil
}

// Down takes the cluster down, also half of one, or none.
func (c Cluster) Down(ctx context.Context) error {
	_, err := c.run(ctx, "down")
	return err
}

// Kill ends one part of the cluster at once, as a crash would. Up starts it again.
func (c Cluster) Kill(ctx context.Context, part string) error {
	_, err := c.run(ctx, "stop", "--kill", part)
	return err
}

// Load gives images to the cluster, by the names of their recipes.
func (c Cluster) Load(ctx context.Context, recipes ...string) error {
	_, err := c.run(ctx, append([]string{"load"}, recipes...)...)
	return err
}

// Kubeconfig is the path of the administrator's kubeconfig. It is an error when there is no cluster.
func (c Cluster) Kubeconfig(ctx context.Context) (string, error) {
	return c.run(ctx, "kubeconfig")
}

// Binary is the path of a program that goes with the cluster, such as kubectl.
func (c Cluster) Binary(ctx context.Context, name string) (string, error) {
	return c.run(ctx, "bin", name)
}

func (c Cluster) run(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", append([]string{"run", "-C", "test/cluster", "."}, args...)...)
	command.Dir = c.Repository
	// As the Makefile does, so that nothing is compiled twice.
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if c.Progress != nil {
		command.Stderr = c.Progress // where the reason of a failure then stands too
	}
	interruptible(command)
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go run -C test/cluster . %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// interruptible ends a command as Ctrl-C would when its context ends, and by force only when that does not help.
func interruptible(command *exec.Cmd) {
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 15 * time.Second
}
