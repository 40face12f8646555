// Package optional watches kinds of an API group that may not be there: their CustomResourceDefinitions come, and may go, with the
// program that they are of. The manager's cache does not do: it wants a kind to be there when it is set up, and to stay.
package optional

import (
	"context"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// lookAgain is how often the API server is asked whether it serves the kinds.
	lookAgain = 10 * time.Second
	// Patience is how long the first answers are waited for, where they do not come: without the right to list the kinds, say.
	Patience = 30 * time.Second
)

// Served asks the API server what it serves.
type Served interface {
	ServerResourcesForGroupVersion(groupVersion string) (*metav1.APIResourceList, error)
}

// Kind is what is done with the objects of a kind.
type Kind struct {
	// Transform makes of an object what is kept of it. What it has made already is to pass as it is.
	Transform toolscache.TransformFunc
	// Handler is told of what has been kept. When a kind is served no longer it is told nothing: see Watch.Changed.
	Handler toolscache.ResourceEventHandler
}

// Watch watches kinds of one group and version while the API server serves them.
type Watch struct {
	Served       Served
	Client       dynamic.Interface
	GroupVersion schema.GroupVersion
	// Kinds by their plural names.
	Kinds map[string]Kind
	// Changed is called when what is known as a whole has become another: the API server has answered for the first time, all objects of a
	// kind are there, a kind is served no longer, or patience has come to its end.
	Changed func()

	lock      sync.Mutex
	watched   map[string]watchedKind
	asked     bool // the API server has answered once
	impatient bool
}

type watchedKind struct {
	informer toolscache.SharedIndexInformer
	synced   toolscache.InformerSynced // and its handler has been told
	stop     context.CancelFunc
}

// Clients are those that a Watch needs.
func Clients(config *rest.Config, httpClient *http.Client) (Served, dynamic.Interface, error) {
	served, err := discovery.NewDiscoveryClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, nil, err
	}
	objects, err := dynamic.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, nil, err
	}
	return served, objects, nil
}

// Run watches until the context ends.
func (w *Watch) Run(ctx context.Context) {
	timer := time.AfterFunc(Patience, func() {
		w.lock.Lock()
		w.impatient = true
		w.lock.Unlock()
		w.Changed()
	})
	defer timer.Stop()
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Look starts to watch what is served now, and stops watching what is no more.
func (w *Watch) Look(ctx context.Context) {
	list, err := w.Served.ServerResourcesForGroupVersion(w.GroupVersion.String())
	if err != nil && !apierrors.IsNotFound(err) {
		logf.FromContext(ctx).Error(err, "Whether the API server serves a group could not be told", "group", w.GroupVersion.Group)
		return
	}
	served := map[string]bool{}
	if list != nil {
		for i := range list.APIResources {
			served[list.APIResources[i].Name] = true
		}
	}
	w.lock.Lock()
	changed := !w.asked
	w.asked = true
	for resource := range w.Kinds {
		known, watching := w.watched[resource]
		switch {
		case served[resource] && !watching:
			w.start(ctx, resource)
		case !served[resource] && watching:
			known.stop()
			delete(w.watched, resource)
			changed = true
		}
	}
	w.lock.Unlock()
	if changed {
		w.Changed()
	}
}

func (w *Watch) start(ctx context.Context, resource string) {
	ctx, stop := context.WithCancel(ctx)
	log := logf.FromContext(ctx).WithValues("resource", w.GroupVersion.WithResource(resource).GroupResource().String())
	informer := dynamicinformer.NewFilteredDynamicInformer(w.Client, w.GroupVersion.WithResource(resource), metav1.NamespaceAll,
		0, toolscache.Indexers{}, nil).Informer()
	kind := w.Kinds[resource]
	if err := informer.SetTransform(kind.Transform); err != nil { // of an informer that runs already
		log.Error(err, "An optional kind is not watched")
		stop()
		return
	}
	registration, err := informer.AddEventHandler(kind.Handler)
	if err != nil { // as above
		log.Error(err, "An optional kind is not watched")
		stop()
		return
	}
	if w.watched == nil {
		w.watched = map[string]watchedKind{}
	}
	w.watched[resource] = watchedKind{informer, registration.HasSynced, stop}
	log.Info("An optional kind is there, and is watched")
	go informer.RunWithContext(ctx)
	go func() {
		if toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			w.Changed()
		}
	}()
}

// Known tells whether all that there is of the kinds has been seen, or waited for long enough.
func (w *Watch) Known() bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.impatient {
		return true
	}
	for _, watched := range w.watched {
		if !watched.informer.HasSynced() {
			return false
		}
	}
	return w.asked
}

// Complete tells whether all objects of a kind have been seen: false, too, where the API server does not serve it.
func (w *Watch) Complete(resource string) bool {
	w.lock.Lock()
	watched, watching := w.watched[resource]
	w.lock.Unlock()
	return watching && watched.synced()
}

// Absent tells whether the API server has answered, and does not serve a kind.
func (w *Watch) Absent(resource string) bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	_, watching := w.watched[resource]
	return w.asked && !watching
}

// List is what has been kept of the objects of a kind.
func (w *Watch) List(resource string) []any {
	w.lock.Lock()
	watched, watching := w.watched[resource]
	w.lock.Unlock()
	if !watching {
		return nil
	}
	return watched.informer.GetStore().List()
}

// Get is what has been kept of one object; false where there is none.
func (w *Watch) Get(resource, namespace, name string) (any, bool) {
	w.lock.Lock()
	watched, watching := w.watched[resource]
	w.lock.Unlock()
	if !watching {
		return nil, false
	}
	object, found, err := watched.informer.GetStore().GetByKey(namespace + "/" + name)
	return object, found && err == nil
}
