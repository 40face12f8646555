package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ensureBinaries builds those of the named binaries that the cache lacks and returns the path of each.
func (l layout) ensureBinaries(ctx context.Context, names []string) (map[string]string, error) {
	paths, missing, err := l.findBinaries(names)
	if err != nil || len(missing) == 0 {
		return paths, err
	}
	release, err := lock(filepath.Join(l.cache, "bin.lock"), "building binaries")
	if err != nil {
		return nil, err
	}
	defer release()
	// Look again under the lock: another run may have built them in the meantime.
	if paths, missing, err = l.findBinaries(names); err != nil {
		return nil, err
	}
	for i, b := range missing {
		step := fmt.Sprintf("building %s %s (%d of %d)", b.name, b.versionText, i+1, len(missing))
		say("%s …", step)
		start := time.Now()
		if err := goBuild(ctx, step, l.module(b.module), b.pkg, b.ldflags, b.path); err != nil {
			return nil, err
		}
		if took := time.Since(start); took > time.Second {
			say("built %s in %s", b.name, took.Round(100*time.Millisecond))
		}
	}
	return paths, nil
}

func (l layout) findBinaries(names []string) (paths map[string]string, missing []build, err error) {
	paths = map[string]string{}
	for _, name := range names {
		p, err := findPinned(name)
		if err != nil {
			return nil, nil, err
		}
		b, err := l.build(p)
		if err != nil {
			return nil, nil, err
		}
		paths[name] = b.path
		if _, err := os.Stat(b.path); err != nil {
			missing = append(missing, b)
		}
	}
	return paths, missing, nil
}

// goBuild builds a package without cgo, so that the result runs in any image. The binary gets its name only when it is
// whole: a build that was interrupted leaves nothing that looks finished.
func goBuild(ctx context.Context, step, folder, pkg, ldflags, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	defer ticking(step)()
	unfinished := out + ".unfinished"
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags, "-o", unfinished, pkg)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		_ = os.Remove(unfinished)
		return fmt.Errorf("%s, in %s: %w\n%s", step, folder, err, tail(string(output), 20))
	}
	return os.Rename(unfinished, out)
}

func printBinary(ctx context.Context, out io.Writer, l layout, name string) error {
	paths, err := l.ensureBinaries(ctx, []string{name})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, paths[name])
	return err
}

// printAssets gathers envtest's three binaries in one folder, as links: they come from the cache as they are.
func printAssets(ctx context.Context, out io.Writer, l layout) error {
	paths, err := l.ensureBinaries(ctx, envtestBinaries)
	if err != nil {
		return err
	}
	folder := filepath.Join(filepath.Dir(paths["kube-apiserver"]), "envtest")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, path := range paths {
		if err := replaceLink(path, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, folder)
	return err
}

// replaceLink makes link point to target in one step, so that nobody meets it missing.
func replaceLink(target, link string) error {
	if current, err := os.Readlink(link); err == nil && current == target {
		return nil
	}
	unfinished := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(target, unfinished); err != nil {
		return err
	}
	return os.Rename(unfinished, link)
}
