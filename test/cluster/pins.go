package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// pinned is a binary built from one of the modules in modules/, whose go.mod says the version.
type pinned struct {
	name    string
	module  string // folder in modules/
	version string // the module path whose required version names the build
	pkg     string
}

const kubernetesModule = "k8s.io/kubernetes"

var pinnedBinaries = []pinned{
	{"etcd", "kubernetes", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"},
	{"kube-apiserver", "kubernetes", kubernetesModule, "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"kube-controller-manager", "kubernetes", kubernetesModule, "k8s.io/kubernetes/cmd/kube-controller-manager"},
	{"kube-scheduler", "kubernetes", kubernetesModule, "k8s.io/kubernetes/cmd/kube-scheduler"},
	{"kubelet", "kubernetes", kubernetesModule, "k8s.io/kubernetes/cmd/kubelet"},
	{"kube-proxy", "kubernetes", kubernetesModule, "k8s.io/kubernetes/cmd/kube-proxy"},
	{"kubectl", "kubernetes", kubernetesModule, "k8s.io/kubernetes/cmd/kubectl"},
	{"velero", "velero", veleroModule, veleroModule + "/cmd/velero"},
	{"velero-restore-helper", "velero", veleroModule, veleroModule + "/cmd/velero-restore-helper"},
	{"velero-plugin-for-aws", "velero", "github.com/vmware-tanzu/velero-plugin-for-aws", "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws"},
	{"versitygw", "s3", "github.com/versity/versitygw", "github.com/versity/versitygw/cmd/versitygw"},
	{"kwok", "kwok", kwokModule, kwokModule + "/cmd/kwok"},
	{"snapshot-controller", "csi", snapshotterModule, snapshotterModule + "/cmd/snapshot-controller"},
	{"csi-snapshotter", "csi", snapshotterModule, snapshotterModule + "/cmd/csi-snapshotter"},
	// In a module of its own: it does not compile with the client-go that the snapshotter wants.
	{"csi-provisioner", "csi-provisioner", provisionerModule, provisionerModule + "/cmd/csi-provisioner"},
	{"csi-driver", "csi", "github.com/container-storage-interface/spec", ownModules + "csi/driver"},
}

const (
	veleroModule = "github.com/vmware-tanzu/velero"
	kwokModule   = "sigs.k8s.io/kwok"

	snapshotterModule = "github.com/kubernetes-csi/external-snapshotter/v8"
	provisionerModule = "github.com/kubernetes-csi/external-provisioner/v6"
)

// ownModules begins the paths of the modules in modules/.
const ownModules = "github.com/quiesce-io/quiesce/test/cluster/modules/"

var (
	clusterBinaries = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"}
	veleroBinaries  = []string{"velero", "velero-plugin-for-aws", "versitygw"}
	agentBinaries   = []string{"velero-restore-helper"}
	kwokBinaries    = []string{"kwok"}
	csiBinaries     = []string{"snapshot-controller", "csi-snapshotter", "csi-provisioner", "csi-driver"}
	envtestBinaries = []string{"etcd", "kube-apiserver", "kubectl"}
)

func findPinned(name string) (pinned, error) {
	var names []string
	for _, p := range pinnedBinaries {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return pinned{}, fmt.Errorf("no binary %q is pinned here; there are %s", name, strings.Join(names, ", "))
}

// build is a pinned binary with all that decides its content, and so its place in the cache.
type build struct {
	pinned
	versionText string
	ldflags     string
	path        string
}

func (l layout) build(p pinned) (build, error) {
	folder := l.module(p.module)
	mod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return build{}, err
	}
	sum, err := os.ReadFile(filepath.Join(folder, "go.sum"))
	if err != nil {
		return build{}, err
	}
	own, err := l.ownSource(p)
	if err != nil {
		return build{}, err
	}
	b := build{pinned: p}
	if b.versionText, err = requiredVersion(string(mod), p.version); err != nil {
		return build{}, fmt.Errorf("%s/go.mod: %w", folder, err)
	}
	b.ldflags = ldflags(p, b.versionText)
	b.path = filepath.Join(l.cache, "bin", cacheKey(p, b.versionText, b.ldflags, mod, append(sum, own...)), p.name)
	return b, nil
}

// ownSource is the source of a program of our own; nothing of one that comes from a module, whose version names its source.
func (l layout) ownSource(p pinned) ([]byte, error) {
	folder, own := strings.CutPrefix(p.pkg, ownModules)
	if !own {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(l.module(folder), "*.go"))
	if err != nil {
		return nil, err
	}
	var source []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		source = append(source, text...)
	}
	return source, nil
}

// ldflags strip symbols; without the version numbers Kubernetes calls itself v0.0.0, which Helm and clients refuse.
func ldflags(p pinned, version string) string {
	flags := []string{"-s -w"}
	if p.version != kubernetesModule {
		return flags[0]
	}
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	for _, set := range []string{
		"k8s.io/component-base/version.gitVersion=" + version,
		"k8s.io/component-base/version.gitMajor=" + major,
		"k8s.io/component-base/version.gitMinor=" + minor,
		"k8s.io/client-go/pkg/version.gitVersion=" + version,
	} {
		flags = append(flags, "-X "+set)
	}
	return strings.Join(flags, " ")
}

// cacheKey names a folder of the cache: readable by its version, and different as soon as anything that goes into the
// build differs, so that a changed pin is built anew.
func cacheKey(p pinned, version, ldflags string, mod, sum []byte) string {
	hash := sha256.New()
	for _, piece := range [][]byte{mod, sum, []byte(ldflags), []byte(runtime.Version()), []byte(runtime.GOARCH)} {
		hash.Write(fmt.Appendf(nil, "%d\n", len(piece)))
		hash.Write(piece)
	}
	return fmt.Sprintf("%s-%s-%s", filepath.Base(strings.TrimSuffix(p.version, "/server/v3")), version, hex.EncodeToString(hash.Sum(nil))[:12])
}

func requiredVersion(mod, module string) (string, error) {
	match := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(module) + `\s+(v\S+)`).FindStringSubmatch(mod)
	if match == nil {
		return "", fmt.Errorf("requires no %s: add it with `go get -tool`", module)
	}
	return match[1], nil
}
