package preview

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	udiff "github.com/aymanbagabas/go-udiff"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// renderer writes a report for people.
type renderer struct {
	out     io.Writer
	painter terminal.Painter
	// full writes values at their whole length.
	full bool
}

func (r *renderer) printf(format string, arguments ...any) { fmt.Fprintf(r.out, format, arguments...) }

func (r *renderer) report(report *Report) error {
	for i := range report.Policies {
		r.policy(&report.Policies[i])
	}
	for i := range report.Refused {
		refused := &report.Refused[i]
		subject := ""
		if refused.Object != "" {
			subject = refused.Object + " cannot be used: "
		}
		r.printf("%s: %s%s\n", refused.At, subject, r.painter.Paint(terminal.Red, refused.Message))
	}
	if report.Matched+report.Unmatched > 0 {
		r.printf("%s matched, %d not\n", pods(report.Matched), report.Unmatched)
	}
	for _, namespace := range report.OptedOut {
		r.printf("Namespace %s does not take part: kubectl label namespace %s quiesce.io/hooks=enabled\n", namespace, namespace)
	}
	r.others(report.Others)
	for i := range report.Pods {
		if err := r.pods(&report.Pods[i]); err != nil {
			return err
		}
	}
	for i := range report.Sessions {
		if err := r.session(&report.Sessions[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) policy(policy *Policy) {
	name := policy.ref().String()
	if policy.Namespace != "" {
		name += " of namespace " + policy.Namespace
	}
	switch {
	case policy.Refusal != "":
		r.printf("%s cannot be used:\n", name)
		for i := range policy.Mistakes {
			mistake := refusal(&policy.Mistakes[i])
			r.printf("  %s: %s\n", mistake.At, r.painter.Paint(terminal.Red, mistake.Message))
		}
	case policy.Suspended:
		r.printf("%s%s: suspended, and does nothing\n", name, changed(policy.Change))
	default:
		r.printf("%s%s: selects %s\n", name, changed(policy.Change), pods(policy.Pods))
	}
	for _, warning := range policy.Warnings {
		r.warn(warning)
	}
}

func changed(change string) string {
	if change == "" {
		return ""
	}
	return " (" + strings.ToLower(change) + ")"
}

func (r *renderer) warn(warning string) {
	r.printf("  %s %s\n", r.painter.Paint(terminal.Yellow, "warning:"), warning)
}

// maxOthers is how many pods and workloads that are not matched are shown unless all is to be.
const maxOthers = 20

// others writes why pods are not matched.
func (r *renderer) others(all []Other) {
	for i := range all {
		other := &all[i]
		if i == maxOthers && !r.full {
			r.printf("… and %d more pods and workloads that are not matched: write --full, or -o json\n", len(all)-i)
			return
		}
		r.printf("%s is not matched\n", titled(other.Kind, other.Namespace, other.Name, other.Count, other.EachNode))
		for _, reason := range other.Reasons {
			r.printf("  %s: %s\n", reason.Policy, reason.Message)
		}
	}
}

// title is how pods are called, such as Deployment shop/web (3 pods).
func (p *Pods) title() string { return titled(p.Kind, p.Namespace, p.Name, p.Count, p.EachNode) }

func titled(kind, namespace, name string, count int, eachNode bool) string {
	title := fmt.Sprintf("%s %s/%s", kind, namespace, name)
	switch {
	case kind == "Pod":
		return title
	case eachNode:
		return title + " (a pod on each node)"
	}
	return fmt.Sprintf("%s (%s)", title, pods(count))
}

func (r *renderer) pods(of *Pods) error {
	r.printf("\n%s\n", r.painter.Paint(terminal.Bold, of.title()))
	if len(of.Policies) > 0 {
		r.printf("  selected by %s\n", strings.Join(of.Policies, ", "))
	} else {
		r.printf("  no longer selected by any policy\n")
	}
	for _, obstacle := range of.Obstacles {
		r.warn(obstacle.Policy + ": " + obstacle.Message)
	}
	for _, refusal := range of.RestoreRefusals {
		r.printf("  %s a restored pod would be refused: %s\n", r.painter.Paint(terminal.Red, "refused:"), refusal)
	}
	for _, note := range of.RestoreNotes {
		r.warn("when restored: " + note)
	}
	drawn := r.diff(of.title(), "", r.annotations(of.Annotations.Before), r.annotations(of.Annotations.After))
	before, err := r.initContainers(of.InitContainers.Before)
	if err != nil {
		return err
	}
	after, err := r.initContainers(of.InitContainers.After)
	if err != nil {
		return err
	}
	if r.diff(of.title(), ", when restored", before, after) || drawn {
		return nil
	}
	r.printf("  no annotation and no init container changes\n")
	return nil
}

// diff draws what changes, if anything does.
func (r *renderer) diff(title, when, before, after string) bool {
	unified := udiff.Unified(title+" as it is", title+" with these policies"+when, before, after)
	for line := range strings.Lines(unified) {
		text := strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(text, "---"), strings.HasPrefix(text, "+++"):
			text = r.painter.Paint(terminal.Bold, text)
		case strings.HasPrefix(text, "@@"):
			text = r.painter.Paint(terminal.Cyan, text)
		case strings.HasPrefix(text, "+"):
			text = r.painter.Paint(terminal.Green, text)
		case strings.HasPrefix(text, "-"):
			text = r.painter.Paint(terminal.Red, text)
		}
		r.printf("%s\n", text)
	}
	return unified != ""
}

func (r *renderer) annotations(annotations map[string]string) string {
	if len(annotations) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString("metadata:\n  annotations:\n")
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		fmt.Fprintf(&text, "    %s: %s\n", key, scalar(r.shortened(annotations[key])))
	}
	return text.String()
}

func (r *renderer) initContainers(containers []corev1.Container) (string, error) {
	if len(containers) == 0 {
		return "", nil
	}
	shown := make([]corev1.Container, len(containers))
	for i := range containers {
		containers[i].DeepCopyInto(&shown[i])
		for _, words := range [][]string{shown[i].Command, shown[i].Args} {
			for j := range words {
				words[j] = r.shortened(words[j])
			}
		}
		for j := range shown[i].Env {
			shown[i].Env[j].Value = r.shortened(shown[i].Env[j].Value)
		}
	}
	text, err := yaml.Marshal(map[string]any{"spec": map[string]any{"initContainers": shown}})
	return string(text), err
}

// maxShown is how much of a value is shown unless all is to be.
const maxShown = 120

// shortened is the beginning of a long value, with what tells it from others of the same beginning.
func (r *renderer) shortened(value string) string {
	if r.full || len(value) <= maxShown+40 {
		return value
	}
	end := maxShown
	for !utf8.RuneStart(value[end]) {
		end--
	}
	sum := sha256.Sum256([]byte(value))
	return fmt.Sprintf("%s… (%d bytes, sha256 %x)", value[:end], len(value), sum[:4])
}

// scalar is a text as YAML on one line, quoted only where need be.
func scalar(text string) string {
	control := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
	if control {
		var buffer bytes.Buffer
		encoder := json.NewEncoder(&buffer)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(text); err != nil {
			panic(err) // strings always marshal
		}
		return strings.TrimSpace(buffer.String())
	}
	var plain any
	if err := yaml.Unmarshal([]byte(text), &plain); err == nil && plain == any(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func (r *renderer) session(session *Session) error {
	r.printf("\n%s\n", r.painter.Paint(terminal.Bold, fmt.Sprintf("A session of a %s in namespace %s runs, in this order",
		strings.ToLower(string(session.Operation)), session.Namespace)))
	table := printers.GetNewTabWriter(r.out)
	fmt.Fprintln(table, "STAGE\tSTEP\tHOOK\tPOLICY\tIN")
	for i := range session.Steps {
		step := &session.Steps[i]
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", step.Stage, step.Group, step.Hook, step.Policy, strings.Join(step.In, "; "))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i := range session.Steps {
		for _, note := range session.Steps[i].Notes {
			r.warn(fmt.Sprintf("hook %q: %s", session.Steps[i].Hook, note))
		}
	}
	return nil
}
