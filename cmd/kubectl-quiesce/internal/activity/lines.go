package activity

import (
	"cmp"
	"encoding/json"
	"io"

	"github.com/liggitt/tabwriter"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// timeLayout is RFC 3339 with as many digits as a person can compare.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// writer prints entries as they come.
type writer interface {
	write(entries []Entry) error
}

// jsonLines are for programs: an entry a line.
type jsonLines struct{ out io.Writer }

func (w jsonLines) write(entries []Entry) error {
	encoder := json.NewEncoder(w.out)
	encoder.SetEscapeHTML(false)
	for i := range entries {
		if err := encoder.Encode(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// table is for people.
type table struct {
	out        *tabwriter.Writer
	raw        io.Writer
	namespaces bool // whether there may be several
	headed     bool
	showOutput bool
}

func newTable(out io.Writer, namespaces, headers, showOutput bool) *table {
	return &table{out: printers.GetNewTabWriter(out), raw: out, namespaces: namespaces, headed: !headers, showOutput: showOutput}
}

func (w *table) write(entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if !w.headed {
		w.headed = true
		w.row("NAMESPACE", "TIME", "SESSION", "POLICY", "HOOK", "STAGE", "POD", "RESULT", "DURATION", "MESSAGE")
	}
	for i := range entries {
		entry := &entries[i]
		w.row(entry.Namespace, entry.Time.Local().Format(timeLayout), entry.Session, entry.Policy, entry.Hook, string(entry.Stage), orNone(entry.Pod),
			string(entry.Result), orNone(terminal.Recorded(entry.Duration)), entry.said())
		if w.showOutput && entry.Output != "" {
			if err := w.out.Flush(); err != nil {
				return err
			}
			if _, err := io.WriteString(w.raw, terminal.Indent(entry.Output, "    | ")); err != nil {
				return err
			}
		}
	}
	return w.out.Flush()
}

func (w *table) row(namespace string, columns ...string) {
	if w.namespaces {
		columns = append([]string{namespace}, columns...)
	}
	printRow(w.out, columns)
}

// said is what there is to say of the result.
func (e *Entry) said() string { return cmp.Or(e.Message, e.Reason) }

func orNone(text string) string { return cmp.Or(text, "-") }
