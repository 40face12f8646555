package doctor

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const runbook = "https://github.com/quiesce-io/quiesce/blob/main/docs/reliability.md#quiesceoverduethaw"

// overdueThaws goes by what the metric quiesce_overdue_thaws counts.
func overdueThaws(f *Facts) []Finding {
	if found, missing := notKnown("whether pods are quiesced that should be thawed", f.Sessions); missing {
		return found
	}
	var (
		found    []Finding
		quiesced int32
	)
	for i := range f.Sessions.Value {
		session := &f.Sessions.Value[i]
		status := &session.Status
		quiesced += status.QuiescedPods
		abandoned := status.FinishedAt != nil && session.Annotations[v1alpha1.AbandonAnnotation] != ""
		if status.QuiescedPods == 0 || abandoned {
			continue
		}
		late := ""
		if w := status.Window; w != nil && w.Deadline != nil && f.Now.After(w.Deadline.Time) {
			late = " since " + span(f.Now.Sub(w.Deadline.Time))
		}
		if late == "" && !status.Phase.Finished() {
			continue // it has time yet
		}
		why := status.Message
		if thawed := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionThawed); thawed != nil && thawed.Status != metav1.ConditionTrue {
			why = thawed.Reason + ", " + thawed.Message
		}
		found = append(found, fault("session %s/%s: %s should have been thawed%s, and %s not: %s", session.Namespace, session.Name,
			counted(int(status.QuiescedPods), "pod"), late, verb(int(status.QuiescedPods), "is", "are"), orElse(why, "nobody knows why")).
			do("kubectl quiesce thaw -n %s", session.Namespace).
			do("see %s", runbook))
	}
	switch {
	case len(found) > 0:
		return found
	case quiesced > 0:
		return []Finding{fine("no thaw is overdue: %s quiesced now, within %s time", verbed(int(quiesced), "pod"), verb(int(quiesced), "its", "their"))}
	}
	return []Finding{fine("no thaw is overdue")}
}

const (
	// unseen is how long a controller may take to look at a session.
	unseen = 15 * time.Second
	// slow is how long a session may quiesce, thaw or wait before somebody should look, as the alert QuiesceSessionStuck has it.
	slow = time.Hour
)

func sessionsStuck(f *Facts) []Finding {
	if found, missing := notKnown("whether sessions go on", f.Sessions); missing {
		return found
	}
	var found []Finding
	open := 0
	for i := range f.Sessions.Value {
		session := &f.Sessions.Value[i]
		phase, age := session.Status.Phase, f.Now.Sub(session.CreationTimestamp.Time)
		if phase.Finished() {
			continue
		}
		open++
		describe := fmt.Sprintf("kubectl quiesce describe session %s -n %s", session.Name, session.Namespace)
		switch {
		case phase == "" && age > unseen:
			found = append(found, fault("session %s/%s makes no progress: in %s no controller has looked at it", session.Namespace, session.Name, span(age)).
				do("kubectl -n %s get pods,lease/%s", f.Release, controllerName))
		case slices.Contains([]v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseQuiescing, v1alpha1.PhaseThawing}, phase) && f.Now.Sub(lastStep(session)) > slow:
			found = append(found, warning("session %s/%s has been %s for %s: %s", session.Namespace, session.Name, phase,
				span(f.Now.Sub(lastStep(session))), orElse(session.Status.Message, "it does not say what it waits for")).do("%s", describe))
		}
	}
	if len(found) == 0 {
		found = []Finding{fine("no session is stuck; %d are open", open)}
	}
	return found
}

func verbed(number int, noun string) string {
	return counted(number, noun) + " " + verb(number, "is", "are")
}

// lastStep is when a session last changed its conditions, or was created.
func lastStep(session *v1alpha1.HookSession) time.Time {
	last := session.CreationTimestamp.Time
	for _, condition := range session.Status.Conditions {
		if condition.LastTransitionTime.After(last) {
			last = condition.LastTransitionTime.Time
		}
	}
	return last
}

// letGo is how long a deletion may take that a finalizer of ours holds up.
const letGo = time.Minute

func deletionsStuck(f *Facts) []Finding {
	if found, missing := notKnown("whether deletions are held up", f.Sessions); missing {
		return found
	}
	var found []Finding
	stuck := func(object metav1.Object, finalizer string) (time.Duration, bool) {
		at := object.GetDeletionTimestamp()
		if at == nil || !slices.Contains(object.GetFinalizers(), finalizer) {
			return 0, false
		}
		return f.Now.Sub(at.Time), f.Now.Sub(at.Time) > letGo
	}
	for i := range f.Sessions.Value {
		session := &f.Sessions.Value[i]
		if since, is := stuck(session, v1alpha1.ThawFinalizer); is {
			found = append(found, warning("session %s/%s was deleted %s ago, and is kept until its pods are thawed: %s", session.Namespace, session.Name,
				span(since), orElse(session.Status.Message, "no controller looks at it")).
				do("kubectl quiesce describe session %s -n %s", session.Name, session.Namespace).
				do("see %s", runbook))
		}
	}
	const how = "https://github.com/quiesce-io/quiesce/blob/main/docs/emergency.md#a-script-or-a-template-cannot-be-deleted"
	if f.Policies.known() {
		for i := range f.Policies.Value.Scripts {
			script := &f.Policies.Value.Scripts[i]
			if since, is := stuck(script, v1alpha1.InUseFinalizer); is {
				found = append(found, warning("HookScript %s was deleted %s ago, and is kept while it is used by %s", script.Name, span(since),
					orElse(script.Status.Users, "nobody, as far as is known")).do("see %s", how))
			}
		}
		for i := range f.Policies.Value.Templates {
			template := &f.Policies.Value.Templates[i]
			if since, is := stuck(template, v1alpha1.InUseFinalizer); is {
				found = append(found, warning("HookTemplate %s was deleted %s ago, and is kept while it is used by %s", template.Name, span(since),
					orElse(template.Status.Users, "nobody, as far as is known")).do("see %s", how))
			}
		}
	}
	if len(found) == 0 {
		found = []Finding{fine("no deletion is held up")}
	}
	return found
}
