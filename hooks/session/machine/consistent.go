package machine

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// consistentCondition says what is known of the snapshot. Reasons against it are noted as they come, and stay.
func (v *view) consistentCondition() (metav1.Condition, bool) {
	kinds := v.r.Plan().Kinds
	if !kinds.Snapshot && !kinds.Backup {
		return metav1.Condition{}, false
	}
	if broken := v.broken(); broken != nil {
		MarkInconsistent(v.session(), broken.Reason, broken.Message)
	}
	if run, pod := v.thawedEarly(); run != nil {
		MarkInconsistent(v.session(), v1alpha1.ReasonThawedEarly, fmt.Sprintf("the watchdog in pod %q thawed it before the session did", pod))
	}
	judged := v.r.Judge()
	if outside := slices.IndexFunc(judged, func(j record.Judged) bool { return j.Verdict.Outside() }); outside >= 0 {
		MarkInconsistent(v.session(), v1alpha1.ReasonSnapshotOutside, whyOutside(&judged[outside]))
	}
	before, _ := v.r.Condition(v1alpha1.ConditionConsistent)
	if before == string(metav1.ConditionFalse) {
		return metav1.Condition{}, false
	}
	consistent := metav1.Condition{Type: v1alpha1.ConditionConsistent, Status: metav1.ConditionUnknown}
	consistent.Reason, consistent.Message = v.unknown(judged)
	if consistent.Reason == "" {
		consistent.Status, consistent.Reason = metav1.ConditionTrue, v1alpha1.ReasonSeenInside
		consistent.Message = fmt.Sprintf("snapshots that were seen to be created and taken while all pods were quiesced: %d, of all %d volumes",
			len(judged), len(v.r.Sightings.Claims))
		return consistent, true
	}
	// What another controller has seen is not less true since this one has not seen it.
	return consistent, before != string(metav1.ConditionTrue) || !v.r.Sightings.Late()
}

func whyOutside(j *record.Judged) string {
	what := fmt.Sprintf("VolumeSnapshot %q of PersistentVolumeClaim %q ", j.Name, j.Claim)
	if j.Verdict == record.CreatedEarly {
		return what + "was created before all pods were quiesced"
	}
	return what + "was not seen to be taken (status.creationTime) before the pods were thawed"
}

// unknown is why nobody knows that the snapshots are consistent, in a word and a sentence; empty where they are known to be.
func (v *view) unknown(judged []record.Judged) (reason, message string) {
	status, seen := &v.session().Status, v.r.Sightings
	switch {
	case status.BegunAt == nil:
		return v1alpha1.ReasonNotYet, ""
	case status.Hooks.Delegated > 0 && status.Window == nil:
		return v1alpha1.ReasonDelegated, v.delegated()
	case seen == nil:
		return v1alpha1.ReasonNotObserved, "what was quiesced has stayed so for as long as it was to; " +
			"when the snapshot was taken is known to the backup tool only"
	case seen.Unknown != "":
		return v1alpha1.ReasonNotObserved, fmt.Sprintf("pod %q has gone, and nobody knows which volumes it had", seen.Unknown)
	case len(seen.Claims) == 0:
		return v1alpha1.ReasonNoClaims, "the pods have no PersistentVolumeClaims, of which snapshots could be seen; " +
			"what was quiesced has stayed so for as long as it was to"
	case seen.NoAPI:
		return v1alpha1.ReasonNoSnapshotAPI, "this cluster knows no VolumeSnapshots; what was quiesced has stayed so for as long as it was to"
	case seen.Blind != "":
		return v1alpha1.ReasonNotObserved, "the VolumeSnapshots cannot be read: " + seen.Blind
	}
	if at := slices.IndexFunc(judged, func(j record.Judged) bool { return j.Verdict == record.NotSeen }); at >= 0 {
		return v1alpha1.ReasonNotObserved, fmt.Sprintf("nobody watched when VolumeSnapshot %q of PersistentVolumeClaim %q was created and taken: "+
			"another controller has looked after this session, or the watch was broken", judged[at].Name, judged[at].Claim)
	}
	without := withoutSnapshot(seen.Claims, judged)
	switch {
	case v.r.WindowEnd().IsZero():
		return v1alpha1.ReasonNotYet, fmt.Sprintf("volumes with a snapshot so far: %d of %d", len(seen.Claims)-len(without), len(seen.Claims))
	case len(without) > 0:
		return v1alpha1.ReasonNoSnapshot, "no VolumeSnapshot was seen of PersistentVolumeClaims " + listed(without) +
			"; what was quiesced has stayed so for as long as it was to"
	}
	return "", ""
}

// withoutSnapshot are the claims of which there is none.
func withoutSnapshot(claims []string, judged []record.Judged) []string {
	with := map[string]bool{}
	for i := range judged {
		with[judged[i].Claim] = true
	}
	return slices.DeleteFunc(slices.Clone(claims), func(claim string) bool { return with[claim] })
}

func listed(names []string) string {
	if more := len(names) - named; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:named], ", "), more)
	}
	return strings.Join(names, ", ")
}

// thawedEarly is a run that came too late to thaw, and the pod. A watchdog that has thawed at its deadline when the session was
// at it already, and could not reach the pod, was not early.
func (v *view) thawedEarly() (run *v1alpha1.HookRun, pod string) {
	window := v.session().Status.Window
	for _, run := range v.r.Runs {
		if !plan.IsPost(run.Spec.Stage) {
			continue
		}
		for i := range run.Status.Results {
			result := &run.Status.Results[i]
			inTime := window != nil && window.Deadline != nil && window.ThawingAt != nil && window.ThawingAt.Before(window.Deadline) &&
				result.StartedAt != nil && result.StartedAt.After(window.Deadline.Time)
			if result.ThawedEarly && !inTime {
				return run, run.Status.Results[i].Pod
			}
		}
	}
	return nil, ""
}
