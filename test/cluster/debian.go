package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// debianImage is Debian's packages on a small base that all such images share.
type debianImage struct {
	tag      string
	prepare  string // shell commands, run in the image before the packages are installed
	packages []string
	setup    string   // shell commands, run in the image after the packages are there
	programs string   // a folder that precedes the system's in PATH
	env      []string // beside PATH
	user     string   // numbers: kubelet compares them with runAsNonRoot; root when empty
	command  []string
}

func (i debianImage) config() v1.Config {
	path := pathVariable
	if i.programs != "" {
		path = "PATH=" + i.programs + ":" + systemPath
	}
	return v1.Config{Cmd: i.command, Env: append([]string{path}, i.env...), User: i.user}
}

// ingredients are all that decides the image's content.
func (i debianImage) ingredients(base string) []string {
	const end = "\x01" // of a list, so that an element cannot move from one to the next
	return slices.Concat([]string{base, i.prepare, i.setup, i.programs, i.user}, i.packages, []string{end}, i.env, []string{end}, i.command)
}

const debianSuite = "bookworm"

// debianSources includes security updates: images need not be old to be small.
const debianSources = `deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
`

// basePackages: ps and fsfreeze for the hooks under test, and busybox as a third shell beside Debian's dash and bash.
var basePackages = []string{"procps", "util-linux", "busybox-static"}

func debianRecipe(image debianImage) recipe {
	return recipe{tag: image.tag, archive: func(ctx context.Context, l layout) (string, error) {
		base, err := l.debianBase(ctx)
		if err != nil {
			return "", err
		}
		return l.cachedArchive(image.tag, image.ingredients(filepath.Base(base)), func(path, scratch string) error {
			say("installing %s into an image", strings.Join(image.packages, " "))
			layer := filepath.Join(scratch, "layer.tar")
			if err := debianLayer(ctx, base, scratch, layer, image); err != nil {
				return err
			}
			return writeArchive(path, image.tag, image.config(), base, layer)
		})
	}}
}

// debianBase answers a tar file with a minimal Debian, the lowest layer of every Debian image.
func (l layout) debianBase(ctx context.Context) (string, error) {
	ingredients := append([]string{debianSuite, debianSources, architecture}, basePackages...)
	return l.cachedArchive("debian-base:"+debianSuite, ingredients, func(path, scratch string) error {
		sources, tarball := filepath.Join(scratch, "sources.list"), filepath.Join(scratch, "base.tar")
		if err := os.WriteFile(sources, []byte(debianSources), 0o644); err != nil {
			return err
		}
		say("making a minimal Debian %s …", debianSuite)
		defer ticking("making a minimal Debian")()
		args := []string{"--variant=minbase", "--include=" + strings.Join(basePackages, ",")}
		for _, documentation := range []string{"doc", "man", "locale", "info"} {
			args = append(args, "--dpkgopt=path-exclude=/usr/share/"+documentation+"/*")
		}
		if err := tool(ctx, "mmdebstrap", append(args, debianSuite, tarball, sources)...); err != nil {
			return err
		}
		return os.Rename(tarball, path)
	})
}

// debianLayer installs packages over the base, in an overlay, and writes what that added as a layer.
func debianLayer(ctx context.Context, base, scratch, layer string, image debianImage) (err error) {
	folder := func(name string) string { return filepath.Join(scratch, name) }
	for _, name := range []string{"lower", "upper", "work", "root"} {
		if err := os.Mkdir(folder(name), 0o755); err != nil {
			return err
		}
	}
	if err := tool(ctx, "tar", "--extract", "--numeric-owner", "--file", base, "--directory", folder("lower")); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", folder("lower"), folder("upper"), folder("work"))
	if err := syscall.Mount("overlay", folder("root"), "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay for the image: %w", err)
	}
	defer func() { err = errors.Join(err, unmountBelow(folder("root"))) }()
	if err := installInto(ctx, folder("root"), image); err != nil {
		return err
	}
	return writeUpper(layer, folder("upper"))
}

// installInto runs apt in the image's root. The machine's resolver is lent to it, and services must not start.
func installInto(ctx context.Context, root string, image debianImage) (err error) {
	resolver, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return err
	}
	lent := map[string]string{
		filepath.Join(root, "etc/resolv.conf"):      string(resolver),
		filepath.Join(root, "usr/sbin/policy-rc.d"): "#!/bin/sh\nexit 101\n",
	}
	for path, content := range lent {
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			return err
		}
	}
	defer func() {
		for path := range lent {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	script := fmt.Sprintf(`set -e
export DEBIAN_FRONTEND=noninteractive
%s
apt-get update -qq
apt-get install --yes -qq --no-install-recommends %s
%s
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log`, image.prepare, strings.Join(image.packages, " "), image.setup)
	return tool(ctx, "chroot", root, "sh", "-c", script)
}
