package run

import (
	"fmt"
	"strings"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// summary is how it all ended.
type summary struct {
	Namespace string         `json:"namespace,omitempty"`
	Session   string         `json:"session,omitempty"`
	Phase     v1alpha1.Phase `json:"phase,omitempty"`
	// Code is the exit code, and Reason in one word why.
	Code    int    `json:"exitCode"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// CommandCode is COMMAND's own exit code; absent where it was not run.
	CommandCode *int                `json:"commandExitCode,omitempty"`
	Hooks       v1alpha1.HookCounts `json:"hooks"`
	// Quiesced is how long pods were quiesced, such as 1.25s.
	Quiesced   string `json:"quiesced,omitempty"`
	Consistent string `json:"consistent,omitempty"`
	Because    string `json:"consistentReason,omitempty"`
	Failures   []row  `json:"failures,omitempty"`
}

func summarise(o *options, name string, e ending, all []row) summary {
	v := judge(e)
	s := summary{Namespace: o.namespace, Session: name, Code: v.code, Reason: v.reason, Message: v.sentence}
	if e.command != nil {
		s.CommandCode = &e.command.code
	}
	for _, r := range all {
		if r.State == string(v1alpha1.ResultFailed) {
			s.Failures = append(s.Failures, r)
		}
	}
	if e.session == nil {
		return s
	}
	status := &e.session.Status
	s.Phase, s.Hooks = status.Phase, status.Hooks
	if status.Window != nil {
		s.Quiesced = status.Window.Duration
	}
	if consistent := condition(e.session, v1alpha1.ConditionConsistent); consistent != nil {
		s.Consistent, s.Because = string(consistent.Status), consistent.Reason
	}
	return s
}

// text is the summary for people; its first line in a style, or in none.
func (s summary) text(style string) string {
	var b strings.Builder
	head := terminal.Line(fmt.Sprintf("session %s: %s", s.Session, s.Message))
	fmt.Fprintln(&b, terminal.Painter(style != "").Paint(terminal.Style(style), head))
	for _, failure := range s.Failures {
		fmt.Fprintln(&b, "  "+failure.sentence())
		b.WriteString(terminal.Indent(failure.Output, "    "))
	}
	if s.Phase == "" {
		return b.String()
	}
	fmt.Fprintf(&b, "hooks: %d succeeded, %d failed, %d skipped", s.Hooks.Succeeded, s.Hooks.Failed, s.Hooks.Skipped)
	if s.Quiesced != "" {
		fmt.Fprintf(&b, "; quiesced for %s", terminal.Recorded(s.Quiesced))
	}
	if s.Consistent != "" {
		fmt.Fprintf(&b, "; consistent: %s (%s)", s.Consistent, s.Because)
	}
	fmt.Fprintln(&b)
	return b.String()
}
