package perform

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// job runs the hook's Job.
func (a *attempt) job(ctx context.Context) *v1alpha1.PodResult {
	if refused := a.arm(ctx, nil); refused != nil {
		return refused
	}
	result, known := untilKnown(ctx, func(ctx context.Context) action.Result { return a.means.Jobs.Run(ctx, a.jobRequest()) })
	if !known { // the next controller finds it by its name
		return a.leave()
	}
	return a.say(result)
}

func (a *attempt) jobRequest() action.JobRequest {
	run := a.Run
	var env []corev1.EnvVar
	for _, v := range a.variables() {
		env = append(env, corev1.EnvVar{Name: v.name, Value: v.value})
	}
	return action.JobRequest{
		Namespace: run.Namespace, Name: jobName(run.Spec.Hook.Name, run.UID, a.pod.UID, a.count), Template: a.hook.Job.Template, Env: env,
		Labels: map[string]string{v1alpha1.SessionUIDLabel: string(run.Spec.Session.UID), v1alpha1.StageLabel: string(run.Spec.Stage)},
		Owner: metav1.OwnerReference{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "HookRun", Name: run.Name, UID: run.UID,
		},
		Timeout: a.hook.Timeout.Duration,
	}
}

// jobName follows from the record, so that whoever comes later finds the Job. A Job's name is a label of its pods: 63 characters.
func jobName(hook string, run, pod types.UID, attempt int) string {
	const most = 30
	prefix := strings.TrimRight(hook[:min(len(hook), most)], "-")
	return prefix + "-" + strings.ToLower(Token(run, pod, attempt))
}

// jobGrace is how long the end of a Job may take beyond its timeout.
const jobGrace = time.Minute
