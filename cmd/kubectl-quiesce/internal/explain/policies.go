package explain

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// candidate is a policy that may have to do with the namespace.
type candidate struct {
	*policies.Policy
	// compiled is nil where the selector makes no sense. A policy that is refused may have one all the same.
	compiled *match.Policy
	// missing is what the policy refers to and the user may not read.
	missing *library.MissingError
}

// candidates are in the order in which they apply, those included that cannot be used.
func (s *scene) candidates() []candidate {
	var all []candidate
	for i := range s.world.Policies {
		policy := &s.world.Policies[i]
		if policy.Namespace != "" && policy.Namespace != s.namespace {
			continue
		}
		c := candidate{Policy: policy}
		if compiled, err := match.Compile(policy.Ref, policy.Spec); err == nil {
			c.compiled = compiled
		}
		if missing := (library.MissingError{}); errors.As(policy.Refusal, &missing) && s.world.Unread(missing.Kind) {
			c.missing = &missing
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return match.Compare(&match.Policy{Ref: a.Ref, Spec: a.Spec}, &match.Policy{Ref: b.Ref, Spec: b.Spec})
	})
	return all
}

func (s *scene) anyNotRead() bool {
	return slices.ContainsFunc(s.policies, func(policy candidate) bool { return policy.missing != nil })
}

// judge says how a policy stands to a pod.
func (s *scene) judge(policy *candidate, pod plan.Pod) Policy {
	said := Policy{Ref: refOf(policy.Ref), Priority: policy.Spec.Priority}
	if policy.compiled != nil {
		said.Lines = lines(policy.compiled.Explain(s.namespaceMatched(), pod.Pod))
	}
	switch {
	case policy.missing != nil:
		said.Verdict, said.Reason = NotRead, fmt.Sprintf("it refers to %s %q, which you may not read", policy.missing.Kind, policy.missing.Name)
	case policy.Refusal != nil:
		said.Verdict, said.Reason = Refused, policy.Refusal.Error()
	case policy.Spec.Suspend:
		said.Verdict = Suspended
	case slices.ContainsFunc(said.Lines, func(line Line) bool { return !line.Holds }):
		said.Verdict = NotSelected
	case match.OptedOut(pod.Annotations, policy.Name):
		said.Verdict = OptedOut
	default:
		said.Verdict = Selected
	}
	if said.Verdict == Selected {
		said.Hooks = hooks(policy.compiled, pod)
	}
	return said
}

func lines(explained match.Lines) (all []Line) {
	for _, line := range explained {
		all = append(all, Line(line))
	}
	return all
}

func hooks(policy *match.Policy, pod plan.Pod) (all []Hook) {
	for place := range policy.Spec.Hooks {
		hook := &policy.Spec.Hooks[place]
		said := Hook{
			Name: hook.Name, Stages: hook.Stages, Action: hook.Action(),
			Selected: policy.SelectsHook(place, pod.Labels), Lines: lines(policy.ExplainHook(place, pod.Labels)),
		}
		if hook.RunOn != v1alpha1.OncePerSession {
			said.Container = container(policy, hook, pod)
		}
		all = append(all, said)
	}
	return all
}

// container is the one of a hook in a pod.
func container(policy *match.Policy, hook *v1alpha1.Hook, pod plan.Pod) string {
	if hook.Container != "" {
		return hook.Container
	}
	chosen, _ := policy.DefaultContainer(pod.Pod)
	return chosen.Name
}
