package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// choose is the pod in which a hook with runOn OnePod runs: the same for all such hooks of the policy, where there is a pod
// that all of them select; so that what one of them does there, another can undo. It goes by name, but one that has the
// container goes first, and then one that is ready.
func (m members) choose(hook Hook, hooks []Hook) (target Target, note string) {
	together := slices.DeleteFunc(slices.Clone(hooks), func(h Hook) bool { return h.RunOn != v1alpha1.OnePod })
	candidates := m.candidates(hook)
	shared := slices.DeleteFunc(slices.Clone(candidates), func(pod Pod) bool {
		return slices.ContainsFunc(together, func(h Hook) bool { return !m.policy.SelectsHook(h.Place, pod.Labels) })
	})
	if len(shared) > 0 {
		candidates = shared
	} else {
		together = []Hook{hook}
	}
	chosen := slices.MinFunc(candidates, func(a, b Pod) int { // the first by name of those that are equal
		return cmp.Or(cmp.Compare(m.obstacles(together, a), m.obstacles(together, b)), cmp.Compare(unready(a), unready(b)))
	})
	if !chosen.Ready {
		note = fmt.Sprintf("none of the %d pods in which the hook can run is ready: it runs in %q, the first by name", len(candidates), chosen.Name)
	}
	return m.target(hook, chosen), note
}

// obstacles is how many of the hooks cannot run in a pod.
func (m members) obstacles(hooks []Hook, pod Pod) int {
	count := 0
	for _, hook := range hooks {
		if m.target(hook, pod).Obstacle != "" {
			count++
		}
	}
	return count
}

func unready(pod Pod) int {
	if pod.Ready {
		return 0
	}
	return 1
}
