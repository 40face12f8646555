package activity

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// failures are those of all stages, since they are what people look for.
func (d *description) failures(s *sheet) {
	counts := d.session.Status.Hooks
	s.field("Hooks", "%d: %d succeeded, %d failed, %d skipped%s", counts.Total, counts.Succeeded, counts.Failed, counts.Skipped,
		prefixed("; left to Velero: ", number(counts.Delegated)))
	if counts.Failed == 0 {
		return
	}
	s.section("Failures", func() {
		var found []Entry
		for i := range d.runs {
			found = append(found, filter{results: []v1alpha1.ResultOutcome{v1alpha1.ResultFailed}}.of(&d.runs[i])...)
		}
		if len(found) == 0 { // the HookRuns are gone, or may not be read
			for i := range d.session.Status.Failures {
				f := &d.session.Status.Failures[i]
				s.line("%s", failureLine(f.Stage, f.Policy, f.Hook, f.Pod, ""))
				s.line("  %s (exit code %s): %s", f.Reason, f.ExitCode, terminal.Line(f.Message))
			}
			return
		}
		sortEntries(found)
		for i := range found {
			f := &found[i]
			s.line("%s", failureLine(f.Stage, f.Policy, f.Hook, f.Pod, f.Container))
			s.line("  %s at %s%s (exit code %s): %s", f.Reason, clock(&f.Time), prefixed(", after ", terminal.Recorded(f.Duration)), orNone(f.ExitCode), terminal.Line(f.Message))
			s.depth++
			s.text(f.Output)
			s.depth--
		}
	})
}

func failureLine(stage v1alpha1.Stage, policy, hook, pod, container string) string {
	return fmt.Sprintf("%s %s/%s in %s%s", stage, policy, hook, record.Where(pod), prefixed(", container ", container))
}

// hooks are those of each stage, with their pods.
func (d *description) hooks(s *sheet) {
	runs := slices.Clone(d.runs)
	slices.SortFunc(runs, func(a, b v1alpha1.HookRun) int { return int(a.Spec.Order - b.Spec.Order) })
	for _, stage := range stageNames() {
		of := slices.DeleteFunc(slices.Clone(runs), func(run v1alpha1.HookRun) bool { return string(run.Spec.Stage) != stage })
		if len(of) == 0 {
			continue
		}
		s.section("Stage "+stage, func() {
			for i := range of {
				d.hook(s, &of[i])
			}
		})
	}
}

func (d *description) hook(s *sheet, run *v1alpha1.HookRun) {
	status := &run.Status
	s.line("%s/%s  %s  %s, onError %s: %s", record.PolicyName(record.PolicyOf(run)), run.Spec.Hook.Name, actionOf(&run.Spec.Hook),
		cmp.Or(status.State, v1alpha1.RunPending), cmp.Or(run.Spec.Hook.OnError, v1alpha1.Fail), counted(run))
	s.depth++
	defer func() { s.depth-- }()
	if run.Spec.Note != "" {
		s.line("%s", terminal.Line(run.Spec.Note))
	}
	var rows [][]string
	shown, left := 0, 0
	record.Each(run, func(_ int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		if result == nil || result.Outcome != v1alpha1.ResultFailed {
			if shown == someResults && !d.all {
				left++
				return
			}
			shown++
		}
		rows = append(rows, resultRow(pod, result))
	})
	slices.SortStableFunc(rows, func(a, b []string) int { return rank(a[2]) - rank(b[2]) })
	s.table([]string{"Pod", "Container", "Result", "Started", "Duration", "Code", "Message"}, rows)
	if left > 0 {
		s.line("and %d more, none of which failed: kubectl quiesce logs -n %s --session %s, or --all-pods", left, run.Namespace, run.Spec.Session.Name)
	}
}

// rank puts failures first.
func rank(result string) int {
	if result == string(v1alpha1.ResultFailed) {
		return 0
	}
	return 1
}

func resultRow(pod *v1alpha1.RunPod, result *v1alpha1.PodResult) []string {
	if result == nil {
		return []string{orNone(pod.Name), orNone(pod.Container), "-", "-", "-", "-", orNone(pod.Obstacle)}
	}
	message := cmp.Or(result.Message, result.Reason)
	if result.Attempts > 1 {
		message = fmt.Sprintf("in attempt %d: %s", result.Attempts, cmp.Or(message, string(result.Outcome)))
	}
	return []string{
		orNone(pod.Name), orNone(pod.Container), string(result.Outcome), clock(result.StartedAt), orNone(terminal.Recorded(result.Duration)), orNone(result.ExitCode), orNone(message),
	}
}

func counted(run *v1alpha1.HookRun) string {
	status := &run.Status
	text := fmt.Sprintf("%d of %d succeeded", status.Succeeded, run.Spec.PodCount)
	if status.Failed > 0 {
		text += fmt.Sprintf(", %d failed", status.Failed)
	}
	if status.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", status.Skipped)
	}
	return text
}

// actionOf is what a hook does, in a word, and which script it runs.
func actionOf(hook *v1alpha1.ResolvedHook) string {
	if hook.Script != nil {
		return hook.Action() + prefixed(" ", hook.Script.Name)
	}
	return hook.Action()
}
