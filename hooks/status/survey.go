// Package status says on each policy what became of it: whether it is in use, how many pods it selects and stamps, and
// which pods do not get what it says, and why.
package status

import (
	"cmp"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// pod is a pod of an opted-in namespace, as a survey sees it.
type pod struct {
	namespace match.Namespace
	name      string
	stamp.Pod
}

func (p pod) String() string { return p.namespace.Name + "/" + p.name }

// finding is what a survey found of one policy.
type finding struct {
	matched, stamped int32
	// warnings by reason.
	warnings map[string]*warning
}

// warning counts the pods that do not get what the policy says for one reason, and remembers the first of them.
type warning struct {
	pods    int
	first   string
	outcome stamp.Outcome
}

// survey looks at every pod and returns what it found, by the policy's name. A policy that no pod matches has no finding.
func survey(policies *stamp.Policies, pods []pod) map[string]*finding {
	// In a stable order, so that the pod that a warning names stays the same.
	slices.SortFunc(pods, func(a, b pod) int {
		return cmp.Or(cmp.Compare(a.namespace.Name, b.namespace.Name), cmp.Compare(a.name, b.name))
	})
	findings := map[string]*finding{}
	for _, pod := range pods {
		decision := policies.Decide(pod.namespace, pod.Pod)
		current := len(decision.Set) == 0 && len(decision.Remove) == 0
		for _, outcome := range decision.Outcomes {
			found := findings[outcome.Policy]
			if found == nil {
				found = &finding{warnings: map[string]*warning{}}
				findings[outcome.Policy] = found
			}
			found.matched++
			switch {
			case outcome.Stamped() && current:
				found.stamped++
			case outcome.Stamped():
				outcome.Reason = v1alpha1.ReasonNotStamped
				found.warn(pod, outcome)
			default:
				found.warn(pod, outcome)
			}
		}
	}
	return findings
}

func (f *finding) warn(pod pod, outcome stamp.Outcome) {
	known := f.warnings[outcome.Reason]
	if known == nil {
		known = &warning{first: pod.String(), outcome: outcome}
		f.warnings[outcome.Reason] = known
	}
	known.pods++
}
