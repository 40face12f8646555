// Package integration tests the programs, as built, on a real API server: with the generated CRD, and with no more
// rights than the generated roles give.
package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	repository = "../.."
	release    = "quiesce-system"
	// patience is how long to wait for what should take a second, on a machine that does ten other things.
	patience = time.Minute
	tick     = 50 * time.Millisecond
)

var (
	config   *rest.Config
	api      client.Client
	binaries string
)

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	log.SetLogger(logr.Discard())
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return 0, errors.New("KUBEBUILDER_ASSETS is not set: run these tests by make test, " +
			"or set it to the folder that go run -C test/cluster . assets prints")
	}
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(repository, "config/crd")},
		ErrorIfCRDPathMissing: true,
	}
	// As the CIS benchmark asks for; it changes what other admission has made.
	environment.ControlPlane.GetAPIServer().Configure().Append("enable-admission-plugins", "AlwaysPullImages")
	if config, err = environment.Start(); err != nil {
		return 0, fmt.Errorf("starting the API server: %w", err)
	}
	defer func() {
		if stopErr := environment.Stop(); err == nil {
			err = stopErr
		}
	}()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return 0, err
		}
	}
	if api, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: release}}
	if err := api.Create(context.Background(), namespace); err != nil {
		return 0, err
	}
	if binaries, err = os.MkdirTemp("", "quiesce-integration-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(binaries)
	if err := build(binaries); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
