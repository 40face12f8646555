package preview

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
)

// others gather the pods for which the files make no difference.
type others struct {
	list  []*Other
	byKey map[string]*Other
}

// add takes a pod with why no policy of the files selects it; pods of a workload that have the same reasons are together.
func (o *others) add(c *candidate, reasons []Reason) {
	parts := []string{c.kind, c.namespace, c.name}
	for _, reason := range reasons {
		parts = append(parts, reason.Policy, reason.Message)
	}
	key := strings.Join(parts, "\n")
	if same := o.byKey[key]; same != nil {
		same.Count += c.count
		return
	}
	other := &Other{Kind: c.kind, Namespace: c.namespace, Name: c.name, Count: c.count, EachNode: c.eachNode, Reasons: reasons}
	if o.byKey == nil {
		o.byKey = map[string]*Other{}
	}
	o.byKey[key] = other
	o.list = append(o.list, other)
}

func (o *others) sorted() (sorted []Other) {
	slices.SortStableFunc(o.list, func(a, b *Other) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	for _, other := range o.list {
		sorted = append(sorted, *other)
	}
	return sorted
}

// selectors are those of the files' policies that can be used.
func (t *trial) selectors(listed []Policy) (all []*match.Policy) {
	for i := range listed {
		at := slices.IndexFunc(t.Policies, func(p policies.Policy) bool { return listed[i].is(p.Ref) })
		if at < 0 || listed[i].Refusal != "" || listed[i].Suspended {
			continue
		}
		if compiled, err := match.Compile(t.Policies[at].Ref, t.Policies[at].Spec); err == nil {
			all = append(all, compiled)
		}
	}
	return all
}

// reasons are why none of some policies selects a pod.
func (t *trial) reasons(selectors []*match.Policy, c *candidate) (reasons []Reason) {
	namespace, pod := t.namespace(c.namespace), world.PodOf(c.pod).Pod
	for _, selector := range selectors {
		var lines []string
		for _, line := range selector.Explain(namespace, pod).Failing() {
			lines = append(lines, line.String())
		}
		switch {
		case len(lines) > 0:
		case match.OptedOut(c.pod.Annotations, selector.Name):
			lines = []string{"the pod has opted out of it, by an annotation"}
		default:
			continue
		}
		reasons = append(reasons, Reason{selector.String(), strings.Join(lines, "; ")})
	}
	return reasons
}
