package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// moduleSource answers the folder with the source of a pinned module: manifests are read from the very version that the
// binary is built from.
func (l layout) moduleSource(ctx context.Context, folder, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
	cmd.Dir = l.module(folder)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("finding the source of %s: %w", module, err)
	}
	source := strings.TrimSpace(string(out))
	if source == "" {
		return "", fmt.Errorf("the source of %s is not on this machine: run `go mod download` in %s", module, cmd.Dir)
	}
	return source, nil
}

// joinManifests makes one text of all files that a pattern names.
func joinManifests(pattern string) (string, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("no manifests at %s: this version keeps them elsewhere", pattern)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		all.WriteString("---\n" + strings.TrimPrefix(string(text), "---\n"))
	}
	return all.String(), nil
}
