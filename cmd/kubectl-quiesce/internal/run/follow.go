package run

import (
	"context"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// follower keeps what the API server has of a session and its HookRuns, over whatever outages.
type follower struct {
	changed chan struct{}
	stores  []toolscache.Store // of the session, and of its HookRuns
	uid     types.UID
	// now are the HookRuns as the API server has them at the moment.
	now func(context.Context) ([]v1alpha1.HookRun, error)

	lock sync.Mutex
	last *v1alpha1.HookSession // as it was last there
	away error                 // why the API server cannot be heard; nil while it is
}

// follow begins to watch a session that was just created, until the context ends.
func follow(ctx context.Context, cluster client.WithWatch, session *v1alpha1.HookSession) *follower {
	ours := client.InNamespace(session.Namespace)
	itsRuns := client.MatchingLabelsSelector{Selector: labels.SelectorFromSet(labels.Set{v1alpha1.SessionUIDLabel: string(session.UID)})}
	f := &follower{changed: make(chan struct{}, 1), uid: session.UID}
	f.now = func(ctx context.Context) ([]v1alpha1.HookRun, error) {
		var list v1alpha1.HookRunList
		err := cluster.List(ctx, &list, ours, itsRuns)
		return list.Items, err
	}
	f.watch(ctx, cluster, &v1alpha1.HookSession{}, func() client.ObjectList { return &v1alpha1.HookSessionList{} },
		ours, client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", session.Name)})
	f.watch(ctx, cluster, &v1alpha1.HookRun{}, func() client.ObjectList { return &v1alpha1.HookRunList{} },
		ours, itsRuns)
	return f
}

func (f *follower) watch(ctx context.Context, cluster client.WithWatch, kind client.Object, list func() client.ObjectList, which ...client.ListOption) {
	with := func(options metav1.ListOptions) []client.ListOption {
		return append(slices.Clone(which), &raw{options})
	}
	store, informer := toolscache.NewInformerWithOptions(toolscache.InformerOptions{
		ListerWatcher: &toolscache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
				found := list()
				err := cluster.List(ctx, found, with(options)...)
				f.hear(err)
				return found, err
			},
			WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
				watching, err := cluster.Watch(ctx, list(), with(options)...)
				f.hear(err)
				return watching, err
			},
		},
		ObjectType: kind,
		Handler: toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { f.notify() },
			UpdateFunc: func(any, any) { f.notify() },
			DeleteFunc: func(any) { f.notify() },
		},
	})
	f.stores = append(f.stores, store)
	go informer.RunWithContext(ctx)
}

// raw hands the reflector's own options through.
type raw struct{ options metav1.ListOptions }

// ApplyToList implements client.ListOption.
func (r *raw) ApplyToList(options *client.ListOptions) {
	options.Raw = &r.options
}

func (f *follower) hear(err error) {
	f.lock.Lock()
	f.away = err
	f.lock.Unlock()
	f.notify()
}

func (f *follower) notify() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// unheard is why the API server cannot be heard, or nil.
func (f *follower) unheard() error {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.away
}

// session is as it was last seen: nil before it was, and gone once it is there no longer, or another one has its name.
func (f *follower) session() (session *v1alpha1.HookSession, gone bool) {
	f.lock.Lock()
	defer f.lock.Unlock()
	gone = f.last != nil // what is new may not be in the first list yet
	for _, object := range f.stores[0].List() {
		if current, is := object.(*v1alpha1.HookSession); is && current.UID == f.uid {
			f.last, gone = current, false
		}
	}
	return f.last, gone
}

// runs are its HookRuns, in their order.
func (f *follower) runs() []v1alpha1.HookRun {
	var runs []v1alpha1.HookRun
	for _, object := range f.stores[1].List() {
		if run, is := object.(*v1alpha1.HookRun); is {
			runs = append(runs, *run)
		}
	}
	slices.SortFunc(runs, func(a, b v1alpha1.HookRun) int { return strings.Compare(a.Name, b.Name) })
	return runs
}
