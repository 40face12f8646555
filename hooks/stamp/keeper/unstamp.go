package keeper

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/stamp"
)

// pageSize is how many pods are listed at once, and tries how often a pod is looked at again that changes all the time.
const (
	pageSize = 500
	tries    = 5
)

// Unstamped is what came of taking the stamps off all pods.
type Unstamped struct {
	// Pods that were changed.
	Pods int
	// Left are the pods that could not be, sorted, and Err is what the API server said of one of them.
	Left []string
	Err  error
}

// UnstampAll takes every annotation of ours off every pod of the cluster, those that have ended included. The client reads
// from the API server, not from a cache. It fails only where the pods cannot be listed.
func UnstampAll(ctx context.Context, pods client.Client) (Unstamped, error) {
	var (
		unstamped Unstamped
		lock      sync.Mutex
		group     errgroup.Group
	)
	group.SetLimit(workers)
	next := ""
	for {
		var page metav1.PartialObjectMetadataList
		page.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
		err := pods.List(ctx, &page, client.Limit(pageSize), client.Continue(next))
		if apierrors.IsResourceExpired(err) && next != "" {
			next = "" // the list is too old to go on with: from the start, where there is less to do by now
			continue
		}
		if err != nil {
			_ = group.Wait()
			return unstamped, fmt.Errorf("listing pods: %w", err)
		}
		for i := range page.Items {
			pod := &page.Items[i]
			if len(stamp.Unstamp(pod.Annotations)) == 0 {
				continue
			}
			group.Go(func() error {
				err := unstamp(ctx, pods, pod)
				lock.Lock()
				defer lock.Unlock()
				if err != nil {
					unstamped.Left, unstamped.Err = append(unstamped.Left, pod.Namespace+"/"+pod.Name), err
				} else {
					unstamped.Pods++
				}
				return nil
			})
		}
		if next = page.Continue; next == "" {
			break
		}
	}
	_ = group.Wait()
	slices.Sort(unstamped.Left)
	return unstamped, nil
}

// unstamp takes our annotations off a pod, as it is by now. That it is gone is as well.
func unstamp(ctx context.Context, pods client.Client, pod *metav1.PartialObjectMetadata) error {
	for try := 1; ; try++ {
		remove := stamp.Unstamp(pod.Annotations)
		if len(remove) == 0 {
			return nil
		}
		patch, err := mergePatch(stamp.Decision{Remove: remove}, pod.ResourceVersion)
		if err != nil {
			return err
		}
		name := client.ObjectKeyFromObject(pod)
		err = pods.Patch(ctx, podMetadata(name), client.RawPatch(types.MergePatchType, patch), fieldOwner)
		if !apierrors.IsConflict(err) || try == tries {
			return client.IgnoreNotFound(err)
		}
		pod = podMetadata(name)
		if err := pods.Get(ctx, name, pod); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
}
