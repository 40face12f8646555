package stamp

import (
	"slices"
	"strings"

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

// Decide says which annotations a pod in an opted-in namespace is to carry. Annotations that the pod's user wrote or
// edited are never touched. Where there is one, the pod gets no hooks of ours on either side, and those that it still has
// as we wrote them go: a freeze without its thaw would be worse than none.
func (p *Policies) Decide(namespace match.Namespace, pod Pod) Decision {
	matched := p.index.Match(namespace, pod.Labels)
	present := carry(pod.Annotations)
	if len(matched) == 0 && !present.stamped {
		return Decision{}
	}
	if present.foreign {
		return Decision{Remove: present.surplus(pod.Annotations, nil), Outcomes: all(matched, v1alpha1.ReasonUserOwned)}
	}
	wanted, outcomes := p.render(matched, pod, present)
	set := map[string]string{}
	for key, value := range wanted {
		if old, found := pod.Annotations[key]; !found || old != value {
			set[key] = value
		}
	}
	judge(outcomes, present, set)
	return Decision{Set: set, Remove: present.surplus(pod.Annotations, wanted), Outcomes: outcomes}
}

// render puts the annotations of the matched policies together, the highest priority first. A policy whose side is
// taken, or whose container the pod lacks, is left out on both sides.
func (p *Policies) render(matched []*match.Policy, pod Pod, present carried) (map[string]string, []Outcome) {
	var (
		wanted   = make(map[string]string, len(sides)*len(suffixes)+1)
		outcomes = make([]Outcome, 0, len(matched))
		written  record
		taken    [len(sides)]string
		budget   = maxAnnotationBytes - present.others(pod.Annotations)
	)
	for _, policy := range matched {
		s := p.stamps[policy.Rank]
		outcome := s.obstacle(policy.Name, pod, taken)
		if outcome.Stamped() && size(wanted)+s.size()+recordSize > budget {
			outcome.Reason = v1alpha1.ReasonTooLarge
		}
		if outcome.Stamped() {
			for which, hook := range s {
				if hook == nil {
					continue
				}
				hash := hook.write(side(which), wanted, hook.choose(side(which), policy.Name, pod, present))
				taken[which] = policy.Name
				outcome.sides[which] = true
				*written.side(side(which)) = &sideRecord{Policy: policy.Name, Hash: hash, Default: hook.container == ""}
			}
		}
		outcomes = append(outcomes, outcome)
	}
	if written != (record{}) {
		wanted[v1alpha1.StampAnnotation] = written.String()
	}
	return wanted, outcomes
}

// recordSize is more than the record of two policies with the longest names there can be takes.
const recordSize = 1024

// obstacle is the outcome for a policy that cannot be stamped as things stand; without a reason when it can.
func (s stamp) obstacle(policy string, pod Pod, taken [len(sides)]string) Outcome {
	outcome := Outcome{Policy: policy}
	for which, hook := range s {
		if hook == nil {
			continue
		}
		if hook.container != "" && !slices.Contains(pod.Containers, hook.container) {
			outcome.Reason, outcome.Hook, outcome.Container = v1alpha1.ReasonContainerNotFound, hook.hook, hook.container
			return outcome
		}
		if winner := taken[which]; winner != "" {
			outcome.Reason, outcome.Hook, outcome.Winner = v1alpha1.ReasonOutranked, hook.hook, winner
			return outcome
		}
	}
	return outcome
}

// judge tells, of each policy that is stamped, whether the pod carries it yet: as its own, on the same sides and no other,
// and nothing to be changed.
func judge(outcomes []Outcome, present carried, set map[string]string) {
	var changed [len(sides)]bool
	for key := range set {
		for s := range sides {
			changed[s] = changed[s] || strings.HasPrefix(key, sides[s].prefix)
		}
	}
	for i := range outcomes {
		for s, stamped := range outcomes[i].sides {
			if carries := present.ours[s] == outcomes[i].Policy; carries != stamped || stamped && changed[s] {
				outcomes[i].pending = true
			}
		}
	}
}

// surplus are those of our annotations that are not wanted, sorted.
func (c carried) surplus(annotations, wanted map[string]string) []string {
	var surplus []string
	for key := range annotations {
		if _, found := wanted[key]; !found && c.owns(key) {
			surplus = append(surplus, key)
		}
	}
	slices.Sort(surplus)
	return surplus
}

// others is the size of the annotations that are not ours.
func (c carried) others(annotations map[string]string) (bytes int) {
	for key, value := range annotations {
		if !c.owns(key) {
			bytes += len(key) + len(value)
		}
	}
	return bytes
}

// size is what the API server counts against its limit.
func size(annotations map[string]string) (bytes int) {
	for key, value := range annotations {
		bytes += len(key) + len(value)
	}
	return bytes
}
