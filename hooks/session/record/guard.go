package record

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Guards knows which containers a session guards by a watchdog, and what that is to run.
type Guards struct {
	thaws   map[types.UID]map[string][]thaw // by pod and container
	entered map[spot]bool                   // policies by what they have attempted
	// Deadline is when a watchdog thaws.
	deadline time.Time
}

// thaw is what undoes the hooks of a policy in a container.
type thaw struct {
	policy match.Ref
	run    *v1alpha1.HookRun
}

// Arming is a watchdog to be started in a container of a pod.
type Arming struct {
	Container string
	Guard     *chain.Guard
}

// Guards are those of the record as it is now. A container is guarded where a command in it undoes what a policy has done
// anywhere in the pod, and the policy says that it has a shell. A hold ends by itself.
func (r *Record) Guards() *Guards {
	g := &Guards{thaws: map[types.UID]map[string][]thaw{}, entered: map[spot]bool{}}
	w := r.Session.Status.Window
	if w == nil || w.Deadline == nil { // nothing is quiesced
		return g
	}
	g.deadline = w.Deadline.Time
	planned := map[spot]bool{}
	for _, run := range r.Runs {
		if !isPre(run) {
			continue
		}
		Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			where := spot{PolicyOf(run), pod.UID}
			planned[where] = true
			g.entered[where] = g.entered[where] || entered(run, place, result)
		})
	}
	for _, run := range r.Runs {
		if _, can := command(&run.Spec.Hook); !can || !Thaws(run) || run.Spec.Policy.Shell == v1alpha1.NoShell {
			continue
		}
		for i := range run.Spec.Pods {
			pod := &run.Spec.Pods[i]
			if planned[spot{PolicyOf(run), pod.UID}] && pod.Obstacle == "" {
				if g.thaws[pod.UID] == nil {
					g.thaws[pod.UID] = map[string][]thaw{}
				}
				g.thaws[pod.UID][pod.Container] = append(g.thaws[pod.UID][pod.Container], thaw{PolicyOf(run), run})
			}
		}
	}
	return g
}

// Armings are the watchdogs to be started before a pre hook runs in a pod: those of containers in which its policy thaws
// anything, and which have none yet. What is too long for a script is not guarded.
func (g *Guards) Armings(run *v1alpha1.HookRun, pod v1alpha1.RunPod, now time.Time) []Arming {
	var armings []Arming
	for name, thaws := range g.thaws[pod.UID] {
		if !slices.ContainsFunc(thaws, func(t thaw) bool { return t.policy == PolicyOf(run) }) ||
			slices.ContainsFunc(thaws, func(t thaw) bool { return g.entered[spot{t.policy, pod.UID}] }) {
			continue
		}
		guard := &chain.Guard{Thaw: hooks(thaws), MaxQuiesce: max(time.Second, g.deadline.Sub(now))}
		if guard.Size() <= chain.MaxScriptBytes {
			armings = append(armings, Arming{name, guard})
		}
	}
	slices.SortFunc(armings, func(a, b Arming) int { return strings.Compare(a.Container, b.Container) })
	return armings
}

// Guarded tells whether a container of a pod may have a watchdog.
func (g *Guards) Guarded(pod types.UID, name string) bool {
	thaws := g.thaws[pod][name]
	return slices.ContainsFunc(thaws, func(t thaw) bool { return g.entered[spot{t.policy, pod}] })
}

// Last tells whether a thaw is the only one in a container that has not succeeded yet, so that it ends the watchdog there.
func (g *Guards) Last(run *v1alpha1.HookRun, pod v1alpha1.RunPod) bool {
	for _, t := range g.thaws[pod.UID][pod.Container] {
		if t.run.UID != run.UID && g.entered[spot{t.policy, pod.UID}] && !succeeded(t.run, pod.Name) {
			return false
		}
	}
	return g.Guarded(pod.UID, pod.Container)
}

func succeeded(run *v1alpha1.HookRun, pod string) bool {
	return slices.ContainsFunc(run.Status.Results, func(result v1alpha1.PodResult) bool {
		return result.Pod == pod && result.Outcome == v1alpha1.ResultSucceeded
	})
}

func hooks(thaws []thaw) []chain.Hook {
	var policies []match.Ref
	hooks := make([]chain.Hook, 0, len(thaws))
	for _, t := range thaws {
		group := slices.Index(policies, t.policy)
		if group < 0 {
			group, policies = len(policies), append(policies, t.policy)
		}
		hook := &t.run.Spec.Hook
		argv, _ := command(hook)
		hooks = append(hooks, chain.Hook{
			Name: t.policy.Name + "/" + hook.Name, Group: group, Command: argv, Timeout: hook.Timeout.Duration,
		})
	}
	return hooks
}

// command is the argv by which a watchdog can run a hook, if there is one: it stands in a script that nothing is streamed to, for all to
// see who may list the container's processes.
func command(hook *v1alpha1.ResolvedHook) (argv []string, can bool) {
	switch {
	case hook.Exec != nil:
		return hook.Exec.Command, true
	case hook.Script != nil:
		return library.CommandLine(hook.Script)
	}
	return nil, false
}
