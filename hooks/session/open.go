package session

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// open is a session that this controller looks after. Its record is what is durable: nobody else writes it.
type open struct {
	*Reconciler
	key types.NamespacedName

	lock     sync.Mutex
	record   record.Record
	saved    v1alpha1.HookSessionStatus // as the API server has it
	decision machine.Decision
	running  *group
	trouble  map[string]string // by pod, why it cannot be thawed yet
	lost     []lostHold
	again    bool // whether everything was thawed once more, and that is still to be noted
	view     *witness.View
	shown    atomic.Pointer[shown]
	sights   *sights // nil where there is nothing to be seen
	// index and namespace are those of when the session was resolved, by which pods born later are judged.
	index     *match.Index
	namespace match.Namespace
}

// lostHold is a hold that has ended before its time.
type lostHold struct {
	run    *v1alpha1.HookRun
	pod    string
	reason string
}

// load reads a session's record.
func (r *Reconciler) load(ctx context.Context, session *v1alpha1.HookSession) (*open, error) {
	o := &open{Reconciler: r, key: client.ObjectKeyFromObject(session), trouble: map[string]string{}}
	o.record.Session = session.DeepCopy()
	session.Status.DeepCopyInto(&o.saved)
	o.show()
	if session.Status.Runs == nil || session.Status.FinishedAt != nil {
		return o, nil
	}
	var err error
	if o.record.Runs, err = r.runsOf(ctx, session); err != nil {
		return nil, err
	}
	if isCopy(session) && len(o.record.Runs) == 0 { // what its status says has happened to another
		o.record.Session.Status = v1alpha1.HookSessionStatus{}
		return o, nil
	}
	if o.view, err = r.Witness.Open(ctx, session.Namespace); err != nil {
		return nil, fmt.Errorf("watching the pods of %s: %w", session.Namespace, err)
	}
	o.follow()
	o.watchSnapshots(ctx, o.record.Runs)
	if machine.Claims(&o.record) {
		r.claims.take(session, claimed(o.record.Runs))
	}
	o.recover() //nolint:contextcheck // what runs then does not end with a look at the session
	return o, nil
}

// claimed are the pods of runs.
func claimed(runs []*v1alpha1.HookRun) map[types.UID]string {
	pods := map[types.UID]string{}
	for _, run := range runs {
		for i := range run.Spec.Pods {
			if pod := &run.Spec.Pods[i]; pod.UID != "" {
				pods[pod.UID] = pod.Name
			}
		}
	}
	return pods
}

// hear takes over what its user wants of the session by now. Its status is what is known here.
func (o *open) hear(session *v1alpha1.HookSession) {
	o.lock.Lock()
	defer o.lock.Unlock()
	heard := session.DeepCopy()
	heard.Status = o.record.Session.Status
	if len(heard.Finalizers) == 0 { // from a cache that is behind
		heard.Finalizers = o.record.Session.Finalizers
	}
	o.record.Session = heard
}

func (o *open) close() {
	o.lock.Lock()
	defer o.lock.Unlock()
	if o.running != nil {
		o.running.cancel(errGone)
	}
	if o.view != nil {
		o.view.Close()
	}
	o.sights.close()
	o.claims.release(o.record.Session.UID)
	o.Teller.Forget(o.record.Session.UID)
}

// advance does what there is to do, until there is something to wait for.
func (o *open) advance(ctx context.Context) (ctrl.Result, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	for {
		now := time.Now()
		o.observe(now)
		o.lookAtSnapshots(now, false)
		if breach := machine.NewBreach(&o.record, now); breach != nil {
			o.breakWith(breach)
		}
		if o.running != nil {
			o.stopIfInVain()
			return o.rest(ctx, machine.NextBreach(&o.record, now))
		}
		if o.again {
			machine.MarkThawedAgain(&o.record, now)
			o.again = false
		}
		d := machine.Next(&o.record, o.Options.TTL, now)
		if o.isDraining() && slices.Contains([]machine.Action{machine.Resolve, machine.Open, machine.Begin}, d.Action) {
			return o.rest(ctx, time.Time{})
		}
		o.decision = d
		if machine.Mark(&o.record, d, now) {
			o.lookAtSnapshots(now, true)
			if err := o.save(ctx); err != nil {
				return ctrl.Result{}, err
			}
		}
		done, err := o.do(ctx, d)
		if err != nil {
			return ctrl.Result{}, err
		}
		if done {
			return o.rest(ctx, d.Until)
		}
	}
}

// do carries out a decision; true when there is nothing more to be done for now.
func (o *open) do(ctx context.Context, d machine.Decision) (done bool, err error) {
	switch d.Action {
	case machine.Resolve:
		return o.resolve(ctx)
	case machine.ResolveRestored:
		return o.resolveRestored(ctx)
	case machine.Open, machine.Begin:
		return false, nil // noted, which is all
	case machine.Skip:
		return false, o.skip(ctx, d.Skips)
	case machine.Run:
		o.start(d) //nolint:contextcheck // a group of hooks does not end with a look at the session
		return true, nil
	case machine.Finish:
		return false, o.save(ctx)
	case machine.Release:
		return false, o.letGo(ctx)
	case machine.Delete:
		logf.FromContext(ctx).Info("A finished session is deleted, since its time has passed")
		return true, client.IgnoreNotFound(o.Client.Delete(ctx, o.record.Session.DeepCopy(), client.Preconditions{UID: &o.record.Session.UID}))
	case machine.Await:
		return true, nil
	}
	return true, fmt.Errorf("unknown action %q", d.Action)
}

// rest makes the status durable, and says when to look again.
func (o *open) rest(ctx context.Context, until time.Time) (ctrl.Result, error) {
	if err := o.save(ctx); err != nil {
		return ctrl.Result{}, err
	}
	until = earliest(until, o.sights.due())
	if until.IsZero() {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: max(time.Until(until), time.Millisecond)}, nil
}

// breakWith notes why the session cannot succeed any more.
func (o *open) breakWith(breach *v1alpha1.Breach) {
	if o.record.Session.Status.Broken == nil {
		o.record.Session.Status.Broken = breach
	}
}
