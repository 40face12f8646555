//go:build e2e

package e2e

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// copySlowly copies a folder as tools do that copy file by file: in no particular order, and while time passes. Test data is small,
// so that the time that is given is spent on the files that were written to of late, the same on each. Files that go meanwhile are
// left out, and files that come.
func copySlowly(from, to string, over time.Duration) error {
	var (
		begun   = time.Now()
		of      = map[string]fs.FileInfo{}
		files   []string
		changed int
	)
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir():
			return makeLike(info, to+path[len(from):])
		case info.Mode().IsRegular():
			files, of[path] = append(files, path), info
			if isChanging(info, begun) {
				changed++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	rand.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for _, path := range files {
		var share time.Duration
		if isChanging(of[path], begun) {
			share = over / time.Duration(changed)
		}
		if err := copyFile(path, to+path[len(from):], share); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func isChanging(info fs.FileInfo, at time.Time) bool { return at.Sub(info.ModTime()) < 10*time.Second }

func makeLike(info fs.FileInfo, path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return alike(info, path)
}

func alike(info fs.FileInfo, path string) error {
	owner := info.Sys().(*syscall.Stat_t)
	return errors.Join(os.Chmod(path, info.Mode().Perm()), os.Chown(path, int(owner.Uid), int(owner.Gid)))
}

// copyFile copies a file in pieces, over a time.
func copyFile(from, to string, over time.Duration) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close(), alike(info, to)) }()
	const pieces = 16
	for begun, piece := time.Now(), 1; ; piece++ {
		_, err := io.CopyN(target, source, info.Size()/pieces+1)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		time.Sleep(time.Until(begun.Add(over * time.Duration(piece) / pieces)))
	}
}

// copyAtOnce copies the volume as it is at one moment, while nothing of the server runs.
func (p *proof) copyAtOnce(to string) {
	p.t.Helper()
	var processes []int
	signal := func(signal syscall.Signal) {
		for _, process := range processes {
			_ = syscall.Kill(process, signal) // one that has ended writes nothing either
		}
	}
	defer signal(syscall.SIGCONT)
	// Until none has begun meanwhile.
	for all := processesOf(p.t, p.server); !slices.Equal(all, processes); all = processesOf(p.t, p.server) {
		processes = all
		signal(syscall.SIGSTOP)
	}
	output, err := exec.CommandContext(p.t.Context(), "cp", "-a", p.volume, to).CombinedOutput()
	require.NoError(p.t, err, "%s", output)
}

// processesOf are all processes of a pod.
func processesOf(t *testing.T, pod *corev1.Pod) (processes []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	require.NoError(t, err)
	for _, file := range files {
		if groups, err := os.ReadFile(file); err == nil && strings.Contains(string(groups), string(pod.UID)) {
			process, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			processes = append(processes, process)
		}
	}
	require.NotEmpty(t, processes)
	return processes
}
