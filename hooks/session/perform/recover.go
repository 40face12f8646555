package perform

import (
	"context"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// ReasonInterrupted is why a hook has failed that ran when its controller ended: nobody knows how it came out.
const ReasonInterrupted = "Interrupted"

// Recover brings to an end what another controller may have begun and has not seen the end of. Hooks of before the operation
// have failed then; those of after it are left without a result, to be run again.
func (p *Performer) Recover(ctx context.Context, session Session, run *v1alpha1.HookRun) error {
	var places []int
	record.Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		if result == nil && place < int(run.Status.Attempted) && pod.Obstacle == "" {
			places = append(places, place)
		}
	})
	if len(places) == 0 || plan.IsPost(run.Spec.Stage) && run.Spec.Hook.Job != nil { // a Job goes on, and is found again by its name
		return nil
	}
	t := &task{Performer: p, Job: Job{Run: run}, session: session}
	j := newJournal(ctx, t)
	slots := make(chan struct{}, p.options.AtOnce)
	var working sync.WaitGroup
	for _, place := range slices.Clone(places) {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			if result := t.interrupted(ctx, run.Spec.Pods[place]); result != nil && !plan.IsPost(run.Spec.Stage) {
				j.add(place, result)
			}
		})
	}
	working.Wait()
	return j.close(ctx)
}

// interrupted ends what may be left of a hook in a pod.
func (t *task) interrupted(ctx context.Context, pod v1alpha1.RunPod) *v1alpha1.PodResult {
	a := &attempt{task: t, pod: pod, hook: &t.Run.Spec.Hook, started: time.Now(), ran: true}
	process := a.endAll(ctx)
	result := &v1alpha1.PodResult{
		Pod: pod.Name, Outcome: v1alpha1.ResultFailed, Reason: ReasonInterrupted, ExitCode: noCode,
		Message: "the controller ended while the hook ran, or was about to: nobody knows how it came out",
	}
	if process == action.MayRun {
		until := metav1.NewMicroTime(a.started.Add(a.limit()))
		result.MayRunUntil = &until
	}
	return result
}

// endAll ends whatever may be left of the hook's attempts, and says whether anything may be. A request that was sent cannot be
// taken back.
func (a *attempt) endAll(ctx context.Context) action.Process {
	inContainer := a.hook.Exec != nil || a.hook.Script != nil || a.hook.Hold != nil
	if inContainer && a.noShell() || !inContainer && a.hook.Job == nil {
		return action.MayRun
	}
	process := action.HasEnded
	for count := 1; count <= int(a.hook.MaxRetries)+1 && ctx.Err() == nil; count++ {
		if a.end(ctx, count) == action.MayRun {
			process = action.MayRun
		}
	}
	return process
}

// end ends one attempt of the hook.
func (a *attempt) end(ctx context.Context, count int) action.Process {
	if a.hook.Job != nil {
		return a.means.Jobs.End(ctx, a.Run.Namespace, jobName(a.hook.Name, a.Run.UID, a.pod.UID, count), a.Run.UID)
	}
	return a.means.Containers.End(ctx, a.target(), Token(a.Run.UID, a.pod.UID, count))
}
