package perform

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const reasonNotReady = "NotReady"

// await waits for the pod to be what the hook needs, where it is to; nil when the hook is to be tried. Whether the pod is there at
// all is found by trying.
func (a *attempt) await(ctx context.Context) *v1alpha1.PodResult {
	if a.hook.Hold != nil && !a.isPre() || a.pod.UID == "" { // it is released whatever the pod is; or there is none
		return nil
	}
	var limit <-chan time.Time
	if !a.undoes {
		if wait := a.hook.WaitTimeout.Duration; wait > 0 {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			limit = timer.C
		}
	}
	for {
		changed, done := a.pods.Changed(a.pod.UID)
		what, fits := a.fits()
		if fits {
			done()
			return nil
		}
		if decided := a.unready(what); decided != nil {
			done()
			return decided
		}
		if a.undoes {
			a.session.Trouble(a.pod.Name, what)
			if a.abandoned() {
				done()
				return &v1alpha1.PodResult{Outcome: v1alpha1.ResultFailed, Reason: v1alpha1.ReasonAbandoned, ExitCode: noCode, NotRun: true, Message: what}
			}
		}
		waited := a.wait(ctx, changed, limit)
		done()
		switch waited {
		case outOfTime:
			return &v1alpha1.PodResult{
				Outcome: v1alpha1.ResultFailed, Reason: reasonNotReady, ExitCode: noCode, NotRun: true,
				Message: fmt.Sprintf("%s, though it was given %s (waitTimeout)", what, a.hook.WaitTimeout),
			}
		case stopped:
			return &v1alpha1.PodResult{Outcome: v1alpha1.ResultFailed, Reason: string(action.Cancelled), ExitCode: noCode, NotRun: true, Message: context.Cause(ctx).Error()}
		}
	}
}

// waited is why a wait is over.
type waited int

const (
	lookAgain waited = iota
	outOfTime
	stopped
)

// wait waits until there is something to look at: others may run in the meantime.
func (a *attempt) wait(ctx context.Context, changed <-chan struct{}, limit <-chan time.Time) waited {
	defer a.yield()()
	look := time.NewTimer(late) // whether somebody has taken it over
	defer look.Stop()
	select {
	case <-changed:
	case <-look.C:
	case <-limit:
		return outOfTime
	case <-ctx.Done():
		return stopped
	}
	return lookAgain
}

// fits tells whether the pod is what the hook needs, and if not, what it is.
func (a *attempt) fits() (what string, fits bool) {
	pod, there := a.pods.Pod(a.pod.UID)
	switch {
	case !there: // the attempt will say so
		return "", true
	case !pod.State(a.pod.Container).Running:
		return fmt.Sprintf("container %q of pod %q does not run", a.pod.Container, a.pod.Name), false
	case a.hook.WaitFor == v1alpha1.PodReady && !a.undoes && !pod.Ready:
		return fmt.Sprintf("pod %q is not ready", a.pod.Name), false
	}
	return "", true
}

// unready decides about a pod that is not what it is to be; nil to wait.
func (a *attempt) unready(what string) *v1alpha1.PodResult {
	if a.undoes {
		return nil
	}
	byDefault := v1alpha1.FailNotReady
	if a.Run.Spec.Stage == v1alpha1.PostRestore {
		byDefault = v1alpha1.WaitNotReady
	}
	switch cmp.Or(a.hook.IfNotReady, byDefault) {
	case v1alpha1.SkipNotReady:
		return &v1alpha1.PodResult{Outcome: v1alpha1.ResultSkipped, Reason: reasonNotReady, NotRun: true, Message: what}
	case v1alpha1.WaitNotReady:
		return nil
	default:
		return &v1alpha1.PodResult{
			Outcome: v1alpha1.ResultFailed, Reason: reasonNotReady, ExitCode: noCode, NotRun: true,
			Message: what + ": write ifNotReady Wait or Skip, or onError Continue, if that is to be borne",
		}
	}
}
