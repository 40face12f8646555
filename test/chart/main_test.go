// Package chart_test puts the Helm chart through the real programs: helm renders and installs it, and an API server
// judges what comes out.
package chart_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	chart     = "../../charts/quiesce"
	namespace = "quiesce-system"

	howToRun = "run `make verify-chart`, which builds helm and the API server and sets HELM and KUBEBUILDER_ASSETS"
)

// What all tests share; set once by TestMain.
var (
	// server talks to the API server as its administrator. Unknown and doubled fields are errors.
	server client.Client
	// administrator is how it does.
	administrator *rest.Config
	// kubeconfig is a file with the same rights, for helm.
	kubeconfig string
	// kubeVersion is what the API server says it is.
	kubeVersion string
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	for _, name := range []string{"HELM", "KUBEBUILDER_ASSETS"} {
		if os.Getenv(name) == "" {
			return 0, fmt.Errorf("%s is not set: %s", name, howToRun)
		}
	}

	// The operator's kind is not ours, so nothing of the chart brings it.
	environment := &envtest.Environment{CRDDirectoryPaths: []string{"testdata/crds"}, ErrorIfCRDPathMissing: true}
	config, err := environment.Start()
	if err != nil {
		return 0, fmt.Errorf("the API server did not start: %w: %s", err, howToRun)
	}
	defer func() {
		if stopErr := environment.Stop(); err == nil {
			err = stopErr
		}
	}()

	administrator = config
	log.SetLogger(logr.Discard())

	dir, err := os.MkdirTemp("", "quiesce-chart-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, environment.KubeConfig, 0o600); err != nil {
		return 0, err
	}

	versions, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return 0, err
	}
	version, err := versions.ServerVersion()
	if err != nil {
		return 0, err
	}
	kubeVersion = version.GitVersion

	if err := apiextensionsv1.AddToScheme(scheme.Scheme); err != nil {
		return 0, err
	}
	lenient, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		return 0, err
	}
	server = client.WithFieldValidation(lenient, metav1.FieldValidationStrict)

	// The level that the README promises, enforced by the API server's own admission.
	if err := server.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   namespace,
		Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
