package librarian

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// wakeItself has a script or a template looked at that has changed. What we have written to its status ourselves comes by here as well:
// it waits, as a policy does, so that a burst of those is not counted twice as often.
func wakeItself() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { q.Add(requestFor(e.Object.GetName())) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			before, after := e.ObjectOld, e.ObjectNew
			if before.GetGeneration() == after.GetGeneration() && before.GetUID() == after.GetUID() &&
				slices.Equal(before.GetFinalizers(), after.GetFinalizers()) {
				q.AddAfter(requestFor(after.GetName()), settle)
				return
			}
			q.Add(requestFor(after.GetName()))
		},
	}
}

// wake has those of a kind looked at that a user names, or named before. It looks at the user alone, and those that are already to be
// looked at are not added again: how many other users there are makes no difference.
func wake(kind string) handler.EventHandler {
	add := func(object client.Object, q queue) {
		user, _ := usage.Of(object)
		for _, target := range user.Targets() {
			if target.Kind == kind {
				q.AddAfter(requestFor(target.Name), settle)
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { add(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			// What one uses is in its spec. One that was made anew in a moment that the watch did not see has another UID.
			if e.ObjectOld.GetGeneration() == e.ObjectNew.GetGeneration() && e.ObjectOld.GetUID() == e.ObjectNew.GetUID() {
				return
			}
			add(e.ObjectOld, q)
			add(e.ObjectNew, q)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { add(e.Object, q) },
	}
}

// wakeTemplates has the templates looked at that name a script which has come or gone.
func (l *Librarian) wakeTemplates() handler.EventHandler {
	add := func(ctx context.Context, object client.Object, q queue) {
		var templates v1alpha1.HookTemplateList
		key := targetKey(usage.Target{Kind: usage.Script, Name: object.GetName()})
		if err := l.Client.List(ctx, &templates, client.MatchingFields{targetIndex: key}, client.UnsafeDisableDeepCopy); err != nil {
			logf.FromContext(ctx).Error(err, "The templates that use a script could not be listed", "script", object.GetName())
			return
		}
		for i := range templates.Items {
			q.AddAfter(requestFor(templates.Items[i].Name), settle)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { add(ctx, e.Object, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { add(ctx, e.Object, q) },
	}
}

func requestFor(name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}
}
