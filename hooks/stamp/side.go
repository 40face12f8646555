package stamp

import (
	"cmp"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// side is one of the two moments at which Velero runs a hook in a pod, known by the prefix of its annotations.
type side int

const (
	pre side = iota
	post
)

// sides holds what differs between the two.
var sides = [...]struct {
	prefix string
	// stages that come together in the side's moment, in their order.
	stages []v1alpha1.Stage
}{
	pre:  {v1alpha1.VeleroPrePrefix, []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PreSnapshot}},
	post: {v1alpha1.VeleroPostPrefix, []v1alpha1.Stage{v1alpha1.PostSnapshot, v1alpha1.PostBackup}},
}

// suffixes of the annotations of a side, in the order in which they are hashed.
var suffixes = [...]string{v1alpha1.VeleroCommand, v1alpha1.VeleroContainer, v1alpha1.VeleroOnError, v1alpha1.VeleroTimeout}

func runsOn(s side, hook *v1alpha1.Hook) bool {
	return slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool {
		return slices.Contains(sides[s].stages, stage)
	})
}

// outermost tells whether a hook runs in the stage of a side that is the farther from the data: PreBackup or PostBackup.
// One that names both stages of a side runs there once.
func outermost(s side, hook *v1alpha1.Hook) bool {
	if s == pre {
		return slices.Contains(hook.Stages, v1alpha1.PreBackup)
	}
	return slices.Contains(hook.Stages, v1alpha1.PostBackup)
}

// inRunningOrder sorts the hooks of a side as they run: before the data PreBackup then PreSnapshot, each by the policies'
// rank and the hook's place in the list; after it the exact reverse.
func inRunningOrder(s side, hooks []slot) {
	stage := func(placed slot) int {
		if outermost(s, placed.spec()) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(hooks, func(a, b slot) int {
		order := cmp.Or(cmp.Compare(stage(a), stage(b)), cmp.Compare(a.policy.Rank, b.policy.Rank), cmp.Compare(a.hook, b.hook))
		if s == post {
			return -order
		}
		return order
	})
}
