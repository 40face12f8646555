package action

import (
	"cmp"
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// jobRun is a Job that is waited for.
type jobRun struct {
	*Jobs
	request JobRequest
	// job is as it was seen last.
	job *batchv1.Job
	// gone: it was deleted.
	gone bool
	// pods are as they were when the Job was about to fail: the Job controller deletes those that it does not leave to restart.
	pods []*corev1.Pod
}

// await waits for the Job's end. It fails when the context ends before.
func (r *jobRun) await(ctx context.Context) error {
	if r.see(ctx, map[types.UID]*batchv1.Job{r.job.UID: r.job}) {
		return nil
	}
	return r.oneJob(r.request.Namespace, r.request.Name).until(ctx, func(all map[types.UID]*batchv1.Job) bool { return r.see(ctx, all) })
}

// see tells whether there is nothing more to wait for.
func (r *jobRun) see(ctx context.Context, all map[types.UID]*batchv1.Job) bool {
	job, there := all[r.job.UID]
	if !there {
		r.gone = true
		return true
	}
	r.job = job
	if r.pods == nil && (has(job, batchv1.JobFailureTarget) != nil || has(job, batchv1.JobFailed) != nil) {
		look, cancel := looking(ctx)
		defer cancel()
		r.pods = r.lookAtPods(look)
	}
	return finished(job)
}

// has is a condition that is true, or nil.
func has(job *batchv1.Job, kind batchv1.JobConditionType) *batchv1.JobCondition {
	for i := range job.Status.Conditions {
		if condition := &job.Status.Conditions[i]; condition.Type == kind && condition.Status == corev1.ConditionTrue {
			return condition
		}
	}
	return nil
}

func finished(job *batchv1.Job) bool {
	return has(job, batchv1.JobComplete) != nil || has(job, batchv1.JobFailed) != nil
}

// ofJob selects a Job's pods by their labels.
func ofJob(job *batchv1.Job) string { return metav1.FormatLabelSelector(job.Spec.Selector) }

// looking is the time for finding out why, which there is when all other time has passed.
func looking(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), jobLook)
}

// lookAtPods reads the Job's pods. There are none where they cannot be read: then the result tells less.
func (r *jobRun) lookAtPods(ctx context.Context) []*corev1.Pod {
	pods, _, err := r.podsWith(r.request.Namespace, ofJob(r.job)).list(ctx)
	if err != nil {
		return nil
	}
	return pods
}

// result is that of a Job that has come to its end, or is gone.
func (r *jobRun) result(ctx context.Context) Result {
	failed := has(r.job, batchv1.JobFailed)
	switch {
	case has(r.job, batchv1.JobComplete) != nil:
		return Result{Reason: Succeeded, Code: new(0), Process: HasEnded, Message: fmt.Sprintf("%s is complete", r.request)}
	case failed == nil: // and gone
		return r.ended(ctx, Result{Reason: Unknown, Message: fmt.Sprintf("%s was deleted, and nobody can tell how it would have ended", r.request)})
	}
	result := Result{Reason: JobFailed, Message: fmt.Sprintf("%s failed: %s: %s", r.request, failed.Reason, failed.Message)}
	look, cancel := looking(ctx)
	defer cancel()
	if found := r.trouble(look, r.pods); found != nil {
		result.Reason, result.Code, result.Output = cmp.Or(found.reason, JobFailed), found.code, r.logs(look, found)
		result.Message = fmt.Sprintf("%s failed (%s): %s", r.request, failed.Reason, found.message)
	}
	if failed.Reason == batchv1.JobReasonDeadlineExceeded {
		result.Reason, result.Code = TimedOut, nil
	}
	result.Message = short(result.Message)
	return r.ended(ctx, result)
}

// ended waits for the last of the pods, which before Kubernetes 1.31 may run when the Job has failed.
func (r *jobRun) ended(ctx context.Context, result Result) Result {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobEndGrace)
	defer cancel()
	result.Process = HasEnded
	if err := r.podsWith(r.request.Namespace, ofJob(r.job)).until(ctx, allEnded); err != nil {
		result.Process = MayRun
		result.Message += "; its pods have not ended and may still run"
	}
	return result
}

// interrupt ends a Job that has not come to its end by itself. What it wrote is read ahead, since the Job controller
// deletes the pods that run.
func (r *jobRun) interrupt(ctx context.Context, reason Reason) Result {
	ctx = context.WithoutCancel(ctx)
	look, cancel := looking(ctx)
	defer cancel()
	found := r.trouble(look, r.lookAtPods(look))
	result := Result{Reason: reason, Output: r.logs(look, found)}
	job, process := r.end(ctx, r.request.Namespace, r.request.Name, r.request.Owner.UID)
	if job != nil && has(job, batchv1.JobComplete) != nil { // in the last moment
		r.job = job
		return r.result(ctx)
	}
	why, then := "was cancelled", "and was ended"
	if reason == TimedOut {
		why = fmt.Sprintf("did not end within its timeout of %s", r.request.Timeout)
	}
	if result.Process = process; process == MayRun {
		then = "and could not be ended, so that its pods may still run"
	}
	result.Message = fmt.Sprintf("%s %s %s", r.request, why, then)
	if found != nil {
		result.Message = short(result.Message + ": " + found.message)
	}
	return result
}
