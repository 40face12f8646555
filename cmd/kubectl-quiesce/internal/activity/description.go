package activity

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// someResults is how many results that are no failures are described of a hook, unless all are asked for.
const someResults = 10

// description is all that there is to say of a session.
type description struct {
	session *v1alpha1.HookSession
	runs    []v1alpha1.HookRun
	events  []corev1.Event
	now     time.Time
	// all describes every pod, and not only failures and some of the others.
	all bool
	// gaps are sentences about what could not be read.
	gaps []string
}

func (d *description) write(out io.Writer) error {
	s := &sheet{out: out}
	d.head(s)
	d.conditions(s)
	d.plan(s)
	d.window(s)
	d.failures(s)
	d.hooks(s)
	d.delegated(s)
	d.snapshots(s)
	d.told(s)
	for _, gap := range d.gaps {
		s.line("%s", gap)
	}
	return s.err
}

func (d *description) head(s *sheet) {
	session, spec := d.session, &d.session.Spec
	s.field("Name", "%s", session.Name)
	s.field("Namespace", "%s", session.Namespace)
	if len(session.Labels) > 0 {
		s.field("Labels", "%s", pairs(session.Labels))
	}
	if abandon := session.Annotations[v1alpha1.AbandonAnnotation]; abandon != "" {
		s.field("Abandoned", "%s=%s: somebody sees to these pods", v1alpha1.AbandonAnnotation, abandon)
	}
	s.field("Created", "%s", d.moment(session.CreationTimestamp.Time))
	s.field("Operation", "%s", operation(spec))
	s.field("Trigger", "%s", cmp.Or(spec.Trigger, v1alpha1.AdHoc))
	s.field("Policies", "%s", cmp.Or(strings.Join(spec.PolicyNames, ", "), "all that select pods of the namespace"))
	s.field("Pods", "%s", selection(spec))
	if source := spec.Velero; source != nil {
		held := "which did not wait for the hooks"
		if source.Held {
			held = "which waits for the hooks"
		}
		s.field("Velero", "%s %s/%s, %s%s", source.Kind, source.Namespace, source.Name, held, prefixed("; of Schedule ", source.Schedule))
	}
	if spec.MaxQuiesce.Duration > 0 {
		s.field("MaxQuiesce", "%s, or less where a policy says so", terminal.Duration(spec.MaxQuiesce.Duration))
	}
	s.field("Outcomes", "%s", outcomes(spec.Outcomes))
	if spec.Cancel || session.DeletionTimestamp != nil {
		what := "cancelled"
		if session.DeletionTimestamp != nil {
			what = "deleted: it goes when everything is thawed"
		}
		s.field("Ended by", "%s", what)
	}
	s.field("Phase", "%s", phaseOf(session))
	if session.Status.Message != "" {
		s.field("Message", "%s", session.Status.Message)
	}
	if broken := session.Status.Broken; broken != nil {
		s.field("Broken", "%s at %s: %s", broken.Reason, clock(&broken.At), broken.Message)
	}
	if finished := session.Status.FinishedAt; finished != nil {
		s.field("Finished", "%s", d.moment(finished.Time))
	}
}

func operation(spec *v1alpha1.HookSessionSpec) string {
	text := string(spec.Operation)
	switch cmp.Or(spec.DataSource, v1alpha1.SourceLive) {
	case v1alpha1.SourceSnapshot:
		text += " from a snapshot that there is"
	case v1alpha1.SourceBackup:
		text += " from a backup that there is"
	}
	if to := spec.Destination; to != nil {
		if to.Namespace != "" {
			text += " to namespace " + to.Namespace
		}
		if to.Cluster == v1alpha1.ClusterRemote {
			text += " in another cluster"
		}
	}
	return text
}

func selection(spec *v1alpha1.HookSessionSpec) string {
	var parts []string
	if spec.LabelSelector != nil {
		parts = append(parts, labelSelector(spec.LabelSelector))
	}
	var either []string
	for i := range spec.OrLabelSelectors {
		either = append(either, labelSelector(&spec.OrLabelSelectors[i]))
	}
	if len(either) > 0 {
		parts = append(parts, strings.Join(either, " or "))
	}
	if len(parts) == 0 {
		return "all that the policies select"
	}
	return "those that the policies select with labels " + strings.Join(parts, ", and ")
}

func labelSelector(selector *v1alpha1.LabelSelector) string {
	compiled, err := selector.Compile()
	if err != nil {
		return err.Error()
	}
	return compiled.String()
}

func outcomes(said *v1alpha1.Outcomes) string {
	if said == nil {
		return "the backup tool has said nothing yet"
	}
	var parts []string
	if said.Snapshot != "" {
		parts = append(parts, "snapshot "+string(said.Snapshot))
	}
	if said.Operation != "" {
		parts = append(parts, "operation "+string(said.Operation))
	}
	if said.Delegated != nil {
		parts = append(parts, fmt.Sprintf("hooks that it ran itself: %d, of which %d failed", said.Delegated.Attempted, said.Delegated.Failed))
	}
	return cmp.Or(strings.Join(parts, ", "), "the backup tool has said nothing yet")
}

