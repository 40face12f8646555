//go:build e2e

package e2e

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// bareExec is what client-go says of a command, for the record.
func bareExec(t *testing.T, pod *corev1.Pod, protocol string, command ...string) error {
	t.Helper()
	config, err := walkthrough.Config(t.Context(), cluster)
	require.NoError(t, err)
	at, err := url.Parse(config.Host + "/api/v1/namespaces/" + pod.Namespace + "/pods/" + pod.Name + "/exec")
	require.NoError(t, err)
	values, err := scheme.ParameterCodec.EncodeParameters(&corev1.PodExecOptions{Container: "main", Command: command, Stdout: true, Stderr: true}, corev1.SchemeGroupVersion)
	require.NoError(t, err)
	at.RawQuery = values.Encode()
	var executor remotecommand.Executor
	if protocol == webSocket {
		executor, err = remotecommand.NewWebSocketExecutor(config, http.MethodGet, at.String())
	} else {
		executor, err = remotecommand.NewSPDYExecutor(config, http.MethodPost, at)
	}
	require.NoError(t, err)
	return executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: io.Discard, Stderr: io.Discard})
}

// Commands run, and a lock is held, when a part of the cluster dies through which they are connected.
func TestADeathInBetweenIsNoSuccess(t *testing.T) {
	for _, part := range []string{"kube-apiserver", "kubelet", "containerd"} {
		t.Run(part, func(t *testing.T) {
			d, request := locking(t)
			pod := d.busybox()
			h, held := newExecutor(t, "").Hold(t.Context(), request)
			require.NotNil(t, h, held)
			noShell := execIn(pod, "sleep", "60")
			noShell.NoShell = true

			var waiting sync.WaitGroup
			begun := time.Now()
			results := map[string]action.Result{}
			var lock sync.Mutex
			for name, run := range map[string]func() action.Result{
				"over WebSocket": func() action.Result {
					return newExecutor(t, "", overSPDY).Exec(t.Context(), execIn(pod, "sleep", "60"))
				},
				"over SPDY": func() action.Result {
					return newExecutor(t, "", webSocket).Exec(t.Context(), execIn(pod, "sleep", "60"))
				},
				"without a shell":                 func() action.Result { return newExecutor(t, "").Exec(t.Context(), noShell) },
				"without a shell, over WebSocket": func() action.Result { return newExecutor(t, "", overSPDY).Exec(t.Context(), noShell) },
			} {
				waiting.Go(func() {
					result := run()
					lock.Lock()
					defer lock.Unlock()
					results[name] = result
				})
			}
			bare := map[string]error{}
			for name, protocol := range map[string]string{"client-go over WebSocket": webSocket, "client-go over SPDY": overSPDY} {
				waiting.Go(func() {
					err := bareExec(t, pod, protocol, "sleep", "60")
					lock.Lock()
					defer lock.Unlock()
					bare[name] = err
				})
			}
			time.Sleep(3 * time.Second)
			t.Cleanup(func() { assert.NoError(t, cluster.Up(context.Background())) })
			killed := time.Now()
			require.NoError(t, cluster.Kill(t.Context(), part))
			lost := requireLost(t, h, patience)
			t.Logf("the loss of the hold was told %s after the kill began", time.Since(killed).Round(tick))
			waiting.Wait()
			assert.Less(t, time.Since(begun), 50*time.Second, "long before the commands would have ended")
			for name, err := range bare {
				t.Logf("%s says: %v", name, err)
			}
			for name, result := range results {
				t.Logf("%s: %s after %s: %s", name, result.Reason, result.Duration.Round(tick), result.Message)
				if name == "without a shell, over WebSocket" && part == "containerd" {
					assert.Equal(t, action.Unknown, result.Reason, "the kubelet tells of a success")
				} else {
					assert.Equal(t, action.ConnectionLost, result.Reason, name)
				}
				assert.Equal(t, action.MayRun, result.Process, name)
			}
			assert.Equal(t, action.ConnectionLost, lost.Reason, lost)
			require.NoError(t, cluster.Up(t.Context()))
			require.Eventually(t, func() bool {
				return api.Get(t.Context(), client.ObjectKeyFromObject(pod), pod) == nil
			}, patience, tick)
			released := h.Release(t.Context())
			t.Logf("released: %s, %s: %s", released.Reason, released.Process, released.Message)
			assert.Equal(t, action.ConnectionLost, released.Reason)
			if part == "kube-apiserver" {
				assert.Equal(t, action.HasEnded, released.Process)
			}
			require.Eventually(t, func() bool {
				answer, err := terminal.Run(t.Context(), "kubectl", "exec", "-n", d.namespace, "database", "--", "psql", "-tAqc",
					"SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 't'::regclass")
				return err == nil && answer[:1] == "0"
			}, patience, tick, "the lock is gone, as psql came to the end of its stdin")
			d.requireNeverRestarted()
		})
	}
}
