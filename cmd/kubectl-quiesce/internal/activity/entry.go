package activity

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Entry is what became of a hook in a pod: a line of the activity.
type Entry struct {
	Time      metav1.MicroTime       `json:"time"`
	Namespace string                 `json:"namespace"`
	Session   string                 `json:"session"`
	Policy    string                 `json:"policy"`
	Hook      string                 `json:"hook"`
	Stage     v1alpha1.Stage         `json:"stage"`
	Pod       string                 `json:"pod,omitempty"`
	Container string                 `json:"container,omitempty"`
	Result    v1alpha1.ResultOutcome `json:"result"`
	Reason    string                 `json:"reason,omitempty"`
	ExitCode  string                 `json:"exitCode,omitempty"`
	Duration  string                 `json:"duration,omitempty"`
	Attempts  int32                  `json:"attempts,omitempty"`
	Message   string                 `json:"message,omitempty"`
	Output    string                 `json:"output,omitempty"`

	order int32
}

// entries are those of a run.
func entries(run *v1alpha1.HookRun) []Entry {
	all := make([]Entry, 0, len(run.Status.Results))
	// What was not run has no time of its own, and is told with what was.
	last := run.CreationTimestamp.Time
	record.Each(run, func(_ int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		if result == nil {
			return
		}
		if result.StartedAt != nil && result.StartedAt.After(last) {
			last = result.StartedAt.Time
		}
		all = append(all, Entry{
			Namespace: run.Namespace, Session: run.Spec.Session.Name, Policy: record.PolicyName(record.PolicyOf(run)), Hook: run.Spec.Hook.Name,
			Stage: run.Spec.Stage, Pod: pod.Name, Container: pod.Container, Result: result.Outcome, Reason: result.Reason, ExitCode: result.ExitCode,
			Duration: result.Duration, Attempts: result.Attempts, Message: result.Message, Output: result.Output, order: run.Spec.Order,
		})
		if result.StartedAt != nil {
			all[len(all)-1].Time = *result.StartedAt
		}
	})
	for i := range all {
		if all[i].Time.IsZero() {
			all[i].Time = metav1.NewMicroTime(last)
		}
	}
	return all
}

// sortEntries puts entries in the order in which they came about.
func sortEntries(entries []Entry) {
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Time.Compare(b.Time.Time), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Session, b.Session),
			int(a.order-b.order), strings.Compare(a.Pod, b.Pod))
	})
}

// filter is which entries are wanted, as far as the API server does not know. What is empty wants all.
type filter struct {
	pod          string
	results      []v1alpha1.ResultOutcome
	since, until time.Time
}

func (f filter) wants(entry *Entry) bool {
	return (f.pod == "" || entry.Pod == f.pod) &&
		(len(f.results) == 0 || slices.Contains(f.results, entry.Result)) &&
		(f.since.IsZero() || !entry.Time.Before(&metav1.MicroTime{Time: f.since})) &&
		(f.until.IsZero() || !entry.Time.After(f.until))
}

// of are the entries of a run that are wanted.
func (f filter) of(run *v1alpha1.HookRun) []Entry {
	return slices.DeleteFunc(entries(run), func(entry Entry) bool { return !f.wants(&entry) })
}

// fields are what the API server is asked for: a run that has failed nowhere need not be sent to whoever wants failures.
func fields(session, policy, stage string, results []v1alpha1.ResultOutcome) string {
	var terms []string
	add := func(field, value string) {
		if value != "" {
			terms = append(terms, field+"="+value)
		}
	}
	add("spec.session.name", session)
	add("spec.policy.name", policy)
	add("spec.stage", stage)
	if len(results) > 0 {
		terms = append(terms, "status.state!="+string(v1alpha1.RunPending))
		if !slices.Contains(results, v1alpha1.ResultSkipped) {
			terms = append(terms, "status.state!="+string(v1alpha1.RunSkipped))
		}
		if slices.Equal(results, []v1alpha1.ResultOutcome{v1alpha1.ResultFailed}) {
			terms = append(terms, "status.state!="+string(v1alpha1.RunSucceeded))
		}
	}
	return strings.Join(terms, ",")
}
