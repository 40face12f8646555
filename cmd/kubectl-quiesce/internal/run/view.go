package run

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// States of a hook in a pod, beside its outcomes.
const (
	statePending = "Pending"
	stateRunning = "Running"
)

// row is a hook in a pod.
type row struct {
	Stage   v1alpha1.Stage `json:"stage"`
	Policy  string         `json:"policy"`
	Hook    string         `json:"hook"`
	Pod     string         `json:"pod,omitempty"` // empty for a hook that runs once per session
	State   string         `json:"state"`
	Reason  string         `json:"reason,omitempty"`
	Seconds float64        `json:"seconds"`
	Message string         `json:"message,omitempty"`
	Output  string         `json:"output,omitempty"`

	order int32
}

// key tells rows apart, whatever becomes of them.
func (r row) key() string {
	return strings.Join([]string{string(r.Stage), r.Policy, r.Hook, r.Pod}, "\x00")
}

// where is the pod, or the session itself.
func (r row) where() string {
	if r.Pod == "" {
		return "the session"
	}
	return r.Pod
}

// ended tells that nothing more is to come.
func (r row) ended() bool { return r.State != statePending && r.State != stateRunning }

// rows of all runs, in the order in which they run.
func rows(runs []v1alpha1.HookRun) []row {
	var all []row
	for i := range runs {
		all = append(all, rowsOf(&runs[i])...)
	}
	slices.SortStableFunc(all, func(a, b row) int { return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.Pod, b.Pod)) })
	return all
}

func rowsOf(run *v1alpha1.HookRun) []row {
	all := make([]row, 0, len(run.Spec.Pods))
	record.Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		r := row{Stage: run.Spec.Stage, Policy: policy(run), Hook: run.Spec.Hook.Name, Pod: pod.Name, State: statePending, order: run.Spec.Order}
		switch {
		case result != nil:
			r.take(result)
		case run.Status.State == v1alpha1.RunSkipped:
			r.State = string(v1alpha1.ResultSkipped)
		case place < int(run.Status.Attempted):
			r.State = stateRunning
		}
		all = append(all, r)
	})
	return all
}

func (r *row) take(result *v1alpha1.PodResult) {
	r.State, r.Reason, r.Message, r.Output = string(result.Outcome), result.Reason, result.Message, result.Output
	if took, err := time.ParseDuration(result.Duration); err == nil {
		r.Seconds = took.Round(time.Millisecond).Seconds()
	}
}

// policy as people write it: namespace/name for one of a namespace's own.
func policy(run *v1alpha1.HookRun) string {
	if run.Spec.Policy.Kind == "NamespacedHookPolicy" {
		return run.Namespace + "/" + run.Spec.Policy.Name
	}
	return run.Spec.Policy.Name
}

// side leaves the rows of before COMMAND, or of after it.
func side(all []row, after bool) []row {
	return slices.DeleteFunc(slices.Clone(all), func(r row) bool { return plan.IsPost(r.Stage) != after })
}

// urgent puts first what people look for where not all rows can be seen: what has failed, what runs, then what is still to
// come, and what is done last.
func urgent(all []row) []row {
	rank := func(r row) int {
		switch r.State {
		case string(v1alpha1.ResultFailed):
			return 0
		case stateRunning:
			return 1
		case statePending:
			return 2
		}
		return 3
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b row) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}

// sentence is a row in a line of its own, once it has ended.
func (r row) sentence() string {
	text := fmt.Sprintf("%s %s/%s in %s: %s", r.Stage, r.Policy, r.Hook, r.where(), r.State)
	if r.Seconds > 0 {
		text += " in " + seconds(r.Seconds)
	}
	if r.Reason != "" && r.State != string(v1alpha1.ResultSucceeded) {
		text += " (" + r.Reason + ")"
	}
	if r.Message != "" {
		text += ": " + r.Message
	}
	return terminal.Line(text)
}

func seconds(s float64) string { return terminal.Duration(time.Duration(s * float64(time.Second))) }
