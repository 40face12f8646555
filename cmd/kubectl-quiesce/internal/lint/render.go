package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// plain writes a line for each finding, as compilers do.
func plain(out io.Writer, findings []Finding, painter terminal.Painter) {
	styles := map[Severity]terminal.Style{Error: terminal.Red, Warning: terminal.Yellow}
	for i := range findings {
		f := &findings[i]
		field := ""
		if f.Field != "" {
			field = " " + painter.Paint(terminal.Dim, "("+f.Field+")")
		}
		fmt.Fprintf(out, "%s:%d:%d: %s: %s%s\n", f.File, f.Line, f.Column, painter.Paint(styles[f.Severity], string(f.Severity)), f.Message, field)
	}
}

// machine writes findings as a JSON list.
func machine(out io.Writer, findings []Finding) error {
	if findings == nil {
		findings = []Finding{}
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(findings)
}

var (
	// data and property are how the commands of a GitHub workflow escape what they carry
	// (https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts).
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// github writes findings as commands by which a GitHub workflow shows them in the files
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
func github(out io.Writer, findings []Finding) {
	for i := range findings {
		f := &findings[i]
		message := f.Message
		if f.Field != "" {
			message += " (" + f.Field + ")"
		}
		fmt.Fprintf(out, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", f.Severity, property.Replace(f.File), f.Line, f.Column,
			property.Replace(strings.TrimSpace("kubectl quiesce lint "+f.Object)), data.Replace(message))
	}
}

// summary is what stands behind the findings, for people.
func (v *verdict) summary() string {
	count := map[Severity]int{}
	for i := range v.findings {
		count[v.findings[i].Severity]++
	}
	text := fmt.Sprintf("%s in %s: %s, %s", plural(v.objects, "object"), plural(v.files, "file"), plural(count[Error], "error"), plural(count[Warning], "warning"))
	if v.partly {
		text += "\nSome checks were skipped because of these errors: run it again once they are corrected."
	}
	return text
}

func plural(count int, noun string) string {
	if count != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", count, noun)
}
