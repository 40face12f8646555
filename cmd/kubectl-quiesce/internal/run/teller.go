package run

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/live"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// teller says what happens, on standard error.
type teller interface {
	// say is a sentence about the whole.
	say(sentence string)
	// phase is the session's, whenever it is another.
	phase(phase v1alpha1.Phase, message string)
	// ended is a hook that has ended in a pod.
	ended(row)
	// show is where all hooks of one side stand; called often.
	show(rows []row, head string)
	// hush takes what is drawn away: COMMAND is about to write, or all is over.
	hush()
	// end is the last that is said.
	end(summary)
}

// newTeller chooses: JSON lines where asked for, a table on a terminal, else a line for everything that happens.
func newTeller(o *options, out io.Writer) teller {
	screen := terminal.Of(out)
	switch {
	case o.output == "json":
		return &jsonTeller{encoder: json.NewEncoder(out)}
	case screen.Draws():
		return &tableTeller{
			lineTeller: lineTeller{out: out}, region: live.New(out, screen.Size), paint: terminal.Painter(screen.Coloured()), now: time.Now,
			since: map[string]time.Time{},
		}
	}
	return &lineTeller{out: out}
}

// headOf is where the session stands, in a line.
func headOf(phase v1alpha1.Phase, message string) string {
	if message == "" {
		return string(phase)
	}
	return string(phase) + ": " + terminal.Line(message)
}

// lineTeller writes a line for everything that happens.
type lineTeller struct{ out io.Writer }

func (t *lineTeller) say(sentence string) { fmt.Fprintln(t.out, terminal.Escape(sentence)) }
func (t *lineTeller) phase(phase v1alpha1.Phase, message string) {
	fmt.Fprintln(t.out, headOf(phase, message))
}
func (t *lineTeller) ended(r row)        { fmt.Fprintln(t.out, r.sentence()) }
func (t *lineTeller) show([]row, string) {}
func (t *lineTeller) hush()              {}
func (t *lineTeller) end(s summary)      { fmt.Fprint(t.out, s.text("")) }

// tableTeller keeps a table of pods and hooks up to date.
type tableTeller struct {
	lineTeller
	region *live.Region
	paint  terminal.Painter
	now    func() time.Time
	since  map[string]time.Time // when hooks that run were first seen to
	drawn  []row
}

func (t *tableTeller) say(sentence string) { t.region.Print(terminal.Line(sentence)) }
func (t *tableTeller) ended(row)           {}

func (t *tableTeller) phase(v1alpha1.Phase, string) {}

func (t *tableTeller) show(all []row, head string) {
	now := t.now()
	for i := range all {
		if all[i].State != stateRunning {
			continue
		}
		if _, seen := t.since[all[i].key()]; !seen {
			t.since[all[i].key()] = now
		}
		all[i].Seconds = now.Sub(t.since[all[i].key()]).Round(100 * time.Millisecond).Seconds()
	}
	t.drawn = all
	t.region.Draw(append([]string{t.paint.Paint(terminal.Bold, head)}, table(urgent(all), t.paint)...))
}

// hush leaves the table as it was at last, in the order in which hooks run, above what comes.
func (t *tableTeller) hush() {
	t.region.Clear()
	const most = 20
	lines := table(t.drawn, t.paint)
	if len(lines) > most {
		lines = append(lines[:most-1], fmt.Sprintf("… and %d more", len(lines)-most+1))
	}
	for _, line := range lines {
		fmt.Fprintln(t.out, line)
	}
	t.drawn = nil
}

func (t *tableTeller) end(s summary) {
	style := terminal.Red
	if s.Code == 0 {
		style = terminal.Green
	}
	if t.paint {
		fmt.Fprint(t.out, s.text(string(style)))
		return
	}
	t.lineTeller.end(s)
}

// table has a line for each row, and a head.
func table(all []row, paint terminal.Painter) []string {
	if len(all) == 0 {
		return nil
	}
	var b strings.Builder
	w := printers.GetNewTabWriter(&b)
	fmt.Fprintln(w, "POD\tSTAGE\tPOLICY\tHOOK\tTIME\tSTATE")
	for _, r := range all {
		pod, took := r.Pod, ""
		if pod == "" {
			pod = "-"
		}
		if r.State == stateRunning || r.Seconds > 0 {
			took = seconds(r.Seconds)
		}
		state := paint.Paint(styleOf(r.State), r.State)
		if r.Message != "" {
			state += " " + terminal.Line(r.Message)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", terminal.Line(pod), r.Stage, terminal.Line(r.Policy), terminal.Line(r.Hook), took, state)
	}
	_ = w.Flush()
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func styleOf(state string) terminal.Style {
	switch state {
	case string(v1alpha1.ResultFailed):
		return terminal.Red
	case string(v1alpha1.ResultSucceeded), string(v1alpha1.ResultHeld):
		return terminal.Green
	case stateRunning:
		return terminal.Cyan
	}
	return terminal.Dim
}

// jsonTeller writes one JSON object a line: what a row says, a sentence, or the summary, each with its time and event.
type jsonTeller struct{ encoder *json.Encoder }

type event struct {
	Time     time.Time      `json:"time"`
	Event    string         `json:"event"`
	Sentence string         `json:"message,omitempty"`
	Phase    v1alpha1.Phase `json:"phase,omitempty"`
	Hook     *row           `json:"hook,omitempty"`
	Summary  *summary       `json:"summary,omitempty"`
}

func (t *jsonTeller) write(e event) {
	e.Time = time.Now().UTC()
	_ = t.encoder.Encode(e) //nolint:errchkjson // whoever reads may be gone, and the session is to be seen through all the same
}

func (t *jsonTeller) say(sentence string) { t.write(event{Event: "Message", Sentence: sentence}) }
func (t *jsonTeller) phase(phase v1alpha1.Phase, message string) {
	t.write(event{Event: "Phase", Phase: phase, Sentence: message})
}
func (t *jsonTeller) ended(r row)        { t.write(event{Event: "Hook", Hook: &r}) }
func (t *jsonTeller) show([]row, string) {}
func (t *jsonTeller) hush()              {}
func (t *jsonTeller) end(s summary)      { t.write(event{Event: "Summary", Summary: &s}) }
