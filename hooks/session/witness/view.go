package witness

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// View is the pods of a namespace as they are now. It is safe for use from many goroutines.
type View struct {
	texts texts
	stop  func()

	lock        sync.Mutex
	pods        map[types.UID]*Pod
	waiting     map[types.UID][]chan struct{}
	subscribers []func()
}

func newView() *View {
	return &View{pods: map[types.UID]*Pod{}, waiting: map[types.UID][]chan struct{}{}, stop: func() {}}
}

// Close ends the view. What it has shown can still be asked for.
func (v *View) Close() { v.stop() }

// Pods are all of them, in no order. They are not to be changed.
func (v *View) Pods() []*Pod {
	v.lock.Lock()
	defer v.lock.Unlock()
	return slices.Collect(maps.Values(v.pods))
}

// Pod is one of them; false when it is gone.
func (v *View) Pod(uid types.UID) (*Pod, bool) {
	v.lock.Lock()
	defer v.lock.Unlock()
	pod, found := v.pods[uid]
	return pod, found
}

// Changed returns a channel that is closed with the next change of a pod, its end included. Whoever does not wait any longer calls done.
func (v *View) Changed(uid types.UID) (changed <-chan struct{}, done func()) {
	v.lock.Lock()
	defer v.lock.Unlock()
	bell := make(chan struct{})
	v.waiting[uid] = append(v.waiting[uid], bell)
	return bell, func() {
		v.lock.Lock()
		defer v.lock.Unlock()
		left := slices.DeleteFunc(v.waiting[uid], func(other chan struct{}) bool { return other == bell })
		if v.waiting[uid] = left; len(left) == 0 {
			delete(v.waiting, uid)
		}
	}
}

// Subscribe has a function called whenever something has changed. It is not to take long.
func (v *View) Subscribe(call func()) {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.subscribers = append(v.subscribers, call)
}

// see takes in what has happened to a pod.
func (v *View) see(kind watch.EventType, pod *Pod) {
	v.lock.Lock()
	if kind == watch.Deleted {
		delete(v.pods, pod.UID)
	} else {
		v.pods[pod.UID] = pod
	}
	v.ring(pod.UID)
	v.tell()
}

// replace takes in all pods at once.
func (v *View) replace(pods []*Pod) {
	v.lock.Lock()
	before := v.pods
	v.pods = make(map[types.UID]*Pod, len(pods))
	for _, pod := range pods {
		v.pods[pod.UID] = pod
	}
	for uid := range v.waiting {
		if before[uid] != v.pods[uid] {
			v.ring(uid)
		}
	}
	v.tell()
}

func (v *View) ring(uid types.UID) {
	for _, bell := range v.waiting[uid] {
		close(bell)
	}
	delete(v.waiting, uid)
}

// tell calls the subscribers, and gives the lock back.
func (v *View) tell() {
	subscribers := slices.Clone(v.subscribers)
	v.lock.Unlock()
	for _, call := range subscribers {
		call()
	}
}
