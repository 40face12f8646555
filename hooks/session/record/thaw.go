package record

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Thaws tells whether a run undoes what was quiesced: after the operation, whatever its outcome, and in any case. The release
// of a hold is one. A connection that is opened undoes nothing, and of requests and Jobs whose failure is to be borne nobody waits for
// a success.
func Thaws(run *v1alpha1.HookRun) bool {
	return isPost(run) && run.Spec.Hook.ExecutionPolicy == v1alpha1.Always && !bystander(&run.Spec.Hook)
}

// bystander tells of hooks that cannot be counted on to undo anything.
func bystander(hook *v1alpha1.ResolvedHook) bool {
	return plan.Bystander(hook.OnlyIf != nil && hook.Hold == nil, hook.TCPSocket != nil, hook.HTTPGet != nil || hook.HTTPPost != nil || hook.Job != nil, hook.OnError)
}

// Quiesced are the pods that are quiesced, or may be: a hook was run there that another undoes, and has not yet. What is to be thawed
// without a pod is there under no name.
func (r *Record) Quiesced() map[types.UID]string {
	attempted := r.attempted()
	quiesced := map[types.UID]string{}
	for _, run := range r.Runs {
		if !Thaws(run) {
			continue
		}
		Each(run, func(_ int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			if attempt, was := attempted.at(PolicyOf(run), pod.UID); was && !thawed(result, attempt) {
				quiesced[pod.UID] = pod.Name
			}
		})
	}
	return quiesced
}

// QuiescedUntil tells whether a pod is quiesced that a stage thaws.
func (r *Record) QuiescedUntil(stage v1alpha1.Stage) bool {
	attempted := r.attempted()
	for _, run := range r.Runs {
		if run.Spec.Stage != stage || !Thaws(run) {
			continue
		}
		quiesced := false
		Each(run, func(_ int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			attempt, was := attempted.at(PolicyOf(run), pod.UID)
			quiesced = quiesced || was && !thawed(result, attempt)
		})
		if quiesced {
			return true
		}
	}
	return false
}

const reasonExitCode = "ExitCode" // hooks/action's word

// thawed tells whether a thaw has done what there was to do: it went well, or the pod has gone, or somebody has taken it over, or
// it was a hold that has ended.
func thawed(result *v1alpha1.PodResult, attempt attempt) bool {
	switch {
	case result == nil:
		return false
	case result.Outcome != v1alpha1.ResultFailed:
		return true
	case result.Reason == v1alpha1.ReasonAbandoned || result.Reason == v1alpha1.ReasonHoldLost:
		return true
	}
	return attempt.clean
}

// MaxQuiesce is the longest time for which pods may be quiesced: the shortest of the policies that quiesce any, and of the
// session's own. It is false where none does: before a restore nothing is, since the pods are to be replaced.
func (r *Record) MaxQuiesce() (longest time.Duration, quiesces bool) {
	if r.kinds().Restore {
		return 0, false
	}
	thawing := map[match.Ref]bool{}
	for _, run := range r.Runs {
		if Thaws(run) {
			thawing[PolicyOf(run)] = true
		}
	}
	longest = v1alpha1.MostMaxQuiesce
	if own := r.Session.Spec.MaxQuiesce.Duration; own > 0 {
		longest = own
	}
	for _, run := range r.Runs {
		if !isPre(run) || !thawing[PolicyOf(run)] {
			continue
		}
		quiesces = true
		policy := run.Spec.Policy.MaxQuiesce.Duration
		if policy <= 0 {
			policy = v1alpha1.DefaultMaxQuiesce
		}
		longest = min(longest, policy)
	}
	return longest, quiesces
}

// Doubtful is by when the last hook has ended of which nobody knows whether it has, in a pod of which its policy thaws something; the
// zero time where there is none.
func (r *Record) Doubtful() time.Time {
	var last time.Time
	attempted := r.attempted()
	for _, run := range r.Runs {
		if !Thaws(run) {
			continue
		}
		for i := range run.Spec.Pods {
			if a, _ := attempted.at(PolicyOf(run), run.Spec.Pods[i].UID); a.mayRunUntil.After(last) {
				last = a.mayRunUntil
			}
		}
	}
	return last
}

// ThawsAgain tells whether something is still to be thawed once more, since a hook may have quiesced it after it was thawed.
func (r *Record) ThawsAgain() bool {
	doubtful := r.Doubtful()
	window := r.Session.Status.Window
	return !doubtful.IsZero() && r.Session.Status.ThawedAgainAt == nil &&
		(window == nil || window.ThawingAt == nil || doubtful.After(window.ThawingAt.Time))
}

// DoubtfulPods are the places in a thawing run of pods of which that is so.
func (r *Record) DoubtfulPods(run *v1alpha1.HookRun) []int {
	attempted := r.attempted()
	var places []int
	for i := range run.Spec.Pods {
		if a, _ := attempted.at(PolicyOf(run), run.Spec.Pods[i].UID); !a.mayRunUntil.IsZero() {
			places = append(places, i)
		}
	}
	return places
}

// IsUndone tells whether a pre run is of a policy that has something to undo it.
func (r *Record) IsUndone(run *v1alpha1.HookRun) bool {
	return slices.ContainsFunc(r.Runs, func(other *v1alpha1.HookRun) bool { return Thaws(other) && PolicyOf(other) == PolicyOf(run) })
}

// Undoes tells whether a thawing run has anything to undo in a pod.
func (r *Record) Undoes(run *v1alpha1.HookRun) func(pod types.UID) bool {
	attempted := r.attempted()
	return func(pod types.UID) bool {
		_, was := attempted.at(PolicyOf(run), pod)
		return was && Thaws(run)
	}
}
