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

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

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
		columns = append(columns, orNone(source), orNone(conditionStatus(session, v1alpha1.ConditionThawed)), orNone(status.Message))
	}
	return columns
}

// printRow prints columns for a tabwriter, whatever stands in them. Those at the end that are empty are left out.
func printRow(out io.Writer, columns []string) {
	cells := make([]string, len(columns))
	for i, column := range columns {
		cells[i] = terminal.Line(column)
	}
	fmt.Fprintln(out, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

// quiescedFor is how long pods were quiesced, or have been until now.
func quiescedFor(session *v1alpha1.HookSession, now time.Time) string {
	window := session.Status.Window
	switch {
	case window == nil || window.OpenedAt == nil:
		return ""
	case window.Duration != "":
		return terminal.Recorded(window.Duration)
	case session.Status.QuiescedPods > 0:
		return terminal.Duration(now.Sub(window.OpenedAt.Time).Round(time.Second))
	}
	return ""
}

func conditionStatus(session *v1alpha1.HookSession, kind string) string {
	if condition := meta.FindStatusCondition(session.Status.Conditions, kind); condition != nil {
		return string(condition.Status)
	}
	return ""
}
