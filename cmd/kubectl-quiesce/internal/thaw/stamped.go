package thaw

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

type podUID = types.UID

// stampedPod is one that Velero may have quiesced by its annotations.
type stampedPod struct {
	action.Target
	policies []match.Ref
	// thaw is what its policies thaw it with; nil where it is thawed by what is stamped on it, and why says the reason.
	thaw *stamp.Thaw
	why  string
	// own is the post hook that it carries, guarded whether its pre hook has a watchdog, and edited whether its user has written another.
	own             []string
	timeout         time.Duration
	guarded, edited bool

	// found are the watchdogs that wait in it; empty where there are none.
	found string
	// unknown is why nobody knows whether there are any.
	unknown string
}

// quiesced tells whether the pod is.
func (p *stampedPod) quiesced() bool { return p.found != "" }

// stampedPods are those of the pods that run and have hooks of both sides stamped on them. Without policies, they are thawed by
// what they carry.
func stampedPods(namespace string, pods []corev1.Pod, set *policies.Set, s scope) []*stampedPod {
	var found []*stampedPod
	for i := range pods {
		pod := &pods[i]
		carried := stamp.Carried(namespace, pod.Annotations)
		command := pod.Annotations[v1alpha1.VeleroPostPrefix+v1alpha1.VeleroCommand]
		before := pod.Annotations[v1alpha1.VeleroPrePrefix+v1alpha1.VeleroCommand]
		if !s.pod(pod) || !slices.ContainsFunc(carried, s.policy) || command == "" || before == "" || ended(pod) {
			continue
		}
		p := &stampedPod{
			Target:   action.Target{Namespace: namespace, Pod: pod.Name, UID: pod.UID, Container: pod.Annotations[v1alpha1.VeleroPostPrefix+v1alpha1.VeleroContainer]},
			policies: carried, guarded: strings.Contains(before, "quiesce-watchdog"), timeout: time.Minute,
		}
		if err := json.Unmarshal([]byte(command), &p.own); err != nil || len(p.own) == 0 {
			p.own = []string{command} // as Velero reads what is no array
		}
		p.edited = p.guarded && !p.ours()
		if timeout, err := time.ParseDuration(pod.Annotations[v1alpha1.VeleroPostPrefix+v1alpha1.VeleroTimeout]); err == nil {
			p.timeout = timeout
		}
		p.decide(set, pod)
		found = append(found, p)
	}
	return found
}

// ours tells whether the post hook is one of our scripts, which keeps its own time and ends the watchdog.
func (p *stampedPod) ours() bool { return slices.Contains(p.own, "quiesce-post") }

// decide chooses by what the pod is thawed: as the sweep, by its policies as they are now, where they are known and still have what
// undoes what they did.
func (p *stampedPod) decide(set *policies.Set, pod *corev1.Pod) {
	if set == nil {
		p.why = "its policies may not be read"
		return
	}
	thaw, guarded := set.Compiled.Thaw(p.Namespace, stamp.Pod{Pod: world.PodOf(pod).Pod, Annotations: pod.Annotations})
	switch {
	case len(thaw.Lacking) > 0:
		p.why = "of " + refs(thaw.Lacking) + " there is nothing any more to thaw it with"
	case guarded:
		p.thaw = &thaw
	}
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodPending
}

func refs(all []match.Ref) string {
	names := make([]string, len(all))
	for i, policy := range all {
		names[i] = policy.String()
	}
	return strings.Join(names, " and ")
}
