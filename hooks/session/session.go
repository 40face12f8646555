// Package session takes HookSessions through their hooks. The state machine is hooks/session/machine; here is what it needs:
// the API server, the pods, and those who run hooks. A session's record is written before anything is done, so that another
// controller goes on where this one was.
package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session/perform"
	"github.com/quiesce-io/quiesce/hooks/session/tell"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=quiesce.io,resources=hooksessions,verbs=get;list;watch;update;patch;delete
// +kubebuilder:rbac:groups=quiesce.io,resources=hooksessions/status,verbs=patch
// +kubebuilder:rbac:groups=quiesce.io,resources=hooksessions/finalizers,verbs=update
// +kubebuilder:rbac:groups=quiesce.io,resources=hookruns,verbs=get;list;create;update;patch;delete
// +kubebuilder:rbac:groups=quiesce.io,resources=hookruns/status,verbs=update
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get

// compiledPolicies are the policies as they are now.
type compiledPolicies interface {
	Current() *policies.Set
}

// Options of sessions.
type Options struct {
	// TTL is how long a finished session is kept that does not say so itself.
	TTL time.Duration
}

// Reconciler takes sessions through their hooks. There is to be one at a time in a cluster.
type Reconciler struct {
	Client client.Client
	// Live reads from the API server, not from a cache.
	Live      client.Reader
	Policies  compiledPolicies
	Scope     match.Scope
	Witness   *witness.Witness
	Performer *perform.Performer
	Secrets   perform.Secrets
	Teller    *tell.Teller
	Options   Options

	claims *claims
	wakes  chan event.TypedGenericEvent[*v1alpha1.HookSession]

	lock     sync.Mutex
	sessions map[types.NamespacedName]*open
	taken    bool // whether the sessions of another controller have been taken over
	draining bool
	base     context.Context // ends with ErrShutdown
	end      context.CancelCauseFunc
	groups   sync.WaitGroup
	running  atomic.Int32 // groups
}

var (
	_ manager.Runnable               = (*Reconciler)(nil)
	_ manager.LeaderElectionRunnable = (*Reconciler)(nil)
)

// workers are how many sessions are looked at together. Hooks do not run in them.
const workers = 8

// SetupWithManager has the manager run the Reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.base, r.end = context.WithCancelCause(context.Background())
	r.sessions = map[types.NamespacedName]*open{}
	r.wakes = make(chan event.TypedGenericEvent[*v1alpha1.HookSession], 1024)
	r.claims = newClaims(r.wake)
	asked := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	err := ctrl.NewControllerManagedBy(mgr).
		Named("hooksession").
		For(&v1alpha1.HookSession{}, builder.WithPredicates(asked)).
		WatchesRawSource(source.TypedChannel(r.wakes, &handler.TypedEnqueueRequestForObject[*v1alpha1.HookSession]{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
	if err != nil {
		return err
	}
	return mgr.Add(r)
}

// NeedLeaderElection is true: two of these would run every hook twice.
func (r *Reconciler) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable. It ends what runs when the controller does: the record is all that is left.
func (r *Reconciler) Start(ctx context.Context) error {
	<-ctx.Done()
	r.end(perform.ErrShutdown)
	r.groups.Wait()
	return nil
}

// wake has a session looked at.
func (r *Reconciler) wake(key types.NamespacedName) {
	session := &v1alpha1.HookSession{}
	session.Namespace, session.Name = key.Namespace, key.Name
	select {
	case r.wakes <- event.TypedGenericEvent[*v1alpha1.HookSession]{Object: session}:
	case <-r.base.Done():
	}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	if err := r.takeOver(ctx); err != nil {
		return ctrl.Result{}, fmt.Errorf("taking over sessions: %w", err)
	}
	var session v1alpha1.HookSession
	if err := r.Client.Get(ctx, request.NamespacedName, &session); apierrors.IsNotFound(err) {
		r.forget(request.NamespacedName)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, err
	}
	o, err := r.open(ctx, &session)
	if err != nil || o == nil {
		return ctrl.Result{}, err
	}
	return o.advance(ctx)
}

// takeOver loads the sessions that were begun before, so that their claims are known before others make theirs.
func (r *Reconciler) takeOver(ctx context.Context) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.taken {
		return nil
	}
	var sessions v1alpha1.HookSessionList
	if err := r.Live.List(ctx, &sessions); err != nil {
		return err
	}
	for i := range sessions.Items {
		session := &sessions.Items[i]
		if session.Status.Runs == nil || session.Status.FinishedAt != nil || r.sessions[client.ObjectKeyFromObject(session)] != nil {
			continue
		}
		o, err := r.load(ctx, session)
		if err != nil {
			return err
		}
		r.sessions[client.ObjectKeyFromObject(session)] = o
	}
	r.taken = true
	return nil
}

// open is a session as this controller knows it, with what it wants by now; nil where it has gone.
func (r *Reconciler) open(ctx context.Context, session *v1alpha1.HookSession) (*open, error) {
	key := client.ObjectKeyFromObject(session)
	r.lock.Lock()
	o := r.sessions[key]
	r.lock.Unlock()
	if o != nil && o.record.Session.UID == session.UID {
		o.hear(session)
		return o, nil
	}
	r.forget(key)
	// The cache may be behind: what the session has become is to be read where it was written.
	var live v1alpha1.HookSession
	if err := r.Live.Get(ctx, key, &live); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	o, err := r.load(ctx, &live)
	if err != nil {
		return nil, err
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.sessions[key] = o
	return o, nil
}

// forget drops what is known of a session that is gone.
func (r *Reconciler) forget(key types.NamespacedName) {
	r.lock.Lock()
	o := r.sessions[key]
	delete(r.sessions, key)
	r.lock.Unlock()
	if o != nil {
		o.close()
	}
}

// Drain stops beginning anything new, and waits until no hold is open and no group of hooks runs: a controller that is told to stop
// ends what it has begun where it can. The end of the context ends the wait, and its error says what is left.
func (r *Reconciler) Drain(ctx context.Context) error {
	r.lock.Lock()
	r.draining = true
	r.lock.Unlock()
	return errors.Join(r.Performer.Drain(ctx), r.waitGroups(ctx))
}

// waitGroups waits until no group of hooks runs.
func (r *Reconciler) waitGroups(ctx context.Context) error {
	for {
		running := r.running.Load()
		if running == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("groups of hooks that still run: %d", running)
		case <-time.After(glance):
		}
	}
}

// glance is how often it is looked whether groups still run, at the end.
const glance = 100 * time.Millisecond

func (r *Reconciler) isDraining() bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.draining
}
