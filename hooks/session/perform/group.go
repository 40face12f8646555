package perform

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Group runs jobs at once, and returns when each of their pods has its result. Its error is that of a record that could not be written,
// or the context's when the controller ends. For any other reason the context's end stops hooks of before the operation, and those
// that were not reached are passed over; what undoes something is run all the same.
//
// A hook of before the operation that fails, with onError Fail, stops the others of its group.
func (p *Performer) Group(ctx context.Context, session Session, pods Pods, jobs []Job) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var working sync.WaitGroup
	errs := make([]error, len(jobs))
	for i := range jobs {
		g := &task{Performer: p, Job: jobs[i], session: session, pods: pods, stop: stop}
		working.Go(func() { errs[i] = g.run(ctx) })
	}
	working.Wait()
	return errors.Join(errs...)
}

// task is a job on its way.
type task struct {
	*Performer
	Job
	session Session
	pods    Pods
	stop    context.CancelCauseFunc
}

// stoppedError is why the rest of a group does not run.
type stoppedError struct{ why string }

func (e stoppedError) Error() string { return e.why }

func (t *task) isPre() bool { return !plan.IsPost(t.Run.Spec.Stage) }

// fails tells whether a result stops the group.
func (t *task) fails(result *v1alpha1.PodResult) bool {
	return t.isPre() && result.Outcome == v1alpha1.ResultFailed && t.Run.Spec.Hook.OnError != v1alpha1.Continue
}

// run enters the pods in the order of the list, no more at once than may be.
func (t *task) run(ctx context.Context) error {
	j := newJournal(ctx, t)
	var working sync.WaitGroup
	for _, place := range t.Places {
		pod := t.Run.Spec.Pods[place]
		slots := t.slots(pod)
		if t.isPre() && ctx.Err() != nil {
			if shutDown(ctx) {
				break
			}
			j.add(place, notReached(pod, context.Cause(ctx)))
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			if shutDown(ctx) {
				working.Wait()
				return j.close(ctx)
			}
			if t.isPre() {
				j.add(place, notReached(pod, context.Cause(ctx)))
				continue
			}
			slots <- struct{}{}
		}
		if err := j.enter(ctx, place); err != nil {
			<-slots
			if !t.isPre() || shutDown(ctx) || ctx.Err() == nil {
				break
			}
			j.add(place, notReached(pod, context.Cause(ctx)))
			continue
		}
		working.Go(func() {
			defer func() { <-slots }()
			result := t.one(ctx, pod, j.before(place))
			if result == nil {
				return // the controller ends
			}
			if t.fails(result) {
				t.stop(stoppedError{fmt.Sprintf("hook %q failed in pod %q", t.Run.Spec.Hook.Name, pod.Name)})
			}
			j.add(place, result)
		})
	}
	working.Wait()
	return j.close(ctx)
}

// slots are those of which a hook takes one while it runs in a pod.
func (t *task) slots(pod v1alpha1.RunPod) chan struct{} {
	switch {
	case t.Run.Spec.Hook.Job != nil:
		return t.working
	case t.isPre():
		return t.quiescing
	case t.undoesIn(pod):
		return t.thawing
	}
	return t.finishing
}

func (t *task) undoesIn(pod v1alpha1.RunPod) bool { return t.Undoes != nil && t.Undoes(pod) }

func shutDown(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrShutdown) }

func notReached(pod v1alpha1.RunPod, why error) *v1alpha1.PodResult {
	return &v1alpha1.PodResult{Pod: pod.Name, Outcome: v1alpha1.ResultSkipped, Reason: "NotReached", NotRun: true, Message: why.Error()}
}
