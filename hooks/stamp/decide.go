package stamp

import (
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxAnnotationBytes is the limit on all keys and values together, past which the API server refuses the pod
// (k8s.io/apimachinery/pkg/api/validation, TotalAnnotationSizeLimitB).
const maxAnnotationBytes = 256 * 1024

// headroom is what is left to others, such as network plugins and service meshes, which annotate running pods.
const headroom = 8 * 1024

// Pod is what stamping needs to know of a pod.
type Pod struct {
	match.Pod
	Annotations map[string]string
}

// Decision is what is to become of a pod's annotations, and why.
type Decision struct {
	// Set are the annotations to add or to overwrite; Remove those to take away, sorted. Both are empty when the pod
	// carries what it should.
	Set    map[string]string
	Remove []string
	// Outcomes has one entry for each policy that has hooks for the pod, in the order in which they apply.
	Outcomes []Outcome
}

// Decide says which annotations a pod in an opted-in namespace is to carry. Annotations that the pod's user wrote or
// edited are never touched. Where there is one, the pod gets no hooks of ours on either side, and those that it still has
// as we wrote them go: a freeze without its thaw would be worse than none.
func (p *Policies) Decide(namespace match.Namespace, pod Pod) Decision {
	matched := p.index.Match(namespace, pod.Pod)
	present := carry(pod.Annotations)
	if len(matched) == 0 && !present.stamped {
		return Decision{}
	}
	wanted := map[string]string{}
	a, outcomes := p.arrange(namespace, matched, pod, present)
	if len(a[pre].hooks)+len(a[post].hooks) > 0 {
		p.rendered.of(&a).write(&a, wanted)
	}
	set := map[string]string{}
	for key, value := range wanted {
		if old, found := pod.Annotations[key]; !found || old != value {
			set[key] = value
		}
	}
	judge(outcomes, present, set)
	return Decision{Set: set, Remove: present.surplus(pod.Annotations, wanted), Outcomes: outcomes}
}

// arrange places the hooks of the matched policies, the highest rank first.
func (p *Policies) arrange(namespace match.Namespace, matched []*match.Policy, pod Pod, present carried) (arrangement, []Outcome) {
	var (
		a        arrangement
		outcomes = make([]Outcome, 0, len(matched))
		veto     = p.veto(namespace, pod, present)
		budget   = maxAnnotationBytes - headroom - present.others(pod.Annotations)
		waits    = BySession(matched, pod.Labels, pod.Annotations)
	)
	for _, policy := range matched {
		candidates, left, missing := p.candidates(policy, pod, present)
		outcome := Outcome{Policy: policy.Ref}
		none := len(candidates) == 0 && len(left) == 0 && missing == nil
		switch {
		case none && !policy.Prepares(pod.Labels):
			continue // none of its hooks is for this pod
		case match.OptedOut(pod.Annotations, policy.Name):
			outcome.Obstacles = []Obstacle{{Reason: v1alpha1.ReasonSkipped}}
		case none: // its hooks are for restores
		case Waits(policy.Spec): // its hooks are the session's, as they are to be
		case waits != nil:
			outcome.Obstacles = []Obstacle{{Reason: v1alpha1.ReasonBySession, Winner: waits.Ref}}
		case veto != nil:
			outcome.Obstacles = []Obstacle{*veto}
		case missing != nil:
			outcome.Obstacles = []Obstacle{*missing}
		default:
			with, obstacles := a.add(policy, candidates, p.options)
			if p.tooLarge(&with, budget) {
				with, obstacles = a, []Obstacle{{Reason: v1alpha1.ReasonTooLarge}}
			}
			a, outcome.Obstacles = with, slices.Concat(left, obstacles)
			for s := range sides {
				outcome.sides[s] = a.carries(side(s), policy)
			}
		}
		outcomes = append(outcomes, outcome)
	}
	return a, outcomes
}

// veto is what keeps a pod from being stamped at all, or nil.
func (p *Policies) veto(namespace match.Namespace, pod Pod, present carried) *Obstacle {
	if present.foreign {
		return &Obstacle{Reason: v1alpha1.ReasonUserOwned}
	}
	for i := range p.options.BackupHooks {
		if hooks := &p.options.BackupHooks[i]; hooks.Cover(namespace.Name, pod.Labels) {
			return &Obstacle{Reason: v1alpha1.ReasonBackupHooks, Backup: hooks.Name}
		}
	}
	return nil
}

// candidates are the hooks of a policy that are for a pod, in the order of the list, and those that are left to sessions; or
// what stands in the way of all.
func (p *Policies) candidates(policy *match.Policy, pod Pod, present carried) (candidates []candidate, left []Obstacle, whole *Obstacle) {
	var selected []*v1alpha1.Hook
	for i := range policy.Spec.Hooks {
		if hook := &policy.Spec.Hooks[i]; hook.Init == nil && forBackups(hook) && policy.SelectsHook(i, pod.Labels) {
			selected = append(selected, hook)
		}
	}
	if left, whole = apart(selected); whole != nil {
		return nil, nil, whole
	}
	for i := range policy.Spec.Hooks {
		hook := &policy.Spec.Hooks[i]
		if !slices.Contains(selected, hook) || sessionOnly(hook) != "" {
			continue
		}
		c := candidate{hook: i}
		found := false
		if hook.Container == "" {
			c.container, c.byDefault, found = defaultContainer(policy, pod, present)
		} else if at := slices.IndexFunc(pod.Containers, func(c match.Container) bool { return c.Name == hook.Container }); at >= 0 {
			c.container, found = pod.Containers[at], true
		}
		if !found {
			return nil, nil, &Obstacle{Reason: v1alpha1.ReasonContainerNotFound, Hook: hook.Name, Container: hook.Container}
		}
		candidates = append(candidates, c)
	}
	return candidates, left, nil
}

// defaultContainer is the one for hooks that name none, and whether it is merely the pod's first.
func defaultContainer(policy *match.Policy, pod Pod, present carried) (container match.Container, byDefault, found bool) {
	byDefault = !policy.SelectsByImage()
	if byDefault {
		if container, found = present.first(pod); found {
			return container, true, true
		}
	}
	container, found = policy.DefaultContainer(pod.Pod)
	return container, byDefault, found
}

// tooLarge tells whether an arrangement would pass the API server's limit on annotations, or the kernel's on an argument.
func (p *Policies) tooLarge(a *arrangement, budget int) bool {
	rendered := p.rendered.of(a)
	return rendered.script > chain.MaxScriptBytes || rendered.size(a) > budget
}

// judge tells, of each policy, whether the pod carries its hooks as it should: on the same sides and no other, and nothing
// to be changed.
func judge(outcomes []Outcome, present carried, set map[string]string) {
	var changed [len(sides)]bool
	for key := range set {
		for s := range sides {
			changed[s] = changed[s] || strings.HasPrefix(key, sides[s].prefix)
		}
	}
	for i := range outcomes {
		for s, stamped := range outcomes[i].sides {
			if present.has(side(s), outcomes[i].Policy) != stamped || stamped && changed[s] {
				outcomes[i].pending = true
			}
		}
	}
}
