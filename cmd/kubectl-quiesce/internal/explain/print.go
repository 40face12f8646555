package explain

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// printer writes a report for people. It remembers the first error, and writes nothing after it.
type printer struct {
	terminal.Painter
	out io.Writer
	err error
	// far is what is added to saying that there is none of something, where not all is known.
	far string
}

// write prints a report.
func write(out io.Writer, painter terminal.Painter, report Report) error {
	p := &printer{Painter: painter, out: out}
	if len(report.NotKnown) > 0 {
		p.far = ", as far as is known"
	}
	p.line("%s %s/%s", report.Kind, report.Namespace, p.paint(terminal.Bold, report.Name))
	p.participation(report.Participation)
	for i := range report.Groups {
		p.group(&report, &report.Groups[i])
	}
	if len(report.NotKnown) > 0 {
		p.heading("NOT KNOWN", "")
		for _, gap := range report.NotKnown {
			p.line("  %s", p.paint(terminal.Yellow, gap))
		}
	}
	return p.err
}

// painted is text that has been set off, and what others have written in it escaped.
type painted string

func (p *printer) paint(style terminal.Style, text string) painted {
	return painted(p.Paint(style, oneLine(text)))
}

// oneLine is text of others, such as commands and annotations, which can do nothing to the terminal.
func oneLine(text string) string { return strings.ReplaceAll(terminal.Escape(text), "\n", " ") }

func (p *printer) line(format string, values ...any) {
	for i, value := range values {
		if _, is := value.(painted); !is {
			values[i] = oneLine(fmt.Sprint(value))
		}
	}
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", values...)
	}
}

func (p *printer) heading(title, rest string) {
	p.line("\n%s%s", p.paint(terminal.Bold, title), rest)
}

func (p *printer) participation(said Participation) {
	style := map[Answer]terminal.Style{Yes: terminal.Green}[said.Answer]
	if style == "" {
		style = terminal.Yellow
	}
	p.line("  %s", p.paint(style, said.Message))
	switch said.Answer {
	case NotYet:
		p.line("  what follows, but for the stamp, is what would be if it had")
	case Never:
		p.line("  what follows, but for the stamp, is what would be if it did")
	}
}

func (p *printer) group(report *Report, group *Group) {
	switch {
	case len(group.Pods) == 0:
		p.heading("POD TEMPLATE", ": there are no pods yet, so this is how they would be")
	case report.Kind == kindPod:
	case len(group.Pods) == 1:
		p.heading("POD ", group.Pods[0])
	default:
		p.heading(fmt.Sprintf("%d PODS", len(group.Pods)), ", all alike: "+strings.Join(group.Pods, ", "))
	}
	if group.OptedOut != "" {
		p.line("  %s", p.paint(terminal.Yellow, "opted out "+group.OptedOut))
	}
	if group.Ended {
		p.line("  %s", p.paint(terminal.Yellow, "ended or about to: hooks pass it over"))
	}
	p.heading("POLICIES", ", in order of precedence")
	for i := range group.Policies {
		p.policy(&group.Policies[i])
	}
	if len(group.Policies) == 0 {
		p.line("  none%s", p.far)
	}
	p.stamp(&group.Stamp)
	p.heading("SESSION", " of a backup")
	p.steps(group.Backup)
	p.restore(&group.Restore)
}

func (p *printer) policy(policy *Policy) {
	verdict := map[Verdict]any{
		Selected: p.paint(terminal.Green, "selects the pod"), NotSelected: "does not select the pod",
		OptedOut: "would select the pod, which has opted out", Suspended: "is suspended",
		Refused: p.paint(terminal.Red, "cannot be used: "+policy.Reason), NotRead: p.paint(terminal.Yellow, "is not known: "+policy.Reason),
	}[policy.Verdict]
	priority := ""
	if policy.Priority != 0 {
		priority = fmt.Sprintf(" (priority %d)", policy.Priority)
	}
	p.line("  %s %s%s %s", policy.Kind, p.paint(terminal.Bold, policy.Name), priority, verdict)
	telling := policy.Lines
	if failing := failing(policy.Lines); len(failing) > 0 { // the others do not matter
		telling = failing
	}
	for _, line := range telling {
		p.line("    %s: %s", line.Field, line.Message)
	}
	if policy.Verdict == Selected && len(telling) == 0 {
		p.line("    spec.selector is empty: every pod of namespaces that have opted in")
	}
	for _, hook := range policy.Hooks {
		in := ""
		if hook.Container != "" {
			in = map[bool]string{true: " like ", false: " in "}[hook.Action == "init"] + hook.Container
		}
		p.line("    hook %s: %s%s, %s", hook.Name, hook.Action, in, joined(hook.Stages))
		for _, line := range hook.Lines {
			not := map[bool]string{true: "", false: "not for the pod: "}[line.Holds]
			p.line("      %s%s: %s", not, line.Field, line.Message)
		}
	}
}

func failing(lines []Line) []Line {
	return slices.DeleteFunc(slices.Clone(lines), func(line Line) bool { return line.Holds })
}

func joined[Text ~string](texts []Text) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = string(text)
	}
	return strings.Join(all, " and ")
}

