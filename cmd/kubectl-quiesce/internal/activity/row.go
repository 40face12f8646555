package activity

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessionFilter is which sessions are wanted, as far as the API server does not know. What is empty wants all.
type sessionFilter struct {
	phases []v1alpha1.Phase
	// ran are the sessions, as namespace/name, in which a policy has hooks; nil for any. policy is its name.
	ran    map[string]bool
	policy string
	since  time.Time
}

func (f sessionFilter) wants(session *v1alpha1.HookSession) bool {
	return (len(f.phases) == 0 || slices.Contains(f.phases, phaseOf(session))) &&
		(f.since.IsZero() || !session.CreationTimestamp.Time.Before(f.since.Truncate(time.Second))) &&
		(f.ran == nil || f.ran[session.Namespace+"/"+session.Name] || slices.Contains(session.Spec.PolicyNames, f.policy))
}

// phaseOf is a session's phase. One that nobody has looked at yet is Pending.
func phaseOf(session *v1alpha1.HookSession) v1alpha1.Phase {
	return cmp.Or(session.Status.Phase, v1alpha1.PhasePending)
}

// sortSessions puts the oldest first, so that the latest stands where people look.
func sortSessions(sessions []v1alpha1.HookSession) {
	slices.SortFunc(sessions, func(a, b v1alpha1.HookSession) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
}

// layout is which columns of sessions there are.
type layout struct{ namespaces, wide bool }

func (l layout) header() []string {
	columns := []string{"NAME", "OPERATION", "PHASE", "HOOKS", "FAILED", "QUIESCED", "CONSISTENT", "AGE"}
	if l.namespaces {
		columns = append([]string{"NAMESPACE"}, columns...)
	}
	if l.wide {
		columns = append(columns, "VELERO", "THAWED", "MESSAGE")
	}
	return columns
}

func (l layout) row(session *v1alpha1.HookSession, now time.Time) []string {
	status := &session.Status
	columns := []string{
		session.Name, string(session.Spec.Operation), string(phaseOf(session)), strconv.Itoa(int(status.Hooks.Total)), strconv.Itoa(int(status.Hooks.Failed)),
		orNone(quiescedFor(session, now)), orNone(conditionStatus(session, v1alpha1.ConditionConsistent)),
		duration.HumanDuration(now.Sub(session.CreationTimestamp.Time)),
	}
	if l.namespaces {
		columns = append([]string{session.Namespace}, columns...)
	}
	if l.wide {
		source := ""
		if session.Spec.Velero != nil {
			source = session.Spec.Velero.Name
		}
		columns = append(columns, orNone(source), orNone(conditionStatus(session, v1alpha1.ConditionThawed)), orNone(oneLine(status.Message)))
	}
	return columns
}

func printRow(out io.Writer, columns []string) { fmt.Fprintln(out, strings.Join(columns, "\t")) }

// quiescedFor is how long pods were quiesced, or have been until now.
func quiescedFor(session *v1alpha1.HookSession, now time.Time) string {
	window := session.Status.Window
	switch {
	case window == nil || window.OpenedAt == nil:
		return ""
	case window.Duration != "":
		return window.Duration
	case session.Status.QuiescedPods > 0:
		return duration.HumanDuration(now.Sub(window.OpenedAt.Time))
	}
	return ""
}

func conditionStatus(session *v1alpha1.HookSession, kind string) string {
	if condition := meta.FindStatusCondition(session.Status.Conditions, kind); condition != nil {
		return string(condition.Status)
	}
	return ""
}
