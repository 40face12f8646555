package session

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/perform"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// group is a group of hooks that runs.
type group struct {
	cancel context.CancelCauseFunc
	stage  v1alpha1.Stage
}

// Why a group is stopped.
var (
	errGone      = errors.New("the session is gone")
	errCancelled = errors.New("the session was cancelled")
	errBroken    = errors.New("the session cannot succeed any more")
)

// start runs a group, and has the session looked at when it is over.
func (o *open) start(d machine.Decision) {
	guards, history := o.record.Guards(), o.record.History()
	limit := o.holdLimit()
	jobs := make([]perform.Job, 0, len(d.Jobs))
	for _, job := range d.Jobs {
		run, undoes := job.Run.DeepCopy(), o.record.Undoes(job.Run)
		jobs = append(jobs, perform.Job{
			Run: run, Places: job.Places, Outcome: outcome(history, run.Spec.Stage), HoldRun: o.holdRun(run), HoldLimit: limit,
			Undoes:  func(pod v1alpha1.RunPod) bool { return undoes(pod.UID) },
			Armings: func(pod v1alpha1.RunPod, now time.Time) []record.Arming { return guards.Armings(run, pod, now) },
			Disarms: func(pod v1alpha1.RunPod) bool { return guards.Last(run, pod) },
		})
	}
	again := d.Again
	o.lookBeforeThaw(d.Jobs)
	o.launch(d.Jobs[0].Run.Spec.Stage, func(ctx context.Context) error {
		return o.Performer.Group(ctx, performing{o}, o.view, jobs)
	}, func() { o.again = o.again || again })
}

// outcome is what a hook is told of the operation; before it there is none.
func outcome(history plan.History, stage v1alpha1.Stage) v1alpha1.Outcome {
	if !plan.IsPost(stage) {
		return ""
	}
	return history.Outcome(stage)
}

// recover brings to an end what another controller has begun.
func (o *open) recover() {
	var runs []*v1alpha1.HookRun
	for _, run := range o.record.Runs {
		if len(run.Status.Results) < int(run.Status.Attempted) {
			runs = append(runs, run.DeepCopy())
		}
		o.findLostHolds(run)
	}
	if len(runs) == 0 {
		return
	}
	o.launch(runs[0].Spec.Stage, func(ctx context.Context) error {
		for _, run := range runs {
			if err := o.Performer.Recover(ctx, performing{o}, run); err != nil {
				return err
			}
		}
		return nil
	}, nil)
}

// launch runs something beside the reconciler, as the one thing that goes on in the session.
func (o *open) launch(stage v1alpha1.Stage, run func(context.Context) error, after func()) {
	ctx, cancel := context.WithCancelCause(o.base)
	o.running = &group{cancel, stage}
	o.Reconciler.running.Add(1)
	o.groups.Go(func() {
		defer o.Reconciler.running.Add(-1)
		defer cancel(nil)
		err := run(ctx)
		o.lock.Lock()
		o.running = nil
		if after != nil && err == nil {
			after()
		}
		o.lock.Unlock()
		switch {
		case errors.Is(err, errTakenOver):
			logf.Log.Error(err, "A session is left to another controller", "session", o.key)
			o.forget(o.key)
		case err != nil && !errors.Is(err, perform.ErrShutdown):
			logf.Log.Error(err, "A session's record could not be written", "session", o.key)
		}
		if !errors.Is(err, perform.ErrShutdown) {
			o.wake(o.key)
		}
	})
}

// stopIfInVain stops a group of before the operation when the session does not go there any longer.
func (o *open) stopIfInVain() {
	if plan.IsPost(o.running.stage) {
		return
	}
	switch session := o.record.Session; {
	case o.record.Deleting():
		o.running.cancel(errCancelled)
	case session.Status.Broken != nil:
		o.running.cancel(errBroken)
	case session.Spec.Cancel && o.running.stage != v1alpha1.PreBackup: // which runs all the same
		o.running.cancel(errCancelled)
	}
}

// holdRun is the run that begins the hold that a run releases.
func (o *open) holdRun(release *v1alpha1.HookRun) types.UID {
	if release.Spec.Hook.Hold == nil {
		return ""
	}
	for _, run := range o.record.Runs {
		if !plan.IsPost(run.Spec.Stage) && record.PolicyOf(run) == record.PolicyOf(release) && run.Spec.Hook.Place == release.Spec.Hook.Place &&
			run.Spec.Part == release.Spec.Part {
			return run.UID
		}
	}
	return ""
}

// holdLimit is how long a hold may last from now.
func (o *open) holdLimit() time.Duration {
	if w := o.record.Session.Status.Window; w != nil && w.Deadline != nil {
		return max(time.Second, time.Until(w.Deadline.Time))
	}
	return v1alpha1.DefaultMaxQuiesce
}

// performing is a session as those see it who run its hooks.
type performing struct{ *open }

var _ perform.Session = performing{}

// Save implements perform.Session.
func (p performing) Save(ctx context.Context, run *v1alpha1.HookRun) error {
	err := p.saveRun(ctx, run)
	if err == nil && run.Status.Failed > 0 {
		p.wake(p.key)
	}
	return err
}

// Trouble implements perform.Session.
func (p performing) Trouble(pod, sentence string) {
	p.lock.Lock()
	before := p.trouble[pod]
	if sentence == "" {
		delete(p.trouble, pod)
	} else {
		p.trouble[pod] = sentence
	}
	p.lock.Unlock()
	if before != sentence {
		p.wake(p.key)
	}
}

// Abandoned implements perform.Session.
func (p performing) Abandoned(pod string) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	return abandoned(p.record.Session, pod)
}

func abandoned(session *v1alpha1.HookSession, pod string) bool {
	names := strings.Split(session.Annotations[v1alpha1.AbandonAnnotation], ",")
	return slices.ContainsFunc(names, func(name string) bool {
		name = strings.TrimSpace(name)
		return name == "true" || name != "" && name == pod
	})
}

// Lost implements perform.Session.
func (p performing) Lost(run *v1alpha1.HookRun, pod string, result action.Result) {
	p.lock.Lock()
	p.lost = append(p.lost, lostHold{run, pod, result.Message})
	p.lock.Unlock()
	p.wake(p.key)
}
