//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// processOf is the process of a pod's container with which it began, as the machine numbers it.
func processOf(t *testing.T, pod *corev1.Pod, container string) int {
	t.Helper()
	var id string
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(pod), pod))
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == container {
			_, id, _ = strings.Cut(status.ContainerID, "://")
		}
	}
	require.NotEmpty(t, id, "container %s of pod %s", container, pod.Name)
	cgroups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	require.NoError(t, err)
	first := 0
	for _, file := range cgroups {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if content, err := os.ReadFile(file); err == nil && strings.Contains(string(content), id) && innermost(pid) == 1 {
			first = pid
		}
	}
	require.NotZero(t, first, "no process of container %s of pod %s", container, pod.Name)
	return first
}

// innermost is the number of a process in its own namespace; 0 where it has gone.
func innermost(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if numbers, found := strings.CutPrefix(line, "NSpid:"); found {
			fields := strings.Fields(numbers)
			number, _ := strconv.Atoi(fields[len(fields)-1])
			return number
		}
	}
	return 0
}

// frozenOnDisk tells what frozen does without the help of the API server.
func frozenOnDisk(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d/root/tmp/frozen", pid))
	return err == nil
}

func controllerPods(t *testing.T) []corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	require.NoError(t, api.List(t.Context(), &pods, client.InNamespace(walkthrough.Release), client.MatchingLabels{"app.kubernetes.io/component": "controller"}))
	return pods.Items
}

// leader is who leads the controllers.
func leader(ctx context.Context) string {
	var lease coordinationv1.Lease
	if err := api.Get(ctx, client.ObjectKey{Namespace: walkthrough.Release, Name: "quiesce-controller"}, &lease); err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// killController kills the controller that leads, by its process, and returns once another leads. Its pod is deleted with it, for
// the kubelet would restart a container that is killed often later each time.
func killController(t *testing.T) {
	t.Helper()
	before := leader(t.Context())
	begun := time.Now()
	for _, pod := range controllerPods(t) {
		if !strings.HasPrefix(before, pod.Name+"_") {
			continue
		}
		require.NoError(t, syscall.Kill(processOf(t, &pod, "controller"), syscall.SIGKILL))
		require.NoError(t, api.Delete(t.Context(), &pod, client.GracePeriodSeconds(0)))
	}
	waitLeader(t, before)
	t.Logf("another controller leads %s after the kill", time.Since(begun).Round(100*time.Millisecond))
}

// waitLeader waits until another leads than before.
func waitLeader(t *testing.T, before string) {
	t.Helper()
	require.Eventually(t, func() bool {
		now := leader(t.Context())
		return now != "" && now != before
	}, patience, tick, "no other controller leads")
}
