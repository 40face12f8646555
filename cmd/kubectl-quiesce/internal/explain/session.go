package explain

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessionPlan is a plan, and where each of its steps has its pods.
type sessionPlan struct {
	plan.Plan
	// targets are the places of pods among the targets of each step.
	targets []map[types.UID]int
}

// plan is what a session of the namespace would run now.
func (s *scene) plan(request plan.Request) sessionPlan {
	request.Namespace = s.namespace
	kinds, err := request.Here()
	if err != nil {
		panic(err) // what is asked for makes sense
	}
	planned := sessionPlan{Plan: plan.Resolve(s.world.Index, plan.Session{Namespace: s.namespaceMatched(), Kinds: kinds}, s.present())}
	for i := range planned.Steps {
		places := map[types.UID]int{}
		for place := range planned.Steps[i].Targets {
			places[planned.Steps[i].Targets[place].UID] = place
		}
		planned.targets = append(planned.targets, places)
	}
	return planned
}

// steps are those of a plan for a pod, in the order in which they run: what runs in the pod, and what runs for it once, in another
// pod or in none.
func steps(planned sessionPlan, pod plan.Pod, matched []*match.Policy) (steps []Step) {
	for i := range planned.Steps {
		step := &planned.Steps[i]
		at := slices.IndexFunc(matched, func(policy *match.Policy) bool { return policy.Ref == step.Policy })
		if at < 0 || match.OptedOut(pod.Annotations, step.Policy.Name) || !matched[at].SelectsHook(step.Hook.Place, pod.Labels) {
			continue
		}
		hook := &matched[at].Spec.Hooks[step.Hook.Place]
		said := Step{Stage: step.Stage, Group: step.Group, Policy: refOf(step.Policy), Hook: step.Hook.Name, Action: hook.Action()}
		if step.Hook.RunOn == v1alpha1.OncePerSession {
			steps = append(steps, said)
			continue
		}
		target, found := planned.targets[i][pod.UID]
		if step.Hook.RunOn == v1alpha1.OnePod { // of which there is one, whichever pods are candidates
			target, found, said.Pod = 0, true, step.Targets[0].Pod
		}
		if !found {
			continue // it is in another part of the step
		}
		said.Container = step.Targets[target].Container
		// Of pods that are alike the same is said.
		said.Obstacle = strings.Replace(step.Targets[target].Obstacle, fmt.Sprintf("pod %q", pod.Name), "the pod", 1)
		steps = append(steps, said)
	}
	return steps
}

// present are the pods of which a session is planned: all of the namespace, and the one that the template would be.
func (s *scene) present() []plan.Pod {
	var present []plan.Pod
	for i := range s.pods {
		if pod := &s.pods[i]; !world.Ended(pod) {
			present = append(present, world.PodOf(pod))
		}
	}
	if s.template != nil {
		present = append(present, world.PodOf(s.template))
	}
	return present
}
