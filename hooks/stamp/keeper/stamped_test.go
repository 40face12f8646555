package keeper

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func TestStampedPodsAreFoundWhereverTheyMayRun(t *testing.T) {
	set := setOf(t, "now")
	of := func(namespace, name string, change func(*corev1.Pod)) *corev1.Pod {
		pod := podOf(namespace, name, stamped(set))
		pod.UID = types.UID(name + "-uid")
		if change != nil {
			change(pod)
		}
		return pod
	}
	k := keeperOf(t, set, interceptor.Funcs{},
		of("shop", "runs", nil), of("other", "elsewhere", nil), podOf("shop", "plain", nil),
		of("shop", "done", func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodSucceeded }),
		of("shop", "failed", func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodFailed }),
		of("shop", "leaving", func(pod *corev1.Pod) {
			pod.DeletionTimestamp, pod.Finalizers = &metav1.Time{Time: time.Now()}, []string{"x/y"}
		}))
	pods := Stamped{Cache: k.Client}
	all, err := pods.Pods(t.Context())
	require.NoError(t, err)
	var names []string
	for _, pod := range all {
		names = append(names, pod.String())
		assert.Equal(t, "app", pod.Containers[0].Name)
		assert.NotEmpty(t, pod.Annotations)
	}
	assert.ElementsMatch(t, []string{"shop/runs", "other/elsewhere", "shop/leaving"}, names)

	for name, want := range map[string]bool{"runs": true, "leaving": true, "done": false, "plain": false, "gone": false} {
		_, found, err := pods.Pod(t.Context(), types.NamespacedName{Namespace: "shop", Name: name}, types.UID(name+"-uid"))
		require.NoError(t, err)
		assert.Equal(t, want, found, name)
	}
	_, found, err := pods.Pod(t.Context(), types.NamespacedName{Namespace: "shop", Name: "runs"}, "another")
	require.NoError(t, err)
	assert.False(t, found, "another of its name is another pod")
}
