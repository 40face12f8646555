package activity

import (
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// sheet writes what kubectl describe would: fields, tables, and lines below headings.
type sheet struct {
	out   io.Writer
	depth int
	err   error
}

func (s *sheet) line(format string, values ...any) {
	if s.err == nil {
		text := terminal.Escape(strings.ReplaceAll(fmt.Sprintf(format, values...), "\n", " "))
		_, s.err = io.WriteString(s.out, strings.TrimRight(strings.Repeat("  ", s.depth)+text, " ")+"\n")
	}
}

// field is a name and its value, which stand below those of other fields.
func (s *sheet) field(name, format string, values ...any) {
	s.line("%-14s%s", name+":", terminal.Line(fmt.Sprintf(format, values...)))
}

// section is what stands below a heading.
func (s *sheet) section(heading string, write func()) {
	s.line("%s:", heading)
	s.depth++
	write()
	s.depth--
}

// table is rows with a header.
func (s *sheet) table(header []string, rows [][]string) {
	if s.err != nil {
		return
	}
	var text strings.Builder
	out := printers.GetNewTabWriter(&text)
	rule := make([]string, len(header))
	for i := range header {
		rule[i] = strings.Repeat("-", len(header[i]))
	}
	printRow(out, header)
	printRow(out, rule)
	for _, row := range rows {
		printRow(out, row)
	}
	if s.err = out.Flush(); s.err != nil {
		return
	}
	for line := range strings.Lines(text.String()) {
		s.line("%s", strings.TrimRight(line, "\n"))
	}
}

// text is what somebody else has written, line by line.
func (s *sheet) text(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.out, terminal.Indent(text, strings.Repeat("  ", s.depth)+"| "))
	}
}
