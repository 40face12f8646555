package tell

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

const (
	// maxNote is how long a note may be (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
	maxNote = 1024
	// maxPodEvents is how many events pods get of a session, of success and of failure each.
	maxPodEvents = 1000
)

// Teller tells what sessions do. For a Scheduled session only failures become events. It is safe for use from many goroutines.
type Teller struct {
	Recorder events.EventRecorder

	lock sync.Mutex
	told map[types.UID]*count // by session
}

// count is how many events pods got.
type count struct{ good, bad int }

// Results tells of what is new in a run.
func (t *Teller) Results(session *v1alpha1.HookSession, before, run *v1alpha1.HookRun) {
	known := make(map[string]v1alpha1.ResultOutcome, len(before.Status.Results))
	for i := range before.Status.Results {
		known[before.Status.Results[i].Pod] = before.Status.Results[i].Outcome
	}
	pods := map[string]types.UID{}
	for i := range run.Spec.Pods {
		pods[run.Spec.Pods[i].Name] = run.Spec.Pods[i].UID
	}
	for i := range run.Status.Results {
		result := &run.Status.Results[i]
		if outcome, was := known[result.Pod]; was && outcome == result.Outcome {
			continue
		}
		observe(run, result)
		t.podEvent(session, run, pods[result.Pod], result)
	}
	if complete := len(run.Status.Results) == len(run.Spec.Pods); complete && len(before.Status.Results) < len(run.Spec.Pods) {
		t.runEvent(session, run)
	}
}

func observe(run *v1alpha1.HookRun, result *v1alpha1.PodResult) {
	if took, err := time.ParseDuration(result.Duration); err == nil && !result.NotRun {
		hookSeconds.WithLabelValues(policyOf(run), string(run.Spec.Stage), strings.ToLower(string(result.Outcome))).Observe(took.Seconds())
	}
}

func policyOf(run *v1alpha1.HookRun) string {
	if ref := record.PolicyOf(run); ref.Namespace != "" {
		return ref.Namespace + "/" + ref.Name
	}
	return run.Spec.Policy.Name
}

// podEvent tells of a hook on its pod, unless there are too many by now.
func (t *Teller) podEvent(session *v1alpha1.HookSession, run *v1alpha1.HookRun, uid types.UID, result *v1alpha1.PodResult) {
	failed := result.Outcome == v1alpha1.ResultFailed
	if record.InNoPod(run) || session.DeletionTimestamp != nil || result.Outcome == v1alpha1.ResultSkipped || !failed && session.Spec.Trigger == v1alpha1.Scheduled || !t.mayTell(session, failed) {
		return
	}
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name, pod.UID = run.Namespace, result.Pod, uid
	what := fmt.Sprintf("hook %q of policy %q in %s, of HookSession %q", run.Spec.Hook.Name, policyOf(run), run.Spec.Stage, session.Name)
	if failed {
		t.event(pod, run, corev1.EventTypeWarning, "HookFailed", "RunHook", fmt.Sprintf("Failed: %s: %s (exit code %s): %s", what, result.Reason, result.ExitCode, result.Message))
		return
	}
	t.event(pod, run, corev1.EventTypeNormal, "HookSucceeded", "RunHook", "Succeeded: "+what)
}

// mayTell counts, and tells of the last of them that the rest is in the HookRuns.
func (t *Teller) mayTell(session *v1alpha1.HookSession, failed bool) bool {
	t.lock.Lock()
	if t.told == nil {
		t.told = map[types.UID]*count{}
	}
	c := t.told[session.UID]
	if c == nil {
		c = &count{}
		t.told[session.UID] = c
	}
	n := &c.good
	if failed {
		n = &c.bad
	}
	*n++
	told := *n
	t.lock.Unlock()
	if told == maxPodEvents {
		t.event(session, nil, corev1.EventTypeNormal, "TooManyEvents", "RunHook",
			fmt.Sprintf("no further events are written on pods: what became of all hooks is in the HookRuns with label %s=%s", v1alpha1.SessionUIDLabel, session.UID))
	}
	return told <= maxPodEvents
}

