package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// page is how many HookRuns are read at a time.
	page = 50
	// firstPause and lastPause are those between attempts to write; they double.
	firstPause, lastPause = 250 * time.Millisecond, 5 * time.Second
)

// runsOf reads a session's HookRuns, in their order. One that Velero has brought back from a backup is none: restored objects have no owner.
func (r *Reconciler) runsOf(ctx context.Context, session *v1alpha1.HookSession) ([]*v1alpha1.HookRun, error) {
	var runs []*v1alpha1.HookRun
	list := v1alpha1.HookRunList{}
	for {
		err := r.Live.List(ctx, &list, client.InNamespace(session.Namespace), client.Limit(page), client.Continue(list.Continue),
			client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.UID)})
		if err != nil {
			return nil, fmt.Errorf("listing HookRuns: %w", err)
		}
		for i := range list.Items {
			if metav1.IsControlledBy(&list.Items[i], session) {
				runs = append(runs, list.Items[i].DeepCopy())
			}
		}
		if list.Continue == "" {
			break
		}
	}
	slices.SortFunc(runs, func(a, b *v1alpha1.HookRun) int { return int(a.Spec.Order - b.Spec.Order) })
	return runs, nil
}

// save makes the session's status durable.
func (o *open) save(ctx context.Context) error {
	session := o.record.Session
	if o.saved.FinishedAt != nil { // there is no record any more of which anything could follow
		o.show()
		return nil
	}
	machine.Settle(&o.record, o.decision, time.Now())
	o.showTrouble()
	if equality.Semantic.DeepEqual(o.saved, session.Status) {
		return nil
	}
	before := session.DeepCopy()
	o.saved.DeepCopyInto(&before.Status)
	wanted := session.DeepCopy()
	if err := o.Client.Status().Patch(ctx, wanted, client.MergeFrom(before)); err != nil {
		if apierrors.IsNotFound(err) { // deleted, with its finalizer taken off
			return nil
		}
		return fmt.Errorf("writing the status: %w", err)
	}
	o.Teller.Phase(session, o.saved.Phase)
	o.Teller.Consistent(session, o.saved.Conditions)
	if w := session.Status.Window; w != nil && w.ThawedAt != nil && (o.saved.Window == nil || o.saved.Window.ThawedAt == nil) {
		o.Teller.Thawed(&o.record)
	}
	session.Status.DeepCopyInto(&o.saved)
	o.show()
	if machine.Claims(&o.record) {
		return nil
	}
	o.claims.release(session.UID)
	if session.Status.FinishedAt != nil && o.view != nil {
		o.view.Close()
		o.sights.close()
	}
	return nil
}

// saveRun makes a run's status durable, and what the session knows of it the same.
func (o *open) saveRun(ctx context.Context, run *v1alpha1.HookRun) error {
	pause := firstPause
	for {
		wanted := run.DeepCopy()
		err := o.Client.Status().Update(ctx, wanted)
		switch {
		case err == nil:
			run.ResourceVersion = wanted.ResourceVersion
			o.learn(wanted)
			return nil
		case apierrors.IsNotFound(err):
			o.learn(run.DeepCopy()) // somebody has taken it away; what it says holds all the same
			return nil
		case apierrors.IsConflict(err):
			if err = o.reread(ctx, run); err == nil {
				continue
			}
		}
		if errors.Is(err, errTakenOver) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("writing HookRun %s: %w", run.Name, errors.Join(context.Cause(ctx), err))
		case <-timer.C:
		}
		pause = min(2*pause, lastPause)
	}
}

// errTakenOver is why nothing more is written: another controller looks after the session.
var errTakenOver = errors.New("another controller has written the session's record")

// reread takes over the version of a run whose metadata somebody has changed.
func (o *open) reread(ctx context.Context, run *v1alpha1.HookRun) error {
	var live v1alpha1.HookRun
	if err := o.Live.Get(ctx, client.ObjectKeyFromObject(run), &live); err != nil {
		return err
	}
	known := o.known(run)
	if known != nil && (live.Status.Attempted != known.Status.Attempted || len(live.Status.Results) != len(known.Status.Results)) {
		return errTakenOver
	}
	run.ResourceVersion = live.ResourceVersion
	return nil
}

func (o *open) known(run *v1alpha1.HookRun) *v1alpha1.HookRun {
	o.lock.Lock()
	defer o.lock.Unlock()
	for _, known := range o.record.Runs {
		if known.UID == run.UID {
			return known
		}
	}
	return nil
}

// learn replaces what the session knows of a run, and tells what is new in it.
func (o *open) learn(run *v1alpha1.HookRun) {
	o.lock.Lock()
	i := slices.IndexFunc(o.record.Runs, func(known *v1alpha1.HookRun) bool { return known.UID == run.UID })
	session := o.record.Session
	var before *v1alpha1.HookRun
	if i >= 0 {
		before, o.record.Runs[i] = o.record.Runs[i], run
	}
	o.lock.Unlock()
	if before != nil {
		o.Teller.Results(session, before, run)
	}
}

// letGo takes the finalizers off, those of the runs first: when the session's is off, all may be deleted.
func (o *open) letGo(ctx context.Context) error {
	session := o.record.Session
	runs, err := o.runsOf(ctx, session)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if err := o.dropFinalizer(ctx, run); err != nil {
			return err
		}
	}
	if err := o.dropFinalizer(ctx, session.DeepCopy()); err != nil {
		return err
	}
	session.Finalizers = slices.DeleteFunc(session.Finalizers, func(name string) bool { return name == v1alpha1.ThawFinalizer })
	o.record.Runs = nil
	return nil
}

// dropFinalizer takes ours off an object, whatever else changes there at the same time.
func (o *open) dropFinalizer(ctx context.Context, object client.Object) error {
	return o.changeFinalizers(ctx, object, func(names []string) []string {
		return slices.DeleteFunc(names, func(name string) bool { return name == v1alpha1.ThawFinalizer })
	})
}

func (o *open) addFinalizer(ctx context.Context, object client.Object) error {
	return o.changeFinalizers(ctx, object, func(names []string) []string {
		if slices.Contains(names, v1alpha1.ThawFinalizer) {
			return names
		}
		return append(names, v1alpha1.ThawFinalizer)
	})
}

func (o *open) changeFinalizers(ctx context.Context, object client.Object, change func([]string) []string) error {
	for {
		before, _ := object.DeepCopyObject().(client.Object)
		finalizers := change(slices.Clone(object.GetFinalizers()))
		if slices.Equal(finalizers, object.GetFinalizers()) {
			return nil
		}
		object.SetFinalizers(finalizers)
		err := o.Client.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		switch {
		case err == nil, apierrors.IsNotFound(err):
			return nil
		case !apierrors.IsConflict(err):
			return fmt.Errorf("changing the finalizers of %s: %w", object.GetName(), err)
		}
		if err := o.Live.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
}
