package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// toolPath adds the system folders, in which runc, iptables, nft and conntrack lie, to a user's PATH.
func toolPath() string {
	return os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
}

// findTool looks a program up in toolPath; a program with a slash in it is a path already.
func findTool(program string) (string, error) {
	if !strings.Contains(program, "/") {
		for _, folder := range filepath.SplitList(toolPath()) {
			if path, err := exec.LookPath(filepath.Join(folder, program)); err == nil {
				return path, nil
			}
		}
	}
	return exec.LookPath(program)
}

// command prepares a program of the system.
func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	path, err := findTool(program)
	if err != nil {
		path = program // running it tells what is wrong
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "PATH="+toolPath())
	return cmd
}

// tool runs a program of the system; its complaint goes into the error.
func tool(ctx context.Context, program string, args ...string) error {
	if out, err := command(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, tail(strings.TrimSpace(string(out)), 20))
	}
	return nil
}

// output is what a program of the system prints.
func output(ctx context.Context, program string, args ...string) (string, error) {
	out, err := command(ctx, program, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
