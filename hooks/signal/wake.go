package signal

import (
	"context"
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

func keyOf(source *v1alpha1.VeleroSource) key {
	return key{source.Kind, types.NamespacedName{Namespace: source.Namespace, Name: source.Name}}
}

func keyOfObject(object object) key {
	return key{object.kind(), types.NamespacedName{Namespace: object.meta().Namespace, Name: object.meta().Name}}
}

func (c *Controller) kindOf(name v1alpha1.VeleroKind) kind {
	for _, kind := range c.kinds {
		if kind.name() == name {
			return kind
		}
	}
	return nil
}

// handler hears of Velero's objects.
func (c *Controller) handler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(added any, initially bool) {
			if object, ok := added.(object); ok {
				c.phaseSince(object)
				if initially { // all are looked at when the last is there
					c.sweepLate(object)
					c.queue.Add(keyOfObject(object))
				} else {
					c.wake(object)
				}
			}
		},
		UpdateFunc: func(old, updated any) {
			before, _ := old.(object)
			if object, ok := updated.(object); ok && before != nil {
				c.phaseSince(object)
				c.moved(before, object)
				if sameTurn(before, object) { // Velero tells every second how far it is
					c.queue.Add(keyOfObject(object))
				} else {
					c.wake(object)
				}
			}
		},
		DeleteFunc: func(deleted any) {
			if gone, ok := deleted.(toolscache.DeletedFinalStateUnknown); ok {
				deleted = gone.Obj
			}
			if object, ok := deleted.(object); ok {
				c.forget(object)
				c.wake(object)
			}
		},
	}
}

// wake has an object looked at, and those that may have waited for it.
func (c *Controller) wake(object object) {
	c.queue.Add(keyOfObject(object))
	if !object.queues() {
		return
	}
	for _, other := range c.objects(object.kind()) {
		if other.meta().UID != object.meta().UID && markOf(other) == v1alpha1.GateHeld && velero.Ahead(other.phase()) {
			c.queue.Add(keyOfObject(other))
		}
	}
}

// sameTurn tells whether what others wait for in an object is as it was.
func sameTurn(before, after object) bool {
	if before.phase() != after.phase() || before.meta().UID != after.meta().UID {
		return false
	}
	for _, key := range []string{v1alpha1.GateAnnotation, v1alpha1.GateSinceAnnotation, v1alpha1.AttemptLabel, v1alpha1.GateReturnsAnnotation} {
		if before.meta().Annotations[key] != after.meta().Annotations[key] {
			return false
		}
	}
	return true
}

// wakeAll has all objects looked at that have yet to end, or of whose end nobody has taken notice, and all that have sessions.
func (c *Controller) wakeAll(ctx context.Context) {
	for _, kind := range c.kinds {
		for _, found := range c.watch.List(kind.resource()) {
			if object, ok := found.(object); ok && (!velero.Ended(object.phase()) || c.unsettled(object)) {
				c.queue.Add(keyOfObject(object))
			}
		}
	}
	var sessions v1alpha1.HookSessionList
	if err := c.Cache.List(ctx, &sessions, client.UnsafeDisableDeepCopy); err != nil {
		return // the cache is not there yet: its objects come one by one
	}
	for i := range sessions.Items {
		if source := sessions.Items[i].Spec.Velero; source != nil && sessions.Items[i].Status.FinishedAt == nil {
			c.queue.Add(keyOf(source))
		}
	}
}

// objects are all of a kind.
func (c *Controller) objects(of v1alpha1.VeleroKind) []object {
	var objects []object
	for _, found := range c.watch.List(c.kindOf(of).resource()) {
		if object, ok := found.(object); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

func (c *Controller) followSessions(ctx context.Context) (toolscache.ResourceEventHandlerRegistration, error) {
	informer, err := c.Cache.GetInformer(ctx, &v1alpha1.HookSession{})
	if err != nil {
		return nil, fmt.Errorf("watching HookSessions: %w", err)
	}
	one := func(object any) {
		if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
			object = gone.Obj
		}
		if session, ok := object.(*v1alpha1.HookSession); ok && session.Spec.Velero != nil {
			c.queue.Add(keyOf(session.Spec.Velero))
		}
	}
	return informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: one,
		UpdateFunc: func(old, updated any) {
			before, _ := old.(*v1alpha1.HookSession)
			after, _ := updated.(*v1alpha1.HookSession)
			if before != nil && after != nil && (!equality.Semantic.DeepEqual(before.Status, after.Status) ||
				before.Generation != after.Generation || !before.DeletionTimestamp.Equal(after.DeletionTimestamp)) {
				one(updated)
			}
		},
		DeleteFunc: one,
	})
}

func (c *Controller) followNamespaces(ctx context.Context) (toolscache.ResourceEventHandlerRegistration, error) {
	informer, err := c.Cache.GetInformer(ctx, namespaceMetadata())
	if err != nil {
		return nil, fmt.Errorf("watching namespaces: %w", err)
	}
	return informer.AddEventHandler(toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(_ any, initially bool) {
			if !initially { // all are looked at when the Watch has begun
				c.wakeAll(ctx)
			}
		},
		UpdateFunc: func(old, updated any) {
			before, _ := old.(metav1.Object)
			after, _ := updated.(metav1.Object)
			if before != nil && after != nil && (!maps.Equal(before.GetLabels(), after.GetLabels()) || !before.GetDeletionTimestamp().Equal(after.GetDeletionTimestamp())) {
				c.wakeAll(ctx)
			}
		},
		DeleteFunc: func(any) { c.wakeAll(ctx) },
	})
}

func namespaceMetadata() *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
}

// phaseSince is since when an object has been seen in the phase in which it is. After a change of controllers it counts anew.
func (c *Controller) phaseSince(object object) time.Time {
	c.lock.Lock()
	defer c.lock.Unlock()
	uid, phase := object.meta().UID, object.phase()
	if velero.Ended(phase) {
		delete(c.phases, uid)
		delete(c.quiesced, uid)
		return time.Time{}
	}
	known, seen := c.phases[uid]
	if !seen || known.phase != phase {
		known = phaseSince{phase, time.Now()}
		c.phases[uid] = known
	}
	return known.since
}

// moved is told of an object that has become another.
func (c *Controller) moved(before, after object) {
	if before.phase() == after.phase() {
		return
	}
	if velero.Ahead(before.phase()) && after.phase() == velero.InProgress {
		c.observeStart(after)
	}
	if velero.Ongoing(before.phase()) && !velero.Ongoing(after.phase()) || velero.Ended(after.phase()) && !velero.Ended(before.phase()) {
		c.sweep(after)
	}
}

// forget is told of an object that was deleted.
func (c *Controller) forget(object object) {
	c.lock.Lock()
	delete(c.phases, object.meta().UID)
	delete(c.quiesced, object.meta().UID)
	delete(c.settled, object.meta().UID)
	c.lock.Unlock()
	if !velero.Ended(object.phase()) && !velero.Ahead(object.phase()) {
		c.sweep(object)
	}
}
