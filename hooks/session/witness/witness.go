// Package witness sees the pods and VolumeSnapshots of a namespace while a session is open there. The controller's cache of all pods knows no states,
// so that it stays small; a session watches its own namespace, for as long as it lasts.
package witness

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// +kubebuilder:rbac:groups="",resources=pods,verbs=list;watch

const (
	// page is how many pods are read at a time.
	page = 500
	// pause is the time between attempts to read them.
	pause = time.Second
)

// Witness opens views. It is safe for use from many goroutines.
type Witness struct {
	pods corev1client.PodsGetter
	// anything is for kinds whose types are not ours.
	anything dynamic.Interface
}

// New returns a Witness that uses a cluster's API server.
func New(config *rest.Config) (*Witness, error) {
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	pods, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for pods: %w", err)
	}
	untyped := rest.CopyConfig(config)
	untyped.ContentType, untyped.AcceptContentTypes = "", ""
	snapshots, err := dynamic.NewForConfig(untyped)
	if err != nil {
		return nil, fmt.Errorf("client for VolumeSnapshots: %w", err)
	}
	return &Witness{pods, snapshots}, nil
}

// Open returns a view that has all pods that there are now, and follows them until it is closed.
func (w *Witness) Open(ctx context.Context, namespace string) (*View, error) {
	v := newView()
	version, err := w.list(ctx, namespace, v)
	if err != nil {
		return nil, err
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	v.stop = stop
	go w.follow(following, namespace, version, v)
	return v, nil
}

// list reads the pods as the API server's store has them, not as its cache has: a pod that was created before the call is among them.
func (w *Witness) list(ctx context.Context, namespace string, v *View) (version string, err error) {
	var pods []*Pod
	options := metav1.ListOptions{Limit: page}
	for {
		list, err := w.pods.Pods(namespace).List(ctx, options)
		if err != nil {
			return "", fmt.Errorf("listing pods: %w", err)
		}
		for i := range list.Items {
			pods = append(pods, v.texts.read(&list.Items[i]))
		}
		if options.Continue = list.Continue; options.Continue == "" {
			v.replace(pods)
			return list.ResourceVersion, nil
		}
	}
}

// follow keeps a view up to date, whatever happens to the connection.
func (w *Witness) follow(ctx context.Context, namespace, version string, v *View) {
	source := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		return w.pods.Pods(namespace).Watch(ctx, options)
	}}
	for ctx.Err() == nil {
		watcher, err := toolswatch.NewRetryWatcherWithContext(ctx, version, source)
		if err == nil {
			for event := range watcher.ResultChan() {
				if pod, is := event.Object.(*corev1.Pod); is {
					v.see(event.Type, v.texts.read(pod))
				}
			}
		}
		// The version is too old by now, or the watch is refused: everything is to be read anew.
		for ctx.Err() == nil {
			if version, err = w.list(ctx, namespace, v); err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				logf.FromContext(ctx).Info("The pods of a namespace cannot be read for now", "namespace", namespace, "reason", err.Error())
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}
