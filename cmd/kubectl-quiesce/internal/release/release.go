package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// platform is what a plugin is built for.
type platform struct{ OS, Arch string }

var platforms = []platform{
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

// Binary is the plugin's file.
func (p platform) Binary() string {
	if p.OS == "windows" {
		return "kubectl-quiesce.exe"
	}
	return "kubectl-quiesce"
}

const (
	// completion is what kubectl runs to complete the plugin's arguments. It is a shell script, of which Windows has no use.
	completion       = "kubectl_complete-quiesce"
	completionSource = "cmd/kubectl-quiesce/internal/command/" + completion
	versionVariable  = "github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/version.release"
)

// release is one version, to be built.
type release struct {
	repository, version string
	// time is that of every file in the archives.
	time time.Time
}

// packed is an archive that has been written.
type packed struct {
	platform
	Archive, SHA256 string
	Files           []string
}

// semantic is a version as krew takes it (https://semver.org), with a v.
var semantic = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// write builds for platforms, and writes all that a release has into a folder.
func (r release) write(ctx context.Context, folder string, platforms []platform) error {
	if !semantic.MatchString(r.version) {
		return fmt.Errorf("version %q: write one such as v1.2.3, or v1.2.3-rc.1", r.version)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var (
		archives []packed
		sums     strings.Builder
	)
	for _, p := range platforms {
		archive, err := r.pack(ctx, folder, p)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", p.OS, p.Arch, err)
		}
		archives = append(archives, archive)
		fmt.Fprintf(&sums, "%s  %s\n", archive.SHA256, archive.Archive)
	}
	if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("kubectl-quiesce_%s_SHA256SUMS", r.version)), []byte(sums.String()), 0o644); err != nil {
		return err
	}
	manifest, err := krewManifest(r.version, archives)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "quiesce.yaml"), manifest, 0o644)
}

// pack builds the plugin for a platform, and writes its archive.
func (r release) pack(ctx context.Context, folder string, p platform) (packed, error) {
	binary, err := r.build(ctx, p)
	if err != nil {
		return packed{}, err
	}
	files := []file{{p.Binary(), binary, true}}
	license, err := os.ReadFile(filepath.Join(r.repository, "LICENSE"))
	if err != nil {
		return packed{}, err
	}
	files = append(files, file{"LICENSE", license, false})
	write, extension := zipped, "zip"
	if p.OS != "windows" {
		write, extension = tarred, "tar.gz"
		shim, err := os.ReadFile(filepath.Join(r.repository, completionSource))
		if err != nil {
			return packed{}, err
		}
		files = append(files, file{completion, shim, true})
	}
	archive := packed{platform: p, Archive: fmt.Sprintf("kubectl-quiesce_%s_%s_%s.%s", r.version, p.OS, p.Arch, extension)}
	for _, f := range files {
		archive.Files = append(archive.Files, f.name)
	}
	var content bytes.Buffer
	if err := write(&content, r.time, files); err != nil {
		return packed{}, err
	}
	sum := sha256.Sum256(content.Bytes())
	archive.SHA256 = hex.EncodeToString(sum[:])
	return archive, os.WriteFile(filepath.Join(folder, archive.Archive), content.Bytes(), 0o644)
}

// build returns the plugin. Nothing of this machine, nor of the time, is in it.
func (r release) build(ctx context.Context, p platform) ([]byte, error) {
	folder, err := os.MkdirTemp("", "kubectl-quiesce-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, p.Binary())
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X "+versionVariable+"="+r.version,
		"-o", file, "./cmd/kubectl-quiesce")
	command.Dir = r.repository
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+p.OS, "GOARCH="+p.Arch)
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return os.ReadFile(file)
}
