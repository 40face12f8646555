//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// runStamped runs what is stamped on a pod for a side, as Velero does.
func (s *scene) runStamped(pod *corev1.Pod, side string) action.Result {
	s.t.Helper()
	var command []string
	require.NoError(s.t, json.Unmarshal([]byte(pod.Annotations[side+v1alpha1.VeleroCommand]), &command))
	return newExecutor(s.t, "").Exec(s.t.Context(), action.Request{Target: targetOf(pod), Command: command, Timeout: time.Minute, Chain: true})
}

// followFrozen tells whether a pod was thawed before its process ended.
func followFrozen(process int) <-chan bool {
	thawed := make(chan bool, 1)
	go func() {
		for {
			if _, err := os.Stat("/proc/" + strconv.Itoa(process) + "/root/tmp"); err != nil {
				thawed <- false
				return
			}
			if !frozenOnDisk(process) {
				thawed <- true
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return thawed
}

func (s *scene) waitNamespaceGone() {
	s.t.Helper()
	namespace := &corev1.Namespace{}
	namespace.Name = s.namespace
	require.Eventually(s.t, func() bool { return gone(s.t.Context(), namespace) }, patience, tick, "namespace %s is still there", s.namespace)
}
