package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needsNothing are binaries of the standard library alone, from a module that another binary's directive keeps. Without
// a directive of their own, go.mod and with it the place in the cache of all that it pins stay as they are.
var needsNothing = []string{"velero-restore-helper"}

// TestEveryPinIsBuildable holds the table against the modules: each binary has a version there and a tool directive,
// without which `go mod tidy` would drop what it needs.
func TestEveryPinIsBuildable(t *testing.T) {
	l := layout{source: ".", cache: t.TempDir()}
	for _, p := range pinnedBinaries {
		t.Run(p.name, func(t *testing.T) {
			b, err := l.build(p)
			require.NoError(t, err)
			assert.Regexp(t, `^v\d+\.\d+\.\d+$`, b.versionText)
			assert.Contains(t, b.path, b.versionText)

			if slices.Contains(needsNothing, p.name) {
				return
			}
			mod, err := os.ReadFile(filepath.Join(l.module(p.module), "go.mod"))
			require.NoError(t, err)
			assert.Regexp(t, `(?m)^(tool |\t)`+p.pkg+`$`, string(mod))
		})
	}
}

// TestStagingFollowsKubernetes: Kubernetes v1.N.P wants its staging modules at v0.N.P, by replace directives that
// nothing but this test keeps in step.
func TestStagingFollowsKubernetes(t *testing.T) {
	mod, err := os.ReadFile("modules/kubernetes/go.mod")
	require.NoError(t, err)
	version, err := requiredVersion(string(mod), kubernetesModule)
	require.NoError(t, err)
	for line := range strings.Lines(string(mod)) {
		if fields := strings.Fields(line); len(fields) == 5 && fields[0] == "replace" {
			assert.Equal(t, strings.Replace(version, "v1.", "v0.", 1), fields[4], fields[1])
		}
	}
}

func TestRequiredVersion(t *testing.T) {
	const mod = "module m\n\nreplace k8s.io/api => k8s.io/api v0.9.9\n\nrequire example.com/one v1.0.0\n\nrequire (\n" +
		"\tk8s.io/api v0.37.1 // indirect\n\tk8s.io/apiserver v0.38.0\n)\n"
	tests := map[string]struct{ module, want string }{
		"alone on its line":     {"example.com/one", "v1.0.0"},
		"in a block":            {"k8s.io/api", "v0.37.1"},
		"a prefix of another":   {"k8s.io/apiserver", "v0.38.0"},
		"not required":          {"k8s.io/nothing", ""},
		"a dot is no wild card": {"exampleXcom/one", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := requiredVersion(mod, test.module)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.want == "", err != nil)
		})
	}
}

func TestCacheKeyChangesWithWhateverIsBuilt(t *testing.T) {
	p := pinned{name: "kubectl", version: kubernetesModule}
	base := cacheKey(p, "v1.37.1", "-s", []byte("mod"), []byte("sum"))
	assert.Regexp(t, `^kubernetes-v1\.37\.1-[0-9a-f]{12}$`, base)
	assert.Equal(t, base, cacheKey(p, "v1.37.1", "-s", []byte("mod"), []byte("sum")))
	for name, other := range map[string]string{
		"another go.sum":               cacheKey(p, "v1.37.1", "-s", []byte("mod"), []byte("new")),
		"another go.mod":               cacheKey(p, "v1.37.1", "-s", []byte("new"), []byte("sum")),
		"other flags":                  cacheKey(p, "v1.37.1", "-w", []byte("mod"), []byte("sum")),
		"the same bytes cut elsewhere": cacheKey(p, "v1.37.1", "-s", []byte("mods"), []byte("um")),
	} {
		assert.NotEqual(t, base, other, name)
	}
}

// A program of our own is built anew with every change, as one of a module is with its version.
func TestThePlaceInTheCacheOfOurOwnProgramFollowsItsSource(t *testing.T) {
	l := layout{source: t.TempDir(), cache: t.TempDir()}
	require.NoError(t, os.CopyFS(l.module("csi"), os.DirFS("modules/csi")))
	driver, err := findPinned("csi-driver")
	require.NoError(t, err)
	other, err := findPinned("csi-snapshotter")
	require.NoError(t, err)
	place := func(p pinned) string {
		b, err := l.build(p)
		require.NoError(t, err)
		return b.path
	}
	before, beside := place(driver), place(other)
	assert.Equal(t, before, place(driver))
	file := filepath.Join(l.module("csi"), "driver", "node.go")
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(source, '\n'), 0o600))
	assert.NotEqual(t, before, place(driver))
	assert.Equal(t, beside, place(other))
}

func TestLdflagsTellKubernetesItsVersion(t *testing.T) {
	flags := ldflags(pinned{version: kubernetesModule}, "v1.37.1")
	for _, want := range []string{"version.gitVersion=v1.37.1", "version.gitMajor=1", "version.gitMinor=37"} {
		assert.Contains(t, flags, want)
	}
	assert.NotContains(t, ldflags(pinned{version: veleroModule}, "v1.18.3"), "-X")
}

func TestAnUnknownBinaryIsRefusedWithTheKnownOnes(t *testing.T) {
	_, err := findPinned("kubeadm")
	require.ErrorContains(t, err, `"kubeadm"`)
	require.ErrorContains(t, err, "kube-apiserver")
}
