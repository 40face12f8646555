package thaw

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// longestCommand is how much of a command a line shows.
const longestCommand = 72

// show says what is going to be done.
func (p *thawPlan) show(out io.Writer, now time.Time) error {
	if cancelled := slices.DeleteFunc(slices.Clone(p.sessions), func(s *theSession) bool { return !s.cancels }); len(cancelled) > 0 {
		fmt.Fprintf(out, "Sessions in namespace %s that are cancelled. Their controller has %s to thaw what they have quiesced:\n", p.namespace, terminal.Duration(p.timeout))
		rows := [][]string{{"NAME", "OPERATION", "PHASE", "QUIESCED", "FOR"}}
		for _, s := range cancelled {
			rows = append(rows, []string{
				s.Session.Name, string(s.Session.Spec.Operation), string(cmp.Or(s.Session.Status.Phase, v1alpha1.PhasePending)), pods(len(s.Quiesced())), since(s.Session, now),
			})
		}
		if err := table(out, rows); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	if rows := p.rows(); len(rows) > 1 {
		heading := "This is run from here, with your rights:"
		if slices.ContainsFunc(p.sessions, func(s *theSession) bool { return s.cancels && len(s.steps) > 0 }) {
			heading = "This is run from here, with your rights; that of a session only if its controller does not:"
		}
		fmt.Fprintln(out, heading)
		if err := table(out, rows); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	p.showByHand(out)
	p.showOthers(out)
	return nil
}

// rows are the steps, a line each.
func (p *thawPlan) rows() [][]string {
	rows := [][]string{{"POD", "CONTAINER", "HOOK", "OF", "WHAT"}}
	for _, pod := range p.stamped {
		of := "stamp"
		if !pod.quiesced() {
			of = "stamp, forced"
		}
		if pod.thaw == nil || !pod.quiesced() {
			rows = append(rows, []string{pod.Pod, pod.Container, refs(pod.policies), of, "its post hook as it is stamped" + prefixed(", since ", pod.why)})
			continue
		}
		for _, hook := range thawsOf(pod.thaw.Chain) {
			rows = append(rows, []string{pod.Pod, pod.Container, chainName(hook.Name), of, quoted(hook.Command)})
		}
	}
	for _, s := range p.sessions {
		rows = append(rows, stepRows(s.steps, "session "+s.Session.Name)...)
	}
	return append(rows, stepRows(p.forced, "policy, forced")...)
}

func stepRows(steps []step, of string) (rows [][]string) {
	for i := range steps {
		if s := &steps[i]; s.how != byHand {
			rows = append(rows, []string{cmp.Or(s.pod.Name, "-"), cmp.Or(s.pod.Container, "-"), s.name(), of, s.what()})
		}
	}
	return rows
}

// thawsOf are the hooks of a chain that thaw: those of policies that have hooks on both sides.
func thawsOf(c chain.Chain) []chain.Hook {
	return slices.DeleteFunc(slices.Clone(c.Post), func(hook chain.Hook) bool {
		return !slices.ContainsFunc(c.Pre, func(before chain.Hook) bool { return before.Group == hook.Group })
	})
}

// chainName is a hook of a stamp, which has the kind of its policy in front.
func chainName(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	return cmp.Or(rest, name)
}

// name is the step's hook.
func (s *step) name() string {
	return record.PolicyName(record.PolicyOf(s.run)) + "/" + s.run.Spec.Hook.Name
}

// what is done in a step.
func (s *step) what() string {
	hook := &s.run.Spec.Hook
	switch {
	case s.how == ends && hook.Hold != nil:
		return "ends what it holds"
	case s.how == ends:
		return "ends its process, if it still runs"
	case hook.Exec != nil:
		return quoted(hook.Exec.Command)
	case hook.Script != nil:
		return "script" + prefixed(" ", hook.Script.Name)
	}
	return ""
}

// showByHand lists what cannot be done from here.
func (p *thawPlan) showByHand(out io.Writer) {
	var left []step
	for _, s := range p.sessions {
		left = append(left, manual(s.steps)...)
	}
	left = append(left, manual(p.forced)...)
	if len(left) == 0 {
		return
	}
	fmt.Fprintln(out, "This cannot be run from here. Where the controller does not do it either, do it yourself:")
	writeManual(out, left)
	fmt.Fprintln(out)
}

func manual(steps []step) []step {
	return slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return s.how != byHand })
}

func writeManual(out io.Writer, left []step) {
	for i := range left {
		fmt.Fprintf(out, "  %s in %s: %s\n", left[i].name(), record.Where(left[i].pod.Name), terminal.Line(left[i].todo))
	}
}

func (p *thawPlan) showOthers(out io.Writer) {
	if len(p.idle) > 0 {
		fmt.Fprintf(out, "Stamped pods in which nothing is quiesced: %s\n", podNames(p.idle))
	}
	for _, pod := range p.unknown {
		fmt.Fprintf(out, "Stamped pod of which it is not known whether it is quiesced: %s, container %s: %s\n", pod.Pod, pod.Container, terminal.Line(pod.unknown))
	}
	for _, warning := range p.warnings {
		fmt.Fprintf(out, "Warning: %s\n", terminal.Line(warning))
	}
}

// named is how many pods a sentence names.
const named = 10

func podNames(all []*stampedPod) string {
	var names []string
	for _, pod := range all[:min(named, len(all))] {
		names = append(names, pod.Pod)
	}
	text := strings.Join(names, ", ")
	if more := len(all) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func pods(count int) string {
	if count == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", count)
}

// since is for how long a session has had its pods quiesced.
func since(session *v1alpha1.HookSession, now time.Time) string {
	if window := session.Status.Window; window != nil && window.OpenedAt != nil && window.ThawedAt == nil {
		return terminal.Duration(now.Sub(window.OpenedAt.Time).Round(time.Second))
	}
	return "-"
}

func table(out io.Writer, rows [][]string) error {
	columns := printers.GetNewTabWriter(out)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i := range row {
			cells[i] = terminal.Line(row[i])
		}
		fmt.Fprintln(columns, "  "+strings.Join(cells, "\t"))
	}
	return columns.Flush()
}

// quoted is a command as one line for a shell, cut where it is long.
func quoted(command []string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+"
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = word
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return !strings.ContainsRune(plain, r) }) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	text := []rune(strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	if len(text) > longestCommand {
		return string(text[:longestCommand-1]) + "…"
	}
	return string(text)
}

// prefixed is a text behind another, or nothing where it is empty.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
