package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Session is what planning needs to know of a session.
type Session struct {
	// Namespace takes part: the caller has made sure of it.
	Namespace match.Namespace
	Kinds     Kinds
	// PolicyNames are those of HookPolicies and NamespacedHookPolicies alike; none: all that match.
	PolicyNames []string
	// LabelSelector narrows the pods further; nil selects all of them.
	LabelSelector labels.Selector
	// OrLabelSelectors narrow them to those that one of these selects; none selects all of them.
	OrLabelSelectors []labels.Selector
	// Share is nil where the session runs all hooks.
	Share *Share
	// Takes narrows the pods of each policy; nil takes all of them.
	Takes func(policy match.Ref, pod Pod) bool
}

// Pod is one of the namespace that has not ended.
type Pod struct {
	match.Pod
	UID         types.UID
	Name        string
	Annotations map[string]string
	Ready       bool
}

// Resolve plans a session. The order of the pods does not matter.
//
// Pods of a restore are there only after it: PostRestore is to be resolved anew when the tool is done, with the pods of
// then. See Plan.AfterRestore.
func Resolve(index *match.Index, session Session, pods []Pod) Plan {
	return resolve(index, session, pods, HookOf)
}

// members are a policy and those of the session's pods that it selects, by name.
type members struct {
	policy *match.Policy
	pods   []Pod
}

func resolve(index *match.Index, session Session, pods []Pod, read func(*v1alpha1.HookPolicySpec, int) (Hook, bool)) Plan {
	all := session.members(index, pods)
	plan := Plan{Kinds: session.Kinds, Unmatched: session.unmatched(all)}
	assigned := make([][]assignment, len(all))
	for i, m := range all {
		assigned[i] = session.assign(m, read)
	}
	for _, stage := range session.Kinds.Stages() {
		plan.Steps = append(plan.Steps, arrange(stage, slices.Concat(assigned...))...)
	}
	return plan
}

// members are the policies of the session, by rank.
func (s Session) members(index *match.Index, pods []Pod) []members {
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(a, b Pod) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.UID), string(b.UID)))
	})
	byPolicy := map[*match.Policy][]Pod{}
	for _, pod := range pods {
		if !s.Selects(pod) {
			continue
		}
		for _, policy := range index.Match(s.Namespace, pod.Pod) {
			if s.names(policy) && s.takes(policy, pod) && !match.OptedOut(pod.Annotations, policy.Name) {
				byPolicy[policy] = append(byPolicy[policy], pod)
			}
		}
	}
	var all []members
	for _, policy := range index.Policies() {
		// Before a restore there may be no pod yet.
		if len(byPolicy[policy]) > 0 || s.Kinds.Restore && s.names(policy) && policy.Covers(s.Namespace) {
			all = append(all, members{policy, byPolicy[policy]})
		}
	}
	return all
}

// Candidates are the pods of the session that a hook of a policy selects, by its place in the policy, in however many of them it runs.
func (s Session) Candidates(index *match.Index, policy match.Ref, place int, pods []Pod) []Pod {
	for _, m := range s.members(index, pods) {
		if m.policy.Ref == policy {
			return m.candidates(Hook{Place: place})
		}
	}
	return nil
}

// Selects tells whether the session's own selectors select a pod.
func (s Session) Selects(pod Pod) bool {
	set := labels.Set(pod.Labels)
	return (s.LabelSelector == nil || s.LabelSelector.Matches(set)) &&
		(len(s.OrLabelSelectors) == 0 || slices.ContainsFunc(s.OrLabelSelectors, func(selector labels.Selector) bool { return selector.Matches(set) }))
}

func (s Session) names(policy *match.Policy) bool {
	return len(s.PolicyNames) == 0 || slices.Contains(s.PolicyNames, policy.Name)
}

func (s Session) takes(policy *match.Policy, pod Pod) bool {
	return s.Takes == nil || s.Takes(policy.Ref, pod)
}

func (s Session) unmatched(all []members) []string {
	unmatched := slices.DeleteFunc(slices.Clone(s.PolicyNames), func(name string) bool {
		return slices.ContainsFunc(all, func(m members) bool { return m.policy.Name == name })
	})
	slices.Sort(unmatched)
	return slices.Compact(unmatched)
}

// hooks are those of a policy that the session may run, each with the stages of the session only.
func (s Session) hooks(policy *match.Policy, read func(*v1alpha1.HookPolicySpec, int) (Hook, bool)) []Hook {
	var hooks []Hook
	for place := range policy.Spec.Hooks {
		hook, run := read(policy.Spec, place)
		hook.Stages = slices.DeleteFunc(slices.Clone(hook.Stages), func(stage v1alpha1.Stage) bool { return !s.Kinds.has(stage) })
		if run && len(hook.Stages) > 0 {
			hooks = append(hooks, hook)
		}
	}
	return hooks
}

// assignment is a hook with the pods in which it runs, in whichever stage.
type assignment struct {
	policy  *match.Policy
	hook    Hook
	targets []Target
	note    string
}

// assign gives the hooks of a policy their pods; those without any are left out.
func (m members) assign(hooks []Hook) []assignment {
	var assigned []assignment
	for _, hook := range hooks {
		candidates := m.candidates(hook)
		a := assignment{policy: m.policy, hook: hook}
		switch hook.RunOn {
		case v1alpha1.OncePerSession:
			if len(candidates) > 0 || runsBeforeRestore(hooks) {
				assigned = append(assigned, a)
			}
			continue
		case v1alpha1.OnePod:
			if len(candidates) > 0 {
				target, note := m.choose(hook, hooks)
				a.targets, a.note = []Target{target}, note
			}
		default:
			for _, pod := range candidates {
				a.targets = append(a.targets, m.target(hook, pod))
			}
		}
		if len(a.targets) > 0 {
			assigned = append(assigned, a)
		}
	}
	return assigned
}

// runsBeforeRestore tells whether a policy has anything to run before a restore, whichever pods are there by then. So it may
// have something to run after it, whichever pods that brings.
func runsBeforeRestore(hooks []Hook) bool {
	return slices.ContainsFunc(hooks, func(hook Hook) bool {
		return hook.RunOn == v1alpha1.OncePerSession && slices.Contains(hook.Stages, v1alpha1.PreRestore)
	})
}

// candidates are the policy's pods that a hook selects, by name.
func (m members) candidates(hook Hook) []Pod {
	return slices.DeleteFunc(slices.Clone(m.pods), func(pod Pod) bool { return !m.policy.SelectsHook(hook.Place, pod.Labels) })
}

// target is a pod with the container in which a hook runs there.
func (m members) target(hook Hook, pod Pod) Target {
	target := Target{UID: pod.UID, Pod: pod.Name, Container: hook.Container}
	if hook.Container == "" {
		container, _ := m.policy.DefaultContainer(pod.Pod)
		target.Container = container.Name
	}
	if !slices.ContainsFunc(pod.Containers, func(container match.Container) bool { return container.Name == target.Container }) {
		target.Obstacle = fmt.Sprintf("pod %q has no container %q: write one of its containers in container, or narrow the selector",
			pod.Name, target.Container)
	}
	return target
}
