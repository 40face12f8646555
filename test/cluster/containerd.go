package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

const containerdSettings = `version = 2
root = %q
state = %q
# What this machine does not have only makes noise in the log.
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  # Without the right to lower oom_score_adj (CAP_SYS_RESOURCE) every sandbox would fail.
  restrict_oom_score_adj = true
  # Network namespaces lie in our own folder, so that what remains of them is known as ours.
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = %q
`

func (l layout) containerdState() string { return filepath.Join(l.part("containerd"), "state") }

func (l layout) containerdConfig() string {
	folder := l.part("containerd")
	return fmt.Sprintf(containerdSettings, filepath.Join(folder, "root"), l.containerdState(), l.containerdSocket(),
		pauseImage, cniPlugins, filepath.Join(folder, "cni"), filepath.Join(l.containerdState(), "runc"))
}

// containerd is Debian's, with root, state and socket of its own: a containerd that the machine has is not disturbed.
func (c *cluster) containerd() part {
	folder := c.part("containerd")
	return part{
		name: "containerd", wave: 1, binary: "/usr/bin/containerd", address: c.containerdSocket(),
		args: []string{"--config", filepath.Join(folder, "config.toml")},
		prepare: func(context.Context) error {
			if err := writeWhole(filepath.Join(folder, "cni", "10-quiesce.conflist"), []byte(c.cniConfig()), 0o644); err != nil {
				return err
			}
			return writeWhole(filepath.Join(folder, "config.toml"), []byte(c.containerdConfig()), 0o644)
		},
		ready: func(ctx context.Context) error {
			_, err := c.ctr(ctx, "version")
			return err
		},
	}
}

// ctr talks to our containerd in the namespace that kubelet uses.
func (l layout) ctr(ctx context.Context, args ...string) (string, error) {
	cmd := command(ctx, "ctr", append([]string{"--address", l.containerdSocket(), "--namespace", "k8s.io"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, tail(string(out), 5))
	}
	return string(out), nil
}
