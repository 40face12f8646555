// Package status says on each policy what became of it: whether it is in use, how many pods it selects and stamps, and
// which pods do not get what it says, and why.
package status

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// tally is what a survey comes to for one policy.
type tally struct {
	// matched are the pods that the policy selects, stamped all that carry hooks of it, selected or not.
	matched, stamped int32
	// current are those selected pods that carry what the policy gives them, skipped those that opted out.
	current, skipped int32
	// pending are the pods, selected or not, on which the policy's hooks are to be changed and will be.
	pending int32
	// prepared are the pods with init containers of the policy, restores those of each restore.
	prepared int32
	restores map[string]v1alpha1.LastRestore
	// troubles are why hooks are not stamped, each once, in the order in which they were met.
	troubles []*trouble
	known    map[stamp.Obstacle]*trouble
}

// trouble is an obstacle with the pods in whose way it is.
type trouble struct {
	stamp.Obstacle
	// words of the API server, or of what a restore would meet, where that is the obstacle.
	words string
	pods  int32
	// first and latest of the pods.
	first, latest string
}

// maxTroubles bounds how many are told apart. Of further ones only the reason and the hook count.
const maxTroubles = 100

// tallies by policy.
type tallies map[match.Ref]*tally

func (t tallies) of(policy match.Ref) *tally {
	if t[policy] == nil {
		t[policy] = &tally{known: map[stamp.Obstacle]*trouble{}}
	}
	return t[policy]
}

// none is the tally of a policy that selects no pod, and that none carries.
var none = &tally{}

// add counts what a survey found. A policy that no pod matches, and none carries, has no tally.
func add(survey *keeper.Survey) tallies {
	all := tallies{}
	for i := range survey.Pods {
		pod := &survey.Pods[i]
		for _, policy := range pod.Carried {
			all.of(policy).stamped++
		}
		for _, obstacle := range pod.Obstacles {
			all.of(obstacle.Policy).meet(pod, stamp.Obstacle{Reason: v1alpha1.ReasonNotPreparable, Hook: obstacle.Hook, Container: obstacle.Message}, obstacle.Message)
		}
		for _, policy := range pod.Trace.Policies {
			all.of(policy).prepare(pod.Trace)
		}
		for j := range pod.Outcomes {
			outcome := &pod.Outcomes[j]
			t := all.of(outcome.Policy)
			t.matched++
			t.count(pod, outcome)
		}
		for _, policy := range pod.Carried {
			selected := func(outcome stamp.Outcome) bool { return outcome.Policy == policy }
			if !slices.ContainsFunc(pod.Outcomes, selected) {
				all.of(policy).change(pod)
			}
		}
	}
	return all
}

// prepare counts a pod that a restore created with init containers of the policy.
func (t *tally) prepare(trace restore.Trace) {
	t.prepared++
	if t.restores == nil {
		t.restores = map[string]v1alpha1.LastRestore{}
	}
	counted := t.restores[trace.Restore]
	counted.Name = trace.Restore
	counted.Pods++
	if counted.Time.Before(&trace.At) {
		counted.Time = trace.At
	}
	t.restores[trace.Restore] = counted
}

// lastRestore is the latest restore of all that there have been, of which the pods may be gone.
func (t *tally) lastRestore(before *v1alpha1.LastRestore) *v1alpha1.LastRestore {
	last := before
	for _, name := range slices.Sorted(maps.Keys(t.restores)) {
		found := t.restores[name]
		switch {
		case last == nil || last.Time.Before(&found.Time):
			last = &found
		case last.Name == found.Name && last.Time.Equal(&found.Time) && last.Pods < found.Pods:
			last = &found
		}
	}
	return last
}

func (t *tally) count(pod *keeper.Finding, outcome *stamp.Outcome) {
	for _, obstacle := range outcome.Obstacles {
		t.meet(pod, obstacle, "")
	}
	if len(outcome.Obstacles) > 0 && outcome.Obstacles[0].Reason == v1alpha1.ReasonSkipped {
		t.skipped++
	}
	switch {
	case !outcome.Current():
		t.change(pod)
	case outcome.Stamped():
		t.current++
	}
}

// change counts a pod on which the policy's hooks are to be changed.
func (t *tally) change(pod *keeper.Finding) {
	if pod.Rejection != "" {
		t.meet(pod, stamp.Obstacle{Reason: v1alpha1.ReasonRejected}, pod.Rejection)
		return
	}
	t.pending++
}

func (t *tally) meet(pod *keeper.Finding, obstacle stamp.Obstacle, words string) {
	key := obstacle
	key.Taken = "" // differs from pod to pod, and is no other obstacle
	known := t.known[key]
	if known == nil && len(t.troubles) >= maxTroubles {
		key = stamp.Obstacle{Reason: obstacle.Reason, Hook: obstacle.Hook}
		known = t.known[key]
	}
	name := pod.String()
	if known == nil {
		known = &trouble{Obstacle: obstacle, words: words, first: name}
		t.known[key] = known
		t.troubles = append(t.troubles, known)
	}
	if known.latest != name { // a hook of both sides meets the same obstacle twice
		known.pods++
		known.latest = name
	}
}

// sentence explains the trouble on the first pod.
func (t *trouble) sentence() string {
	switch t.Reason {
	case v1alpha1.ReasonRejected:
		return fmt.Sprintf("the annotations of pod %s cannot be changed: %s", t.first, t.words)
	case v1alpha1.ReasonNotPreparable:
		return fmt.Sprintf("if a restore created pod %s, hook %q could not prepare it: %s", t.first, t.Hook, t.words)
	}
	return t.Explain(t.first)
}

// gravity has the reasons from the gravest to the mildest.
var gravity = slices.Concat(stampableReasons, preparableReasons, conflictedReasons,
	[]string{v1alpha1.ReasonSessionOnly, v1alpha1.ReasonBySession, v1alpha1.ReasonSkipped})

var (
	// stampableReasons make Stampable False.
	stampableReasons = []string{
		v1alpha1.ReasonContainerNotFound,
		v1alpha1.ReasonSidesApart,
		v1alpha1.ReasonOneSided,
		v1alpha1.ReasonNoShell,
		v1alpha1.ReasonTooLarge,
		v1alpha1.ReasonRejected,
		v1alpha1.ReasonNativeSidecar,
		v1alpha1.ReasonOtherContainer,
	}
	// preparableReasons make Preparable False.
	preparableReasons = []string{v1alpha1.ReasonNotPreparable}
	// conflictedReasons make Conflicted True.
	conflictedReasons = []string{
		v1alpha1.ReasonUserOwned,
		v1alpha1.ReasonBackupHooks,
		v1alpha1.ReasonOutranked,
	}
)

// gravest are the troubles, the gravest first.
func (t *tally) gravest() []*trouble {
	sorted := slices.Clone(t.troubles)
	slices.SortStableFunc(sorted, func(a, b *trouble) int {
		return cmp.Or(
			cmp.Compare(slices.Index(gravity, a.Reason), slices.Index(gravity, b.Reason)),
			strings.Compare(a.Hook, b.Hook),
			strings.Compare(a.first, b.first),
		)
	})
	return sorted
}
