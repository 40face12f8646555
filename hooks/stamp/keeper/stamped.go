package keeper

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/stamp"
)

// Stamped reads the pods that carry a stamp, whosever it is, in whichever namespace, as long as they may run.
type Stamped struct {
	// Cache is that of a manager for which a Keeper has been set up.
	Cache client.Reader
}

// StampedPod is a pod that carries a stamp.
type StampedPod struct {
	types.NamespacedName
	UID types.UID
	stamp.Pod
}

// Pods are all of them.
func (s Stamped) Pods(ctx context.Context) ([]StampedPod, error) {
	var list corev1.PodList
	// The items are only read.
	if err := s.Cache.List(ctx, &list, client.MatchingFields{stampedIndex: "true"}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing stamped pods: %w", err)
	}
	pods := make([]StampedPod, 0, len(list.Items))
	for i := range list.Items {
		if pod := &list.Items[i]; mayRun(pod) {
			pods = append(pods, stampedPod(pod))
		}
	}
	return pods, nil
}

// Pod is the one of this name and UID; false where there is none any more.
func (s Stamped) Pod(ctx context.Context, name types.NamespacedName, uid types.UID) (StampedPod, bool, error) {
	var pod corev1.Pod
	err := s.Cache.Get(ctx, name, &pod)
	switch {
	case apierrors.IsNotFound(err):
		return StampedPod{}, false, nil
	case err != nil:
		return StampedPod{}, false, fmt.Errorf("looking up pod %s: %w", name, err)
	}
	return stampedPod(&pod), pod.UID == uid && mayRun(&pod) && indexStamped(&pod) != nil, nil
}

func stampedPod(pod *corev1.Pod) StampedPod {
	return StampedPod{NamespacedName: client.ObjectKeyFromObject(pod), UID: pod.UID, Pod: describe(pod)}
}

// mayRun tells whether a pod may have processes. Unlike stamping, which is for backups to come, this includes those on their way out.
func mayRun(pod *corev1.Pod) bool {
	return pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}
