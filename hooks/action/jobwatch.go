package action

import (
	"context"
	"errors"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// source is some objects of a kind, in one namespace.
type source[T client.Object] struct {
	list  func(ctx context.Context) (objects []T, version string, err error)
	watch func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// watchLimit is how long one watch lasts. Then everything is read anew, so that what a watch has missed is not missed for long.
const watchLimit = time.Minute

// until follows the objects until what is seen of them suffices, whatever happens to the connection. It fails only when the
// context ends. An object that is deleted is seen once more in its last state before it is seen no longer.
func (s source[T]) until(ctx context.Context, suffices func(all map[types.UID]T) bool) error {
	for {
		seen, err := s.follow(ctx, suffices)
		if seen {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; at last: %w", ctx.Err(), err)
		case <-time.After(jobPause):
		}
	}
}

// errWatchEnded is the end of a watch in the course of things.
var errWatchEnded = errors.New("the watch has ended")

// follow reads all once, and then what changes. client-go's RetryWatcher would try the same version for ever where the API server
// answers that it is too old; to read a few objects anew costs little.
func (s source[T]) follow(ctx context.Context, suffices func(map[types.UID]T) bool) (seen bool, err error) {
	objects, version, err := s.list(ctx)
	if err != nil {
		return false, err
	}
	all := map[types.UID]T{}
	for _, object := range objects {
		all[object.GetUID()] = object
	}
	if suffices(all) {
		return true, nil
	}
	watcher, err := s.watch(ctx, metav1.ListOptions{ResourceVersion: version, TimeoutSeconds: new(int64(watchLimit / time.Second))})
	if err != nil {
		return false, err
	}
	defer watcher.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, errWatchEnded
		case event, open := <-watcher.ResultChan():
			if object, is := event.Object.(T); !open || !is { // or a status that says why not
				return false, errWatchEnded
			} else if see(all, event.Type, object, suffices) {
				return true, nil
			}
		}
	}
}

func see[T client.Object](all map[types.UID]T, what watch.EventType, object T, suffices func(map[types.UID]T) bool) bool {
	all[object.GetUID()] = object
	if sufficient := suffices(all); sufficient || what != watch.Deleted {
		return sufficient
	}
	delete(all, object.GetUID())
	return suffices(all)
}

// oneJob is the Job of a name.
func (j *Jobs) oneJob(namespace, name string) source[*batchv1.Job] {
	jobs, only := j.jobs.Jobs(namespace), fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	return source[*batchv1.Job]{
		list: func(ctx context.Context) ([]*batchv1.Job, string, error) {
			list, err := jobs.List(ctx, metav1.ListOptions{FieldSelector: only})
			if err != nil {
				return nil, "", err
			}
			return pointers(list.Items), list.ResourceVersion, nil
		},
		watch: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = only
			return jobs.Watch(ctx, options)
		},
	}
}

// podsWith are the pods that a selector of labels selects.
func (j *Jobs) podsWith(namespace, selector string) source[*corev1.Pod] {
	pods := j.core.Pods(namespace)
	return source[*corev1.Pod]{
		list: func(ctx context.Context) ([]*corev1.Pod, string, error) {
			list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: selector})
			if err != nil {
				return nil, "", err
			}
			return pointers(list.Items), list.ResourceVersion, nil
		},
		watch: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = selector
			return pods.Watch(ctx, options)
		},
	}
}

func pointers[T any](items []T) []*T {
	all := make([]*T, len(items))
	for i := range items {
		all[i] = &items[i]
	}
	return all
}
