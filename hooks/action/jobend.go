package action

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// end ends a Job by a deadline that has passed. The Job controller then deletes the pods that run, starts no more, and has
// the Job failed, which it stays: nobody can resume it, and its TTL counts. A Job that is suspended would be neither, and would
// stay for ever. Pods that have ended stay with their logs; of the others nothing stays, since only a pod's deletion ends it
// for certain, and on nodes that are away as well once they are back. To delete the Job would take everything with it.
//
// It says that all has ended only when the Job controller has, so that no pod can come after that. The Job is nil where there
// is none of this owner.
func (j *Jobs) end(ctx context.Context, namespace, name string, owner types.UID) (*batchv1.Job, Process) {
	ctx, cancel := context.WithTimeout(ctx, jobEndGrace)
	defer cancel()
	job, err := j.expire(ctx, namespace, name, owner)
	switch {
	case err != nil:
		return job, MayRun
	case job == nil || !owns(owner, job): // it was deleted, and its pods may be on their way after it
		return nil, endedUnless(j.podsWith(namespace, leftBehind(name, job)).until(ctx, allEnded))
	}
	err = j.oneJob(namespace, name).until(ctx, func(all map[types.UID]*batchv1.Job) bool {
		if now, there := all[job.UID]; there {
			job = now
			return finished(now)
		}
		return true
	})
	if err == nil {
		err = j.podsWith(namespace, ofJob(job)).until(ctx, allEnded)
	}
	return job, endedUnless(err)
}

// leftBehind selects the pods of Jobs of a name that are no longer; the one that has the name now may be another's.
func leftBehind(name string, now *batchv1.Job) string {
	selector := batchv1.JobNameLabel + "=" + name
	if now != nil {
		selector += "," + batchv1.ControllerUidLabel + "!=" + string(now.UID)
	}
	return selector
}

// expire sets the deadline of a Job that has not ended, whatever it takes until the context ends. The answer is nil where
// there is no Job, and a Job that is not touched where it has another owner.
func (j *Jobs) expire(ctx context.Context, namespace, name string, owner types.UID) (job *batchv1.Job, err error) {
	jobs := j.jobs.Jobs(namespace)
	err = persist(ctx, jobEndGrace, func() error {
		if job, err = jobs.Get(ctx, name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			job = nil
			return nil
		}
		if err != nil || !owns(owner, job) || finished(job) {
			return err
		}
		// With another UID it is another Job, and the API server refuses.
		patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"activeDeadlineSeconds":0}}`, job.UID)
		job, err = jobs.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
		return err
	})
	return job, err
}

func endedUnless(err error) Process {
	if err != nil {
		return MayRun
	}
	return HasEnded
}

// allEnded tells whether none of the pods runs, or will.
func allEnded(pods map[types.UID]*corev1.Pod) bool {
	for _, pod := range pods {
		if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			return false
		}
	}
	return true
}
