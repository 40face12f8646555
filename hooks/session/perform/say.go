package perform

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const noCode = "N/A"

// say is the result in the words of the record.
func (a *attempt) say(result action.Result) *v1alpha1.PodResult {
	a.ran = a.ran || result.Process != action.NeverRan
	a.tookOver = a.tookOver || result.Guard == action.TookOver
	if result.Process == action.MayRun {
		if until := a.started.Add(a.limit()); until.After(a.until) {
			a.until = until
		}
	}
	started := metav1.NewMicroTime(a.started)
	said := &v1alpha1.PodResult{
		Outcome: v1alpha1.ResultSucceeded, ExitCode: result.CodeText(), StartedAt: &started,
		Duration: round(result.Duration).String(), NotRun: !a.ran, TookOver: a.tookOver, ThawedEarly: result.Guard == action.ThawedEarly,
	}
	if a.count > 1 {
		said.Attempts = int32(a.count) //nolint:gosec // a few
	}
	if result.Reason != action.Succeeded {
		said.Outcome, said.Reason, said.Message = v1alpha1.ResultFailed, string(result.Reason), record.Cut(redact(result.Message, a.secrets), maxMessage)
		if a.options.KeepOutput {
			said.Output = tail(redact(result.Output, a.secrets))
		}
	}
	if !a.until.IsZero() && !a.undoes {
		until := metav1.NewMicroTime(a.until)
		said.MayRunUntil = &until
	}
	if a.undoes && result.Process == action.MayRun {
		until := metav1.NewMicroTime(a.started.Add(a.limit()))
		said.MayRunUntil = &until
	}
	return said
}

// limit is how long an attempt may last in the container, whatever becomes of us.
func (a *attempt) limit() time.Duration {
	switch {
	case a.hook.Hold != nil:
		return a.HoldLimit + chain.EndGrace
	case a.hook.Job != nil:
		return a.hook.Timeout.Duration + jobGrace
	}
	return chain.Call{Timeout: a.hook.Timeout.Duration}.Net() + chain.GuardTimeout
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// maxOutputText is how long an output may be, by the schema.
const maxOutputText = 2048

// tail is the end of an output that what was put into it has made too long.
func tail(output string) string {
	if len(output) <= maxOutputText {
		return output
	}
	return strings.ToValidUTF8(output[len(output)-maxOutputText:], "")
}

// maxMessage is how long a message may be, by the schema.
const maxMessage = 512
