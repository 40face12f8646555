package witness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=get;list;watch

// volumeSnapshots are read without their types, of which a few fields matter
// (github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1).
var volumeSnapshots = schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshots"}

// absentPause is the time between looks whether the cluster has come to know VolumeSnapshots.
const absentPause = 30 * time.Second

// Snapshots are the VolumeSnapshots of a namespace as they have come to be seen, those included that have been deleted since: data movers
// do so as soon as they have them. It is safe for use from many goroutines.
type Snapshots struct {
	source dynamic.ResourceInterface
	stop   func()
	tell   func()

	lock  sync.Mutex
	seen  map[types.UID]*record.Snapshot
	blind string
	noAPI bool
}

// OpenSnapshots begins to watch the VolumeSnapshots of a namespace, with those that others have seen before: of them only what is new
// is taken in. It does not fail: where they cannot be read, that is what there is to be seen, and it is tried again until the view is closed. Changed
// is called whenever something has; it is not to take long.
func (w *Witness) OpenSnapshots(ctx context.Context, namespace string, remembered []record.Snapshot, changed func()) *Snapshots {
	v := &Snapshots{source: w.anything.Resource(volumeSnapshots).Namespace(namespace), tell: changed, seen: map[types.UID]*record.Snapshot{}}
	for i := range remembered {
		v.seen[types.UID(rememberedPrefix+remembered[i].Name)] = &remembered[i]
	}
	version, err := v.list(ctx)
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	v.stop = stop
	go v.follow(following, version, err)
	return v
}

// rememberedPrefix stands in place of the UID of a snapshot of which only the name is known.
const rememberedPrefix = "name/"

// Close ends the view. What it has shown can still be asked for.
func (v *Snapshots) Close() { v.stop() }

// Look writes down what has been seen.
func (v *Snapshots) Look(into *record.Sightings) {
	v.lock.Lock()
	defer v.lock.Unlock()
	into.NoAPI, into.Blind = v.noAPI, v.blind
	into.Snapshots = make([]record.Snapshot, 0, len(v.seen))
	for snapshot := range maps.Values(v.seen) {
		into.Snapshots = append(into.Snapshots, *snapshot)
	}
	slices.SortFunc(into.Snapshots, func(a, b record.Snapshot) int { return strings.Compare(a.Name, b.Name) })
}

// list reads them as the API server's store has them. What it finds and nobody has seen to come, it has only found.
func (v *Snapshots) list(ctx context.Context) (version string, err error) {
	options, found := metav1.ListOptions{Limit: page}, map[types.UID]bool{}
	for {
		list, err := v.source.List(ctx, options)
		if err != nil {
			v.see(func() { v.cannot(err) })
			return "", fmt.Errorf("listing VolumeSnapshots: %w", err)
		}
		now := time.Now()
		v.see(func() {
			for i := range list.Items {
				v.take(&list.Items[i], now, true)
				found[list.Items[i].GetUID()] = true
			}
			v.noAPI, v.blind = false, ""
		})
		if options.Continue = list.GetContinue(); options.Continue == "" {
			v.see(func() { v.miss(found) })
			return list.GetResourceVersion(), nil
		}
	}
}

// cannot notes why snapshots cannot be read.
func (v *Snapshots) cannot(err error) {
	v.noAPI, v.blind = apierrors.IsNotFound(err), ""
	if !v.noAPI {
		v.blind = err.Error()
	}
}

func (v *Snapshots) see(change func()) {
	v.lock.Lock()
	change()
	v.lock.Unlock()
	v.tell()
}

// take takes in a snapshot as it is now.
func (v *Snapshots) take(object *unstructured.Unstructured, now time.Time, found bool) {
	uid := object.GetUID()
	known := v.seen[uid]
	if known == nil {
		remembered := types.UID(rememberedPrefix + object.GetName())
		if known = v.seen[remembered]; known != nil { // by somebody else
			delete(v.seen, remembered)
		} else {
			known = &record.Snapshot{CreatedAt: now, Listed: found}
		}
		v.seen[uid] = known
	}
	known.Name, known.Backup, known.Stamp = object.GetName(), object.GetLabels()[v1alpha1.VeleroBackupLabel], object.GetCreationTimestamp().Time
	known.Claim, _, _ = unstructured.NestedString(object.Object, "spec", "source", "persistentVolumeClaimName")
	cut, _, _ := unstructured.NestedString(object.Object, "status", "creationTime")
	if cut != "" && known.CutAt.IsZero() {
		known.CutAt, known.CutListed = now, found
	}
	known.Ready, _, _ = unstructured.NestedBool(object.Object, "status", "readyToUse")
	known.Error, _, _ = unstructured.NestedString(object.Object, "status", "error", "message")
}

// forget drops a snapshot that was deleted before the storage had taken it: nobody has anything of it. Any other stays known.
func (v *Snapshots) forget(uid types.UID) {
	if known := v.seen[uid]; known != nil && known.CutAt.IsZero() {
		delete(v.seen, uid)
	}
}

// miss notes of snapshots that are not among those found that they have gone: whether the storage had taken them, nobody has seen.
func (v *Snapshots) miss(found map[types.UID]bool) {
	for uid, known := range v.seen {
		known.Gone = known.Gone || !found[uid] && known.CutAt.IsZero()
	}
}

// follow keeps the view up to date, whatever happens to the connection, from a version on that was read, or an error.
func (v *Snapshots) follow(ctx context.Context, version string, err error) {
	source := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		return v.source.Watch(ctx, options)
	}}
	for ctx.Err() == nil {
		if err == nil {
			v.watch(ctx, version, source)
		}
		// The version is too old by now, or there was none: everything is to be read anew.
		for ctx.Err() == nil {
			wait := pause
			if apierrors.IsNotFound(err) {
				wait = absentPause
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			if version, err = v.list(ctx); err == nil {
				break
			}
			if !apierrors.IsNotFound(err) && !errors.Is(err, context.Canceled) {
				logf.FromContext(ctx).Info("The VolumeSnapshots of a namespace cannot be read for now", "reason", err.Error())
			}
		}
	}
}

func (v *Snapshots) watch(ctx context.Context, version string, source *cache.ListWatch) {
	watcher, err := toolswatch.NewRetryWatcherWithContext(ctx, version, source)
	if err != nil {
		return
	}
	for event := range watcher.ResultChan() {
		object, is := event.Object.(*unstructured.Unstructured)
		if !is {
			continue
		}
		now := time.Now()
		v.see(func() {
			v.take(object, now, false)
			if event.Type == watch.Deleted {
				v.forget(object.GetUID())
			}
		})
	}
}
