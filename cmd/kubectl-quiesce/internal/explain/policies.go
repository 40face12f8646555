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

// policies are those that may have to do with the namespace, in the order in which they apply, those included that cannot be used.
func (s *scene) policies() []*policies.Policy {
	var all []*policies.Policy
	for i := range s.world.Policies {
		if policy := &s.world.Policies[i]; policy.Namespace == "" || policy.Namespace == s.namespace {
			all = append(all, policy)
		}
	}
	slices.SortFunc(all, func(a, b *policies.Policy) int {
		return match.Compare(&match.Policy{Ref: a.Ref, Spec: a.Spec}, &match.Policy{Ref: b.Ref, Spec: b.Spec})
	})
	return all
}

// notRead is what a policy refers to and the user may not read; false where it is refused for another reason, or not at all.
func (s *scene) notRead(policy *policies.Policy) (library.MissingError, bool) {
	var missing library.MissingError
	return missing, errors.As(policy.Refusal, &missing) && s.world.Unread(missing.Kind)
}

func (s *scene) anyNotRead() bool {
	return slices.ContainsFunc(s.policies(), func(policy *policies.Policy) bool {
		_, hidden := s.notRead(policy)
		return hidden
	})
}

// judge says how a policy stands to a pod.
func (s *scene) judge(policy *policies.Policy, pod plan.Pod) Policy {
	said := Policy{Ref: refOf(policy.Ref), Priority: policy.Spec.Priority}
	// One that is refused may have a selector all the same.
	compiled, err := match.Compile(policy.Ref, policy.Spec)
	if err == nil {
		said.Lines = lines(compiled.Explain(s.namespaceMatched(), pod.Pod))
	}
	missing, hidden := s.notRead(policy)
	switch {
	case hidden:
		said.Verdict, said.Reason = NotRead, fmt.Sprintf("it refers to %s %q, which you may not read", missing.Kind, missing.Name)
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
		said.Hooks = hooks(compiled, pod)
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
			Name: hook.Name, Stages: hook.Stages, Action: action(hook),
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

// action is the field by which a hook says what it does.
func action(hook *v1alpha1.Hook) string {
	switch {
	case hook.Exec != nil:
		return "exec"
	case hook.Script != nil:
		return "script"
	case hook.Hold != nil:
		return "hold"
	case hook.HTTPGet != nil:
		return "httpGet"
	case hook.HTTPPost != nil:
		return "httpPost"
	case hook.TCPSocket != nil:
		return "tcpSocket"
	case hook.Job != nil:
		return "job"
	}
	return "init"
}
