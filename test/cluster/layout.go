package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// layout says where everything lies: the sources that pin what is built, the cache that outlives clusters, and the
// folder of the cluster itself, which `down` removes whole.
type layout struct {
	source  string // this module's folder
	cache   string
	cluster string
}

// longestCluster bounds the cluster's path: unix sockets lie up to 50 bytes below it (kubelet's plugin sockets), and
// the kernel takes 108 bytes for a socket's path (unix(7)).
const longestCluster = 56

func findLayout() (layout, error) {
	source, err := findSource()
	if err != nil {
		return layout{}, err
	}
	cache := os.Getenv("QUIESCE_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return layout{}, fmt.Errorf("no place for caches (%w): set QUIESCE_CACHE to a folder", err)
		}
		cache = filepath.Join(user, "quiesce")
	}
	cluster := os.Getenv("QUIESCE_CLUSTER")
	if cluster == "" {
		cluster = filepath.Join(cache, "cluster")
	}
	for _, path := range []*string{&cache, &cluster} {
		if *path, err = filepath.Abs(*path); err != nil {
			return layout{}, err
		}
	}
	if len(cluster) > longestCluster {
		return layout{}, fmt.Errorf("the cluster's folder %s has %d bytes; unix sockets below it allow %d: set QUIESCE_CLUSTER to a shorter path",
			cluster, len(cluster), longestCluster)
	}
	return layout{source: source, cache: cache, cluster: cluster}, nil
}

// findSource looks in the working folder, which is this module's under `go run -C test/cluster .`, and in the repository around it.
func findSource() (string, error) {
	working, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for folder := working; ; folder = filepath.Dir(folder) {
		for _, source := range []string{folder, filepath.Join(folder, "test", "cluster")} {
			if _, err := os.Stat(filepath.Join(source, "modules", "kubernetes", "go.mod")); err == nil {
				return source, nil
			}
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("modules/kubernetes/go.mod not found: run this as `go run -C test/cluster . …` inside the repository")
		}
	}
}

func (l layout) repository() string { return filepath.Dir(filepath.Dir(l.source)) }
func (l layout) module(name string) string {
	return filepath.Join(l.source, "modules", name)
}
func (l layout) part(name string) string      { return filepath.Join(l.cluster, "parts", name) }
func (l layout) images() string               { return filepath.Join(l.cache, "images") }
func (l layout) pki() string                  { return filepath.Join(l.cluster, "pki") }
func (l layout) kubeconfig(who string) string { return filepath.Join(l.cluster, who+".kubeconfig") }
func (l layout) kubeletRoot() string          { return filepath.Join(l.part("kubelet"), "root") }
func (l layout) kubectlCache() string         { return filepath.Join(l.cluster, "kubectl") }
func (l layout) containerdSocket() string {
	return filepath.Join(l.part("containerd"), "containerd.sock")
}
