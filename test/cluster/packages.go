package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// need is a program or file that this machine must have, with the Debian package that brings it. What counts is the
// program: a machine may have it from elsewhere, and Debian's containerd would drive out Docker's.
type need struct{ pkg, program string }

var (
	clusterNeeds = []need{
		{"containerd", "/usr/bin/containerd"}, {"containerd", "ctr"}, {"containerd", "containerd-shim-runc-v2"}, {"runc", "runc"},
		{"containernetworking-plugins", cniPlugins + "/bridge"}, {"containernetworking-plugins", cniPlugins + "/host-local"},
		{"iptables", "iptables"}, {"nftables", "nft"}, {"conntrack", "conntrack"}, {"iproute2", "ip"},
		{"e2fsprogs", "mkfs.ext4"}, {"util-linux", "fsfreeze"}, {"mount", "losetup"},
	}
	imageNeeds = []need{{"busybox-static", "/bin/busybox"}, {"mmdebstrap", "mmdebstrap"}, {"buildah", "buildah"}}
)

// installPackages installs what is missing. Without apt it names what to install by hand.
func installPackages(ctx context.Context, needs []need) error {
	missing := missingPackages(needs, func(program string) bool {
		_, err := findTool(program)
		return err == nil
	})
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("missing on this machine, and there is no apt-get to install them: %s", strings.Join(missing, " "))
	}
	say("installing Debian packages: %s", strings.Join(missing, " "))
	allow, err := denyServices()
	if err != nil {
		return err
	}
	defer allow()
	// A source of the machine's own that cannot be reached must not stop us: what counts is whether the install works.
	if out, err := aptGet(ctx, "update"); err != nil {
		say("apt-get update failed (%v), going on with the lists there are: %s", err, lastLine(out))
	}
	args := append([]string{"install", "--yes", "--no-install-recommends"}, missing...)
	if out, err := aptGet(ctx, args...); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, tail(out, 20))
	}
	return nil
}

func aptGet(ctx context.Context, args ...string) (string, error) {
	defer ticking("running apt-get " + args[0])()
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func missingPackages(needs []need, has func(program string) bool) []string {
	var missing []string
	for _, n := range needs {
		if !has(n.program) && !slices.Contains(missing, n.pkg) {
			missing = append(missing, n.pkg)
		}
	}
	return missing
}

const policyFile = "/usr/sbin/policy-rc.d"

// denyServices keeps Debian's maintainer scripts from starting services, containerd's own above all: invoke-rc.d asks
// policy-rc.d first, and exit code 101 forbids. A policy that is there already stays.
func denyServices() (allow func(), err error) {
	file, err := os.OpenFile(policyFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, os.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("keeping Debian from starting services while packages are installed: %w", err)
	}
	_, err = file.WriteString("#!/bin/sh\nexit 101\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return func() { _ = os.Remove(policyFile) }, nil
}
