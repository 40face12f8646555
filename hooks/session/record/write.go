package record

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Policy is what is recorded of a policy.
type Policy struct {
	UID        types.UID
	Generation int64
	Spec       *v1alpha1.HookPolicySpec
}

// Write makes the HookRuns of steps, the first of which has the order first. Their names follow from the session and the
// steps, so that what was half written is found again.
func Write(session *v1alpha1.HookSession, steps []plan.Step, policies func(match.Ref) Policy, first int) []*v1alpha1.HookRun {
	runs := make([]*v1alpha1.HookRun, 0, len(steps))
	for i := range steps {
		runs = append(runs, write(session, &steps[i], policies(steps[i].Policy), first+i))
	}
	return runs
}

func write(session *v1alpha1.HookSession, step *plan.Step, policy Policy, order int) *v1alpha1.HookRun {
	run := &v1alpha1.HookRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: session.Namespace,
			Name:      name(session, step, order),
			Labels: map[string]string{
				v1alpha1.SessionUIDLabel: string(session.UID), v1alpha1.StageLabel: string(step.Stage),
				v1alpha1.ExcludeFromBackupLabel: "true", // restored, it would be kept by its finalizer for ever
			},
			Finalizers: []string{v1alpha1.ThawFinalizer},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(session, v1alpha1.GroupVersion.WithKind("HookSession")),
			},
		},
		Spec: v1alpha1.HookRunSpec{
			Session: v1alpha1.ObjectRef{Name: session.Name, UID: session.UID},
			Policy: v1alpha1.PolicyRef{
				Kind: step.Policy.Kind(), Name: step.Policy.Name, UID: policy.UID, Generation: policy.Generation,
				Shell: cmp.Or(policy.Spec.Shell, v1alpha1.Posix), MaxQuiesce: policy.Spec.MaxQuiesce,
			},
			Stage: step.Stage, Order: int32(order), Group: int32(step.Group), Part: int32(step.Part), //nolint:gosec // as many as a list has
			Hook: resolve(step, &policy.Spec.Hooks[step.Hook.Place]),
			Note: step.Note,
		},
		Status: v1alpha1.HookRunStatus{State: v1alpha1.RunPending},
	}
	for _, target := range step.Targets {
		run.Spec.Pods = append(run.Spec.Pods, v1alpha1.RunPod{Name: target.Pod, UID: target.UID, Container: target.Container, Obstacle: target.Obstacle})
	}
	if step.Hook.RunOn == v1alpha1.OncePerSession {
		run.Spec.Pods = []v1alpha1.RunPod{{}}
	}
	run.Spec.PodCount = int32(len(run.Spec.Pods)) //nolint:gosec // plan.MaxTargets at most
	return run
}

func resolve(step *plan.Step, hook *v1alpha1.Hook) v1alpha1.ResolvedHook {
	resolved := v1alpha1.ResolvedHook{
		Name: hook.Name, Place: int32(step.Hook.Place), //nolint:gosec // as many as a list has
		Container: hook.Container, Exec: hook.Exec, Script: hook.Script, Hold: hook.Hold,
		HTTPGet: hook.HTTPGet, HTTPPost: hook.HTTPPost, TCPSocket: hook.TCPSocket, Job: hook.Job,
		Timeout: hook.Timeout, OnError: step.Hook.OnError, HookConduct: hook.HookConduct,
	}
	resolved.RunOn, resolved.ExecutionPolicy = step.Hook.RunOn, step.Hook.ExecutionPolicy
	if resolved.Timeout.Duration <= 0 {
		resolved.Timeout.Duration = v1alpha1.DefaultTimeout
	}
	return resolved
}

// longestPrefix leaves room in a name for the rest.
const longestPrefix = 200

// name is that of the session, the run's order, and what tells it from that of another session of the same name.
func name(session *v1alpha1.HookSession, step *plan.Step, order int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%d/%d", session.UID, step.Stage, step.Policy, step.Hook.Place, step.Part))
	prefix := strings.TrimRight(session.Name[:min(len(session.Name), longestPrefix)], ".-")
	return fmt.Sprintf("%s-%03d-%s", prefix, order, strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:6]))
}