func (d *description) conditions(s *sheet) {
	if len(d.session.Status.Conditions) == 0 {
		s.field("Conditions", "none: no controller has looked at it yet")
		return
	}
	s.section("Conditions", func() {
		var rows [][]string
		for i := range d.session.Status.Conditions {
			c := &d.session.Status.Conditions[i]
			rows = append(rows, []string{c.Type, string(c.Status), c.Reason, duration.HumanDuration(d.now.Sub(c.LastTransitionTime.Time)), c.Message})
		}
		s.table([]string{"Type", "Status", "Reason", "Since", "Message"}, rows)
	})
}

func (d *description) plan(s *sheet) {
	plan := d.session.Status.Plan
	if plan == nil {
		return
	}
	var kinds []string
	for _, kind := range []struct {
		has  bool
		name string
	}{{plan.SnapshotHooks, "snapshot hooks"}, {plan.BackupHooks, "backup hooks"}, {plan.RestoreHooks, "restore hooks"}} {
		if kind.has {
			kinds = append(kinds, kind.name)
		}
	}
	text := cmp.Or(strings.Join(kinds, ", "), "no hooks")
	if plan.RestoreIn != "" {
		text += "; the restore hooks run in a session of operation Restore in namespace " + plan.RestoreIn
	}
	s.field("Plan", "%s", text)
}

func (d *description) window(s *sheet) {
	window := d.session.Status.Window
	if window == nil {
		s.field("Window", "nothing was quiesced")
		return
	}
	s.section("Window", func() {
		s.field("Opened", "%s", clock(window.OpenedAt))
		s.field("Quiesced", "%s", clock(window.QuiescedAt))
		s.field("Thawing", "%s", clock(window.ThawingAt))
		s.field("Thawed", "%s", clock(window.ThawedAt))
		if window.ThawedAt == nil && window.Deadline != nil {
			s.field("Deadline", "%s", clock(window.Deadline))
		}
		s.field("Duration", "%s", orNone(quiescedFor(d.session, d.now)))
		if d.session.Status.QuiescedPods > 0 {
			s.field("Pods quiesced", " %d", d.session.Status.QuiescedPods)
		}
	})
}

func (d *description) delegated(s *sheet) {
	if len(d.session.Status.Delegated) == 0 {
		return
	}
	s.section("Left to Velero, which runs what is stamped on the pods", func() {
		for _, hook := range d.session.Status.Delegated {
			s.line("%s/%s in %d pods", hook.Policy, hook.Hook, hook.Pods)
		}
	})
}

func (d *description) snapshots(s *sheet) {
	counts := d.session.Status.SnapshotCounts
	if counts == (v1alpha1.SnapshotCounts{}) {
		return
	}
	s.section("Snapshots", func() {
		s.line("%d of %d claims: %d created, %d of them taken, %d ready to use, %d inside the window; claims without one: %d",
			counts.Claims-counts.UnseenClaims, counts.Claims, counts.Total, counts.Cut, counts.Ready, counts.Inside, counts.UnseenClaims)
		var rows [][]string
		for i := range d.session.Status.Snapshots {
			seen := &d.session.Status.Snapshots[i]
			inside := "outside"
			if seen.Inside {
				inside = "inside"
			}
			rows = append(rows, []string{seen.Name, seen.Claim, clock(seen.CreatedAt), clock(seen.CutAt), inside, orNone(seen.Error)})
		}
		if len(rows) > 0 {
			s.table([]string{"Name", "Claim", "Created", "Taken", "Window", "Error"}, rows)
		}
	})
}

// told are the events.
func (d *description) told(s *sheet) {
	if len(d.events) == 0 {
		s.field("Events", "<none>")
		return
	}
	s.section("Events", func() {
		var rows [][]string
		slices.SortStableFunc(d.events, func(a, b corev1.Event) int { return eventTime(&a).Compare(eventTime(&b)) })
		for i := range d.events {
			event := &d.events[i]
			rows = append(rows, []string{event.Type, event.Reason, duration.HumanDuration(d.now.Sub(eventTime(event))), event.Message})
		}
		s.table([]string{"Type", "Reason", "Age", "Message"}, rows)
	})
}

func eventTime(event *corev1.Event) time.Time {
	switch {
	case event.Series != nil:
		return event.Series.LastObservedTime.Time
	case !event.LastTimestamp.IsZero():
		return event.LastTimestamp.Time
	case !event.EventTime.IsZero():
		return event.EventTime.Time
	}
	return event.CreationTimestamp.Time
}

func (d *description) moment(at time.Time) string {
	return fmt.Sprintf("%s (%s ago)", at.Local().Format(time.RFC1123Z), duration.HumanDuration(d.now.Sub(at)))
}

func clock(at *metav1.MicroTime) string {
	if at == nil || at.IsZero() {
		return "-"
	}
	return at.Local().Format(timeLayout)
}

// prefixed is a text behind another, or nothing where it is empty.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func number(n int32) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(int(n))
}

func pairs(all map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, key+"="+all[key])
	}
	return strings.Join(parts, ", ")
}
