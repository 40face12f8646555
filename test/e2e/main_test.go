//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

const (
	// patience is how long to wait for what should take seconds, on a machine that does ten other things.
	patience = 90 * time.Second
	tick     = 100 * time.Millisecond
	diskName = "e2e"
)

// What all tests share; set once by TestMain.
var (
	cluster  walkthrough.Cluster
	api      client.WithWatch
	terminal *walkthrough.Terminal
	// clusterConfig is how the administrator reaches the API server.
	clusterConfig *rest.Config
)

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(ctx context.Context, m *testing.M) (code int, err error) {
	log.SetLogger(logr.Discard())
	repository, err := walkthrough.Repository()
	if err != nil {
		return 0, err
	}
	cluster = walkthrough.Cluster{Repository: repository, Progress: os.Stderr}
	if !cluster.IsUp(ctx) && os.Getenv("QUIESCE_E2E_KEEP") != "1" {
		defer func() {
			if downErr := cluster.Down(context.WithoutCancel(ctx)); err == nil {
				err = downErr
			}
		}()
	}
	if err := cluster.Up(ctx, "--node-agent", "--csi"); err != nil {
		return 0, err
	}
	if err := cluster.Load(ctx, "busybox", "etcd", "influxdb", "mariadb", "nginx", "postgres", "quiesce", "rabbitmq", "redis"); err != nil {
		return 0, err
	}
	if terminal, err = walkthrough.OpenTerminal(ctx, cluster, nil); err != nil {
		return 0, err
	}
	if api, err = walkthrough.Connect(ctx, cluster); err != nil {
		return 0, err
	}
	if clusterConfig, err = walkthrough.Config(ctx, cluster); err != nil {
		return 0, err
	}
	if err := removeLeftovers(ctx); err != nil {
		return 0, fmt.Errorf("removing what an interrupted run has left: %w", err)
	}
	if err := install(ctx); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// install installs Quiesce, so that hooks without a pod may send requests to pods.
func install(ctx context.Context) error {
	return walkthrough.Install(ctx, terminal, "sessions.requestHosts={10.244.0.0/24}", "velero.gate.controllerGone.after=30s")
}

// ours marks all that the tests make outside of a namespace of theirs.
var ours = client.MatchingLabels{"quiesce.test/e2e": "true"}

func removeLeftovers(ctx context.Context) error {
	for _, name := range []string{diskName, proofDiskName} {
		disk, err := walkthrough.NewDisk(name)
		if err != nil {
			return err
		}
		if err := disk.Thaw(ctx); err != nil {
			return err
		}
	}
	var namespaces corev1.NamespaceList
	if err := api.List(ctx, &namespaces, ours); err != nil {
		return err
	}
	for i := range namespaces.Items {
		if err := client.IgnoreNotFound(api.Delete(ctx, &namespaces.Items[i])); err != nil {
			return err
		}
	}
	// On a new cluster there is no such kind yet.
	var policies v1alpha1.HookPolicyList
	if err := api.List(ctx, &policies, ours); err != nil {
		return nil //nolint:nilerr // as said
	}
	for i := range policies.Items {
		if err := client.IgnoreNotFound(api.Delete(ctx, &policies.Items[i])); err != nil {
			return err
		}
	}
	return nil
}
