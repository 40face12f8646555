package thaw

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// forced are the hooks that would thaw pods if they had been quiesced by a session, of all policies that select them now.
func forced(namespace match.Namespace, pods []corev1.Pod, set *policies.Set, wanted wants) []step {
	var targets []plan.Pod
	for i := range pods {
		if !ended(&pods[i]) {
			targets = append(targets, plan.Pod{Pod: world.PodOf(&pods[i]).Pod, UID: pods[i].UID, Name: pods[i].Name, Annotations: pods[i].Annotations, Ready: true})
		}
	}
	resolved := plan.Resolve(set.Index, plan.Session{Namespace: namespace, Kinds: plan.Kinds{Snapshot: true, Backup: true}}, targets)
	known := map[match.Ref]record.Policy{}
	for i := range set.Policies {
		policy := &set.Policies[i]
		known[policy.Ref] = record.Policy{UID: policy.UID, Generation: policy.Generation, Spec: policy.Spec}
	}
	session := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "kubectl-quiesce-thaw"}}
	var (
		all    []step
		batch  = 0
		before group
	)
	for _, run := range record.Write(session, resolved.Steps, func(ref match.Ref) record.Policy { return known[ref] }, 0) {
		if !record.Thaws(run) || run.Spec.Hook.Hold != nil {
			continue
		}
		if now := (group{run.Spec.Stage, run.Spec.Group}); batch == 0 || now != before {
			batch, before = batch+1, now
		}
		for _, pod := range run.Spec.Pods {
			if !wanted(record.PolicyOf(run), pod.Name) {
				continue
			}
			s := step{how: runs, run: run, pod: pod, batch: batch}
			if todo := unable(run, &pod); todo != "" {
				s.how, s.todo = byHand, todo
			}
			all = append(all, s)
		}
	}
	return all
}