// runEvent tells of a hook that is over in all its pods.
func (t *Teller) runEvent(session *v1alpha1.HookSession, run *v1alpha1.HookRun) {
	status := &run.Status
	if status.Failed == 0 && (session.Spec.Trigger == v1alpha1.Scheduled || status.Succeeded == 0) {
		return
	}
	note := fmt.Sprintf("hook %q of policy %q in %s: %d succeeded, %d failed, %d skipped", run.Spec.Hook.Name, policyOf(run), run.Spec.Stage,
		status.Succeeded, status.Failed, status.Skipped)
	if status.Failed == 0 {
		t.event(session, run, corev1.EventTypeNormal, "HookSucceeded", "RunHook", note)
		return
	}
	first := slices.IndexFunc(status.Results, func(result v1alpha1.PodResult) bool { return result.Outcome == v1alpha1.ResultFailed })
	result := &status.Results[first]
	t.event(session, run, corev1.EventTypeWarning, "HookFailed", "RunHook",
		fmt.Sprintf("%s; first in %s: %s (exit code %s): %s", note, record.Where(result.Pod), result.Reason, result.ExitCode, result.Message))
}

// Phase tells that a session has come to another phase.
func (t *Teller) Phase(session *v1alpha1.HookSession, before v1alpha1.Phase) {
	phase := session.Status.Phase
	if phase == before {
		return
	}
	if phase.Finished() {
		sessionsTotal.WithLabelValues(string(session.Spec.Operation), outcomeOf(phase)).Inc()
		if known := consistency(session); known != "" {
			consistentTotal.WithLabelValues(string(session.Spec.Operation), known).Inc()
		}
	}
	kind := corev1.EventTypeNormal
	switch {
	case phase == v1alpha1.PhaseFailed:
		kind = corev1.EventTypeWarning
	case session.Spec.Trigger == v1alpha1.Scheduled:
		return
	}
	if slices.Contains([]v1alpha1.Phase{v1alpha1.PhaseQuiesced, v1alpha1.PhaseThawed, v1alpha1.PhaseComplete, v1alpha1.PhaseFailed, v1alpha1.PhaseCancelled}, phase) {
		t.event(session, nil, kind, string(phase), "TakeThroughHooks", cmp.Or(session.Status.Message, "the session is "+string(phase)))
	}
}

// Consistent tells that what a session's backup holds is not consistent, as soon as that is known.
func (t *Teller) Consistent(session *v1alpha1.HookSession, before []metav1.Condition) {
	now := meta.FindStatusCondition(session.Status.Conditions, v1alpha1.ConditionConsistent)
	if now == nil || now.Status != metav1.ConditionFalse || meta.IsStatusConditionFalse(before, v1alpha1.ConditionConsistent) {
		return
	}
	t.event(session, nil, corev1.EventTypeWarning, "NotConsistent", "WatchSnapshots", now.Reason+": "+now.Message)
}

// consistency is the label of what is known of a session that is over.
func consistency(session *v1alpha1.HookSession) string {
	if condition := meta.FindStatusCondition(session.Status.Conditions, v1alpha1.ConditionConsistent); condition != nil {
		return strings.ToLower(string(condition.Status))
	}
	return ""
}

// Thawed tells how long policies have kept their pods quiesced.
func (t *Teller) Thawed(r *record.Record) {
	window := r.Session.Status.Window
	for _, run := range r.Runs {
		if plan.IsPost(run.Spec.Stage) {
			continue
		}
		var first time.Time
		for i := range run.Status.Results {
			if at := run.Status.Results[i].StartedAt; at != nil && !run.Status.Results[i].NotRun && (first.IsZero() || at.Time.Before(first)) {
				first = at.Time
			}
		}
		if !first.IsZero() {
			quiescedSeconds.WithLabelValues(policyOf(run), string(run.Spec.Stage)).Observe(window.ThawedAt.Sub(first).Seconds())
		}
	}
}

// Forget drops what is known of a session that is gone.
func (t *Teller) Forget(session types.UID) {
	t.lock.Lock()
	defer t.lock.Unlock()
	delete(t.told, session)
}

// event writes one. What a hook did is related to its HookRun: the recorder takes events that differ in nothing but their note for
// repetitions of the first, whose note they keep (client-go, tools/events/event_broadcaster.go, getKey).
func (t *Teller) event(regarding, related runtime.Object, kind, reason, what, note string) {
	if session, is := regarding.(*v1alpha1.HookSession); is && session.DeletionTimestamp != nil {
		return // its namespace may be on its way out, and takes none any longer
	}
	t.Recorder.Eventf(regarding, related, kind, reason, what, "%s", record.Cut(note, maxNote))
}
