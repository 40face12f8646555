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
	// matched are the pods that the policy selects, current those of them that carry what it says, stamped all that carry
	// any of its hooks.
	matched, current, stamped int32
	// warnings by reason.
	warnings map[string]*warning
}

// warning counts the pods that do not get what the policy says for one reason, and remembers the first of them.
type warning struct {
	pods    int
	first   string
	outcome stamp.Outcome
}

// survey looks at every pod and returns what it found. A policy that no pod matches, and none carries, has no finding.
func survey(policies *stamp.Policies, pods []pod) findings {
	// In a stable order, so that the pod that a warning names stays the same.
	slices.SortFunc(pods, func(a, b pod) int {
		return cmp.Or(cmp.Compare(a.namespace.Name, b.namespace.Name), cmp.Compare(a.name, b.name))
	})
	findings := findings{}
	for _, pod := range pods {
		carried := stamp.Carried(pod.Annotations)
		for _, name := range carried {
			findings.of(name).stamped++
		}
		for _, outcome := range policies.Decide(pod.namespace, pod.Pod).Outcomes {
			found := findings.of(outcome.Policy)
			found.matched++
			before := len(carried)
			carried = slices.DeleteFunc(carried, func(name string) bool { return name == outcome.Policy })
			switch {
			case outcome.Current():
				found.current++
				continue
			case len(carried) < before && (outcome.Stamped() || outcome.Reason == v1alpha1.ReasonOutranked):
				outcome.Reason = v1alpha1.ReasonOutdated
			case outcome.Stamped():
				outcome.Reason = v1alpha1.ReasonNotStamped
			}
			found.warn(pod, outcome)
		}
		for _, name := range carried { // by policies that do not select the pod any more
			findings.of(name).warn(pod, stamp.Outcome{Policy: name, Reason: v1alpha1.ReasonOutdated})
		}
	}
	return findings
}

// findings by the name of the policy.
type findings map[string]*finding

func (f findings) of(policy string) *finding {
	if f[policy] == nil {
		f[policy] = &finding{warnings: map[string]*warning{}}
	}
	return f[policy]
}

func (f *finding) warn(pod pod, outcome stamp.Outcome) {
	known := f.warnings[outcome.Reason]
	if known == nil {
		known = &warning{first: pod.String(), outcome: outcome}
		f.warnings[outcome.Reason] = known
	}
	known.pods++
}
