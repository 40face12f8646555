package policies

import (
	"context"
	"reflect"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	toolscache "k8s.io/client-go/tools/cache"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/velero"
)

// +kubebuilder:rbac:groups=velero.io,resources=schedules;backups,verbs=get;list;watch

var veleroGroupVersion = schema.GroupVersion{Group: "velero.io", Version: "v1"}

// veleroResources are the plural names of the kinds that may have hooks.
var veleroResources = []string{"schedules", "backups"}

const (
	// lookAgain is how often the API server is asked whether it serves Velero's kinds: they come, and may go, with Velero.
	lookAgain = 10 * time.Second
	// patience is how long the first answers about Velero are waited for, where they do not come: without the right to
	// list its kinds, say.
	patience = 30 * time.Second
)

// servedResources asks the API server what it serves.
type servedResources interface {
	ServerResourcesForGroupVersion(groupVersion string) (*metav1.APIResourceList, error)
}

// backupWatch watches Velero's Schedules and Backups while the API server serves them. The manager's cache does not do:
// it wants a kind to be there when it is set up, and to stay.
type backupWatch struct {
	served servedResources
	client dynamic.Interface
	// changed is called when the hooks of any have changed.
	changed func()

	lock      sync.Mutex
	watched   map[string]watchedResource
	asked     bool // the API server has answered once
	impatient bool
}

type watchedResource struct {
	informer toolscache.SharedIndexInformer
	stop     context.CancelFunc
}

// run watches until the context ends.
func (w *backupWatch) run(ctx context.Context) {
	timer := time.AfterFunc(patience, func() {
		w.lock.Lock()
		w.impatient = true
		w.lock.Unlock()
		w.changed()
	})
	defer timer.Stop()
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		w.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look starts to watch what is served now, and stops watching what is no more.
func (w *backupWatch) look(ctx context.Context) {
	list, err := w.served.ServerResourcesForGroupVersion(veleroGroupVersion.String())
	if err != nil && !apierrors.IsNotFound(err) {
		logf.FromContext(ctx).Error(err, "Whether Velero is installed could not be told")
		return
	}
	served := map[string]bool{}
	if list != nil {
		for i := range list.APIResources {
			served[list.APIResources[i].Name] = true
		}
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	changed := !w.asked
	w.asked = true
	for _, resource := range veleroResources {
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
	if changed {
		w.changed()
	}
}

func (w *backupWatch) start(ctx context.Context, resource string) {
	ctx, stop := context.WithCancel(ctx)
	informer := dynamicinformer.NewFilteredDynamicInformer(w.client, veleroGroupVersion.WithResource(resource), metav1.NamespaceAll,
		0, toolscache.Indexers{}, nil).Informer()
	w.watched[resource] = watchedResource{informer, stop}
	log := logf.FromContext(ctx).WithValues("resource", resource)
	registration, err := register(informer, w.changed)
	if err != nil { // of an informer that runs already
		log.Error(err, "Velero's objects are not watched")
		return
	}
	log.Info("Velero is there: its objects with hooks of their own are watched")
	go informer.RunWithContext(ctx)
	go func() {
		if toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			w.changed()
		}
	}()
}

func register(informer toolscache.SharedIndexInformer, changed func()) (toolscache.ResourceEventHandlerRegistration, error) {
	if err := informer.SetTransform(slimBackup); err != nil {
		return nil, err
	}
	hooks := func(object any) *velero.BackupSpec {
		if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
			object = gone.Obj
		}
		if slim, ok := object.(*backup); ok {
			return slim.spec
		}
		return nil
	}
	one := func(object any) {
		if hooks(object) != nil {
			changed()
		}
	}
	return informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: one,
		UpdateFunc: func(old, current any) {
			if !reflect.DeepEqual(hooks(old), hooks(current)) {
				changed()
			}
		},
		DeleteFunc: one,
	})
}

// known tells whether all that there is of Velero's has been seen, or waited for long enough.
func (w *backupWatch) known() bool {
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

// hooks are those of all Schedules, and of the Backups that have yet to end.
func (w *backupWatch) hooks() []velero.BackupHooks {
	w.lock.Lock()
	defer w.lock.Unlock()
	var all []velero.BackupHooks
	for _, watched := range w.watched {
		for _, object := range watched.informer.GetStore().List() {
			slim, ok := object.(*backup)
			if !ok || slim.spec == nil {
				continue
			}
			if hooks, some := velero.ParseBackupHooks(slim.sentenceName(), slim.spec); some {
				all = append(all, hooks)
			}
		}
	}
	return all
}
