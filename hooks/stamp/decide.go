package stamp

import (
	"maps"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxAnnotationBytes is the limit on all keys and values together, past which the API server refuses the pod
// (k8s.io/apimachinery/pkg/api/validation, TotalAnnotationSizeLimitB).
const maxAnnotationBytes = 256 * 1024

// Pod is what stamping needs to know of a pod.
type Pod struct {
	Labels      map[string]string
	Annotations map[string]string
	// Containers by name, in the pod's order, init containers not among them.
	Containers []string
}

// Decision is what is to become of a pod's annotations, and why.
type Decision struct {
	// Set are the annotations to add or to overwrite; Remove those to take away, sorted. Both are empty when the pod
	// carries what it should.
	Set    map[string]string
	Remove []string
	// Outcomes has one entry for each policy that selects the pod, in the order in which they apply.
	Outcomes []Outcome
}

// Decide says which annotations a pod in an opted-in namespace is to carry. Annotations that the pod's user wrote are
// never touched: then the pod is left alone, on both sides, since a freeze of ours without its thaw, or the other way
// round, would be worse than none.
func (p *Policies) Decide(namespace match.Namespace, pod Pod) Decision {
	matched := p.index.Match(namespace, pod.Labels)
	present := hookAnnotations(pod.Annotations)
	record, recorded := ReadRecord(pod.Annotations)
	if len(matched) == 0 && !recorded {
		return Decision{}
	}
	if userOwns := !recorded || record.Hash != hash(present); len(present) > 0 && userOwns {
		return Decision{Outcomes: all(matched, v1alpha1.ReasonUserOwned)}
	}
	wanted, outcomes := p.render(matched, pod, present)
	set, remove := difference(pod.Annotations, present, wanted)
	return Decision{Set: set, Remove: remove, Outcomes: outcomes}
}

// render puts the annotations of the matched policies together, the highest priority first. A policy whose side is
// taken, or whose container the pod lacks, is left out on both sides.
func (p *Policies) render(matched []*match.Policy, pod Pod, present map[string]string) (map[string]string, []Outcome) {
	var (
		wanted   = make(map[string]string, 4*len(sides)+1)
		outcomes = make([]Outcome, 0, len(matched))
		taken    [len(sides)]*match.Policy
		stamped  []string
		budget   = maxAnnotationBytes - size(pod.Annotations) + size(present) +
			len(pod.Annotations[v1alpha1.StampAnnotation])
	)
	for _, policy := range matched {
		s := p.stamps[policy.Rank]
		outcome := s.obstacle(policy, pod, taken)
		if outcome.Reason == "" {
			annotations := s.annotations(pod)
			if size(wanted)+size(annotations)+recordSize(append(stamped, policy.Name)) > budget {
				outcome.Reason = v1alpha1.ReasonTooLarge
			} else {
				maps.Copy(wanted, annotations)
				stamped = append(stamped, policy.Name)
				for which := range sides {
					if s[which] != nil {
						taken[which] = policy
					}
				}
			}
		}
		outcomes = append(outcomes, outcome)
	}
	if len(wanted) > 0 {
		wanted[v1alpha1.StampAnnotation] = Record{Policies: stamped, Hash: hash(hookAnnotations(wanted))}.String()
	}
	return wanted, outcomes
}

// obstacle is the outcome for a policy that cannot be stamped as things stand; without a reason when it can.
func (s stamp) obstacle(policy *match.Policy, pod Pod, taken [len(sides)]*match.Policy) Outcome {
	outcome := Outcome{Policy: policy.Name}
	for which, hook := range s {
		if hook == nil {
			continue
		}
		if hook.container != "" && !slices.Contains(pod.Containers, hook.container) {
			outcome.Reason, outcome.Hook, outcome.Container = v1alpha1.ReasonContainerNotFound, hook.hook, hook.container
			return outcome
		}
		if winner := taken[which]; winner != nil {
			outcome.Reason, outcome.Hook, outcome.Winner = v1alpha1.ReasonOutranked, hook.hook, winner.Name
			return outcome
		}
	}
	return outcome
}

// annotations renders a stamp for a pod. All four keys of a side are always written.
func (s stamp) annotations(pod Pod) map[string]string {
	annotations := make(map[string]string, 4*len(sides))
	for which, hook := range s {
		if hook == nil {
			continue
		}
		container := hook.container
		if container == "" && len(pod.Containers) > 0 {
			container = pod.Containers[0]
		}
		prefix := sides[which].prefix
		annotations[prefix+v1alpha1.VeleroCommand] = hook.command
		annotations[prefix+v1alpha1.VeleroContainer] = container
		annotations[prefix+v1alpha1.VeleroOnError] = hook.onError
		annotations[prefix+v1alpha1.VeleroTimeout] = hook.timeout
	}
	return annotations
}

// difference tells what leads from a pod's annotations to the wanted ones. Only our own keys are looked at.
func difference(annotations, ours, wanted map[string]string) (set map[string]string, remove []string) {
	for key, value := range wanted {
		if old, found := annotations[key]; !found || old != value {
			if set == nil {
				set = make(map[string]string, len(wanted))
			}
			set[key] = value
		}
	}
	for key := range ours {
		if _, found := wanted[key]; !found {
			remove = append(remove, key)
		}
	}
	if _, found := annotations[v1alpha1.StampAnnotation]; found && len(wanted) == 0 {
		remove = append(remove, v1alpha1.StampAnnotation)
	}
	slices.Sort(remove)
	return set, remove
}

// size is what the API server counts against its limit.
func size(annotations map[string]string) (bytes int) {
	for key, value := range annotations {
		bytes += len(key) + len(value)
	}
	return bytes
}
