package policies

import (
	"reflect"

	"k8s.io/client-go/dynamic"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/quiesce-io/quiesce/hooks/optional"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// +kubebuilder:rbac:groups=velero.io,resources=schedules;backups,verbs=get;list;watch

// veleroResources are the plural names of the kinds that may have hooks.
var veleroResources = []string{"schedules", "backups"}

// backupWatch watches Velero's Schedules and Backups while the API server serves them.
type backupWatch struct{ *optional.Watch }

// newBackupWatch returns a watch that calls changed when the hooks of any have changed.
func newBackupWatch(served optional.Served, client dynamic.Interface, changed func()) backupWatch {
	kinds := map[string]optional.Kind{}
	for _, resource := range veleroResources {
		kinds[resource] = optional.Kind{Transform: slimBackup, Handler: hookHandler(changed)}
	}
	return backupWatch{&optional.Watch{Served: served, Client: client, GroupVersion: velero.GroupVersion, Kinds: kinds, Changed: changed}}
}

func hookHandler(changed func()) toolscache.ResourceEventHandler {
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
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: one,
		UpdateFunc: func(old, current any) {
			if !reflect.DeepEqual(hooks(old), hooks(current)) {
				changed()
			}
		},
		DeleteFunc: one,
	}
}

// hooks are those of all Schedules, and of the Backups that have yet to end.
func (w backupWatch) hooks() []velero.BackupHooks {
	var all []velero.BackupHooks
	for _, resource := range veleroResources {
		for _, object := range w.List(resource) {
			slim, ok := object.(*backup)
			if !ok {
				continue
			}
			if hooks, some := slim.hooks(); some {
				all = append(all, hooks)
			}
		}
	}
	return all
}
