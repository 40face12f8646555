// Package signal hears of Velero's Backups and Restores, and has Quiesce's sessions accompany them: it creates the sessions, has Velero wait
// for those that quiesce, and tells them what became of it. What is decided about the waiting is hooks/signal/gate; here is what it needs of
// the API server. All is read from the objects, so that another controller goes on where this one was.
package signal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/optional"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/signal/gate"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// +kubebuilder:rbac:groups=velero.io,resources=backups;restores,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=velero.io,resources=backupstoragelocations,verbs=get;list
// +kubebuilder:rbac:groups=quiesce.io,resources=hooksessions,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch

// compiledPolicies are the policies as they are now, and whenever they are others.
type compiledPolicies interface {
	Current() *policies.Set
	Subscribe() <-chan struct{}
}

// sweeper thaws what a Backup has left behind that its own hooks were to thaw.
type sweeper interface {
	// Ended is told of a Backup that runs no hooks any more, or was deleted while it ran, and looks itself whether it began and all went
	// well; sometimes it is told twice of one. It does not wait.
	Ended(backup *velero.Backup)
}

// Options of the signals.
type Options struct {
	// Gate has Velero wait. Without it what is held is let go.
	Gate bool
	// ConcurrentBackups is how many Backups Velero runs at once (velero server --concurrent-backups).
	ConcurrentBackups int
	// StartGrace is how long Velero has to begin a Backup whose pods are quiesced.
	StartGrace time.Duration
}

// Controller hears of Velero's objects. There is to be one at a time in a cluster.
type Controller struct {
	Client client.Client
	Cache  cache.Cache
	// Live reads from the API server, not from a cache.
	Live client.Reader
	// Served and Objects are the API server as a Watch needs it.
	Served   optional.Served
	Objects  dynamic.Interface
	Policies compiledPolicies
	Scope    match.Scope
	Recorder events.EventRecorder
	// Sweeper may be nil.
	Sweeper sweeper
	Options Options

	kinds []kind
	watch *optional.Watch
	queue workqueue.TypedRateLimitingInterface[key]

	lock   sync.Mutex
	phases map[types.UID]phaseSince
	// quiesced are the attempts in which sessions were created for objects to wait for.
	quiesced map[types.UID]int
	// settled are the Restores that were found to need no more sessions after their end.
	settled map[types.UID]bool
}

// key is one of Velero's objects.
type key struct {
	kind v1alpha1.VeleroKind
	types.NamespacedName
}

func (k key) String() string { return fmt.Sprintf("%s %s/%s", k.kind, k.Namespace, k.Name) }

// phaseSince is since when an object has been seen in a phase.
type phaseSince struct {
	phase string
	since time.Time
}

var (
	_ manager.Runnable               = (*Controller)(nil)
	_ manager.LeaderElectionRunnable = (*Controller)(nil)
)

// sourceIndex is the index of sessions by the object of which they are.
const sourceIndex = "source"

// SetupWithManager has the manager run the Controller.
func (c *Controller) SetupWithManager(mgr manager.Manager) error {
	c.phases, c.quiesced, c.settled = map[types.UID]phaseSince{}, map[types.UID]int{}, map[types.UID]bool{}
	c.kinds = []kind{backups{}, restores{}}
	c.queue = workqueue.NewTypedRateLimitingQueueWithConfig(
		workqueue.NewTypedItemExponentialFailureRateLimiter[key](50*time.Millisecond, 30*time.Second),
		workqueue.TypedRateLimitingQueueConfig[key]{Name: "velero"})
	c.watch = &optional.Watch{Served: c.Served, Client: c.Objects, GroupVersion: velero.GroupVersion, Changed: func() { c.wakeAll(context.Background()) }, Kinds: map[string]optional.Kind{}}
	for _, kind := range c.kinds {
		c.watch.Kinds[kind.resource()] = optional.Kind{Transform: kind.slim, Handler: c.handler()}
	}
	err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.HookSession{}, sourceIndex, func(object client.Object) []string {
		if session, ok := object.(*v1alpha1.HookSession); ok && session.Spec.Velero != nil {
			return []string{keyOf(session.Spec.Velero).String()}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return mgr.Add(c)
}

// NeedLeaderElection is true: of two of these one would open what the other holds.
func (c *Controller) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable.
func (c *Controller) Start(ctx context.Context) error {
	ctx = logf.IntoContext(ctx, logf.FromContext(ctx).WithName("velero"))
	changed := c.Policies.Subscribe()
	for _, follow := range []func(context.Context) (toolscache.ResourceEventHandlerRegistration, error){c.followSessions, c.followNamespaces} {
		registration, err := follow(ctx)
		if err != nil {
			return err
		}
		if !toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			return nil // told to stop
		}
	}
	var running sync.WaitGroup
	running.Go(func() { c.watch.Run(ctx) })
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
				c.wakeAll(ctx)
			}
		}
	})
	// One at a time: whose turn it is hangs on all of them.
	running.Go(func() {
		for c.work(ctx) {
		}
	})
	<-ctx.Done()
	c.queue.ShutDown()
	running.Wait()
	return nil
}

