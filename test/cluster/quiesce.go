package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const quiesceImage = "quiesce.test/quiesce:dev"

// quiesceArchive builds the project's own image from its own Dockerfile. The first stage, which compiles in a Go image
// from a registry, is replaced by a folder with what we compiled here; the base is empty, since the binaries are static.
// The archive is made anew each time, without times in it, so that the same binaries are not imported again.
func quiesceArchive(ctx context.Context, l layout) (string, error) {
	repository, work := l.repository(), filepath.Join(l.images(), "quiesce")
	// The plugin, kubectl-quiesce, is for people's own machines.
	commands, err := filepath.Glob(filepath.Join(repository, "cmd", "quiesce-*", "main.go"))
	if err != nil {
		return "", err
	}
	if len(commands) == 0 {
		return "", fmt.Errorf("no commands in %s: there is nothing to build an image from", filepath.Join(repository, "cmd"))
	}
	stage := filepath.Join(work, "build")
	if err := os.RemoveAll(stage); err != nil {
		return "", err
	}
	for _, command := range commands {
		name := filepath.Base(filepath.Dir(command))
		if err := goBuild(ctx, "building "+name, repository, "./cmd/"+name, "-s -w", filepath.Join(stage, "out", name)); err != nil {
			return "", err
		}
	}
	buildah := func(args ...string) error {
		global := []string{"--root", filepath.Join(work, "store"), "--runroot", filepath.Join(work, "run"), "--storage-driver", "vfs"}
		return tool(ctx, "buildah", append(global, args...)...)
	}
	archive := filepath.Join(work, "quiesce.tar")
	if err := buildah("bud", "--isolation", "chroot", "--build-arg", "BASE=scratch", "--build-context", "build="+stage,
		"--timestamp", "0", "--tag", quiesceImage, repository); err != nil {
		return "", err
	}
	if err := os.Remove(archive); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := buildah("push", quiesceImage, "docker-archive:"+archive+":"+quiesceImage); err != nil {
		return "", err
	}
	// Each build leaves its image behind; without pruning the store would grow with every change.
	return archive, buildah("rmi", "--all", "--force")
}
