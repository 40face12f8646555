// Package walkthrough has the steps of the main job, from a bare machine to an application-consistent backup: a cluster,
// Quiesce in it, a namespace that opts in, a policy, a pod on a filesystem that can be frozen, a backup by Velero, and the
// proof that the application stood still meanwhile. test/demo tells them as a story, test/e2e asserts them.
package walkthrough

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Repository finds the root of the repository, from any folder inside.
func Repository() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		module, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && bytes.HasPrefix(module, []byte("module github.com/quiesce-io/quiesce\n")) {
			return folder, nil
		}
		if filepath.Dir(folder) == folder {
			return "", errors.New("not inside the repository: no go.mod of github.com/quiesce-io/quiesce here or above")
		}
		folder = filepath.Dir(folder)
	}
}

// cache is where test/cluster keeps what it builds, and where we keep what we need beside it. Symbolic links are
// resolved, since the kernel names files so.
func cache() (string, error) {
	folder := os.Getenv("QUIESCE_CACHE")
	if folder == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no place for caches (%w): set QUIESCE_CACHE to a folder", err)
		}
		folder = filepath.Join(user, "quiesce")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(folder)
}