func (c *Controller) work(ctx context.Context) bool {
	key, shutdown := c.queue.Get()
	if shutdown {
		return false
	}
	defer c.queue.Done(key)
	err := c.reconcile(ctx, key)
	switch {
	case err == nil:
		c.queue.Forget(key)
	case ctx.Err() != nil:
	case apierrors.IsConflict(err): // it is another by now than it was when it was decided about
		c.queue.AddRateLimited(key)
	default:
		logf.FromContext(ctx).Error(err, "Velero's object could not be accompanied", "kind", key.kind, "namespace", key.Namespace, "name", key.Name)
		c.queue.AddRateLimited(key)
	}
	return true
}

// reconcile brings one object, and the sessions of it, one step on.
func (c *Controller) reconcile(ctx context.Context, key key) error {
	kind := c.kindOf(key.kind)
	if kind == nil || !c.watch.Complete(kind.resource()) && !c.watch.Absent(kind.resource()) {
		return nil // all are looked at when it is
	}
	sessions, err := c.sessionsOf(ctx, key)
	if err != nil {
		return err
	}
	found, there := c.watch.Get(kind.resource(), key.Namespace, key.Name)
	object, _ := found.(object)
	if there && object != nil {
		if err := c.accompany(ctx, object, ofObject(sessions, object)); err != nil {
			return err
		}
	}
	return c.leave(ctx, kind, key, object, sessions)
}

// accompany does what there is to do for an object: the next step at the gate, what its sessions are to be told, and what it is to be
// told itself.
func (c *Controller) accompany(ctx context.Context, object object, sessions []*v1alpha1.HookSession) error {
	object, err := c.withBackup(ctx, object)
	if err != nil {
		return err
	}
	attempt := attemptOf(object)
	current, others := ofAttempt(sessions, object, attempt)
	view := c.view(ctx, object, current, attempt)
	decision := gate.Next(&view, gate.Settings{Off: !c.Options.Gate, StartGrace: c.Options.StartGrace})
	if !decision.Again.IsZero() {
		c.queue.AddAfter(keyOfObject(object), time.Until(decision.Again))
	}
	// Each whatever becomes of the others: a namespace that takes no session must not keep those of others quiesced.
	return errors.Join(
		c.tell(ctx, object, current),
		c.cancel(ctx, others, "it is of an earlier attempt of Velero's object, or of none"),
		c.act(ctx, object, &view, decision, current),
		c.catchUp(ctx, object, current),
		c.conclude(ctx, object, current),
	)
}

// leave cancels the sessions of an object that is there no longer, or is another of the same name.
func (c *Controller) leave(ctx context.Context, kind kind, key key, object object, sessions []*v1alpha1.HookSession) error {
	var orphans []*v1alpha1.HookSession
	for _, session := range sessions {
		if (object == nil || session.Spec.Velero.UID != object.meta().UID) && unfinished(session) {
			orphans = append(orphans, session)
		}
	}
	if len(orphans) == 0 {
		return nil
	}
	// As it is now: a watch that is behind must not end the sessions of what there is.
	live, err := c.Objects.Resource(velero.GroupVersion.WithResource(kind.resource())).Namespace(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("looking whether %s is there: %w", key, err)
	}
	if err == nil {
		kept := orphans[:0]
		for _, session := range orphans {
			if session.Spec.Velero.UID != live.GetUID() {
				kept = append(kept, session)
			}
		}
		orphans = kept
	}
	return c.cancel(ctx, orphans, "Velero's object is gone")
}