func (p *printer) stamp(said *Stamp) {
	p.heading("STAMP", ", by which Velero runs hooks in the pod")
	switch said.State {
	case UpToDate:
		switch {
		case len(said.Carried) > 0:
			p.line("  %s", p.paint(terminal.Green, "up to date"))
		case said.BySession == nil:
			p.line("  none, and none is to be")
		}
		p.sides(said.Carried)
	case Unsure:
		p.line("  whether it is up to date is not known")
		p.sides(said.Carried)
	case Template:
		p.orNone(said.Wanted)
	case Pending:
		p.line("  %s", p.paint(terminal.Yellow, "not up to date: the controller changes it within seconds; if not, see kubectl quiesce doctor"))
		p.line("  now:")
		p.orNone(said.Carried)
		p.line("  to be:")
		p.orNone(said.Wanted)
	}
	if said.BySession != nil {
		p.line("  none: Velero's Backups wait for a session that runs all hooks, by %s (spec.velero.mode: Session)", said.BySession)
	}
	if len(said.UserOwned) > 0 {
		p.line("  left alone, as the pod's user owns them: %s", strings.Join(said.UserOwned, ", "))
	}
	p.obstacles(said.Obstacles)
}

func (p *printer) orNone(sides []Side) {
	if len(sides) == 0 {
		p.line("    none")
	}
	p.sides(sides)
}

func (p *printer) sides(sides []Side) {
	for _, side := range sides {
		when := "before"
		if side.Prefix == v1alpha1.VeleroPostPrefix {
			when = "after"
		}
		names := make([]string, len(side.Policies))
		for i, ref := range side.Policies {
			names[i] = ref.String()
		}
		p.line("    %s the backup: by %s, in %s, timeout %s, onError %s", when, joined(names), side.Container, side.Timeout, side.OnError)
		p.line("      %s", p.paint(terminal.Dim, brief(side.Command)))
	}
}

// maxCommand is how much of a command is shown: it is that of a policy, or a script that chains several.
const maxCommand = 120

// brief is a command as Velero has it, cut.
func brief(command string) string {
	var argv []string
	if len(command) <= maxCommand || json.Unmarshal([]byte(command), &argv) != nil || len(argv) < 2 {
		return command
	}
	return fmt.Sprintf("%s and %d KiB more", strings.Join(argv[:min(2, len(argv)-1)], " "), (len(command)+1023)/1024)
}

// obstacles are told in full, but for those that are the same for one hook after another.
func (p *printer) obstacles(obstacles []Obstacle) {
	for i, obstacle := range obstacles {
		if !fieldOnly(obstacle) {
			p.line("  %s: %s", obstacle.Policy, obstacle.Message)
			continue
		}
		if i > 0 && fieldOnly(obstacles[i-1]) && obstacles[i-1].Policy == obstacle.Policy {
			continue // told with the first
		}
		var hooks []string
		for _, other := range obstacles {
			if fieldOnly(other) && other.Policy == obstacle.Policy {
				hooks = append(hooks, fmt.Sprintf("%s (%s)", other.Hook, other.Field))
			}
		}
		p.line("  %s: for sessions only, since Velero's annotations cannot express it: %s", obstacle.Policy, strings.Join(hooks, ", "))
	}
}

// fieldOnly tells of hooks that are for sessions by a field alone.
func fieldOnly(obstacle Obstacle) bool {
	return obstacle.Reason == v1alpha1.ReasonSessionOnly && obstacle.Field != "script"
}

func (p *printer) steps(steps []Step) {
	if len(steps) == 0 {
		p.line("  no hooks%s", p.far)
		return
	}
	if p.err != nil {
		return
	}
	table := printers.GetNewTabWriter(p.out)
	fmt.Fprintln(table, "  STAGE\tGROUP\tPOLICY\tHOOK\tRUNS")
	for i := range steps {
		step := &steps[i]
		fmt.Fprintf(table, "  %s\t%d\t%s\t%s\t%s\n", step.Stage, step.Group, step.Policy, step.Hook, oneLine(runs(step)))
	}
	p.err = table.Flush()
}

// runs is what a step does, and where.
func runs(step *Step) string {
	switch {
	case step.Obstacle != "":
		return "not: " + step.Obstacle
	case step.Action == "hold" && plan.IsPost(step.Stage):
		return "end of the hold in " + step.Container
	case step.Container == "":
		return step.Action + ", once and in no pod"
	case step.Pod != "":
		return fmt.Sprintf("%s in %s of pod %s alone", step.Action, step.Container, step.Pod)
	}
	return step.Action + " in " + step.Container
}

func (p *printer) restore(said *Restore) {
	p.heading("RESTORE", "")
	refused := slices.ContainsFunc(said.Obstacles, func(obstacle Obstacle) bool { return obstacle.Refuses })
	switch {
	case said.Excluded:
		p.line("  no init containers: the namespace is among restore.excludedNamespaces of the installation")
	case refused:
		p.line("  %s", p.paint(terminal.Red, "the restored pod would be refused:"))
	case len(said.InitContainers) > 0:
		p.line("  init containers, ahead of the pod's own:")
	default:
		p.line("  no init containers%s", p.far)
	}
	for _, container := range said.InitContainers {
		if refused {
			break // none is added to a pod that is not created
		}
		p.line("    %s, for hook %s of %s, image %s", container.Name, container.Hook, container.Policy, container.Image)
		if len(container.Command) > 0 {
			command, err := json.Marshal(container.Command)
			if err != nil {
				panic(err) // strings always marshal
			}
			p.line("      %s", p.paint(terminal.Dim, brief(string(command))))
		}
	}
	for _, obstacle := range said.Obstacles {
		left := map[bool]string{true: "", false: "left out: "}[obstacle.Refuses]
		p.line("    %s%s, hook %s: %s", left, obstacle.Policy, obstacle.Hook, obstacle.Message)
	}
	if len(said.Steps) > 0 {
		p.line("  hooks that a session of the restore runs:")
		p.steps(said.Steps)
	}
}
