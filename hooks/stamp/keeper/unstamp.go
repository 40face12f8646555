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

// pageSize is how many pods are listed at once.
const pageSize = 500

// Unstamped is what came of taking the stamps off all pods.
type Unstamped struct {
	// Pods that were changed.
	Pods int
	// Left are the pods that could not be, because they changed in that moment or the API server did not let us; sorted.
	// Err is what it said of one of them.
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

// unstamp takes our annotations off a pod, provided that it is as it was listed. That it is gone is as well.
func unstamp(ctx context.Context, pods client.Client, pod *metav1.PartialObjectMetadata) error {
	patch, err := mergePatch(stamp.Decision{Remove: stamp.Unstamp(pod.Annotations)}, pod.ResourceVersion)
	if err != nil {
		return err
	}
	return client.IgnoreNotFound(pods.Patch(ctx, podMetadata(client.ObjectKeyFromObject(pod)), client.RawPatch(types.MergePatchType, patch), fieldOwner))
}
