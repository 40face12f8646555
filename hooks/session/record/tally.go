package record

import (
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxFailureMessage is how long the message of a failure may be in a session's status, by the schema.
const maxFailureMessage = 256

// Tally counts the hooks, and names the first of those that failed.
func (r *Record) Tally() (v1alpha1.HookCounts, []v1alpha1.HookFailure) {
	var (
		counts   = v1alpha1.HookCounts{Delegated: r.Session.Status.Hooks.Delegated}
		failures []v1alpha1.HookFailure
	)
	for _, run := range r.Runs {
		counts.Total += run.Spec.PodCount
		counts.Succeeded += run.Status.Succeeded
		counts.Failed += run.Status.Failed
		counts.Skipped += run.Status.Skipped
		if run.Status.Failed == 0 {
			continue
		}
		for i := range run.Status.Results {
			if len(failures) == v1alpha1.MaxFailures {
				break
			}
			if result := &run.Status.Results[i]; result.Outcome == v1alpha1.ResultFailed {
				failures = append(failures, failure(run, result))
			}
		}
	}
	return counts, failures
}

func failure(run *v1alpha1.HookRun, result *v1alpha1.PodResult) v1alpha1.HookFailure {
	return v1alpha1.HookFailure{
		Stage: run.Spec.Stage, Policy: PolicyName(PolicyOf(run)), Hook: run.Spec.Hook.Name, Pod: result.Pod, Reason: result.Reason, ExitCode: result.ExitCode,
		Message: Cut(result.Message, maxFailureMessage),
	}
}

// PolicyName is a policy as a session's status names it: name, or namespace/name.
func PolicyName(ref match.Ref) string {
	if ref.Namespace != "" {
		return ref.Namespace + "/" + ref.Name
	}
	return ref.Name
}
