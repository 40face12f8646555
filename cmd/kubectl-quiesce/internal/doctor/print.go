package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// signs of severities on a terminal, beside their words.
var signs = map[Severity]struct {
	sign  string
	style terminal.Style
}{
	Error:   {"✗", terminal.Red},
	Warning: {"!", terminal.Yellow},
	Unknown: {"?", terminal.Dim},
	Note:    {"-", terminal.Dim},
	OK:      {"✓", terminal.Green},
}

// printText writes a report for people: with signs beside the words where the other end draws, so that what is copied from there is whole.
func printText(to io.Writer, report *Report, draws bool, painter terminal.Painter) {
	line := func(finding Finding) {
		mark := fmt.Sprintf("%-8s", finding.Severity)
		if draws {
			mark = painter.Paint(signs[finding.Severity].style, signs[finding.Severity].sign+" "+mark)
		}
		fmt.Fprintf(to, "  %s %s\n", mark, terminal.Line(finding.Message))
	}
	group := ""
	for _, finding := range report.Findings {
		if finding.Group != group {
			if group != "" {
				fmt.Fprintln(to)
			}
			group = finding.Group
			fmt.Fprintln(to, painter.Paint(terminal.Bold, group))
		}
		line(finding)
		step := "           do:"
		if draws {
			step = "             " + painter.Paint(terminal.Dim, "→")
		}
		for _, do := range finding.Do {
			fmt.Fprintf(to, "%s %s\n", step, terminal.Line(do))
		}
	}
	if len(report.Findings) > 0 {
		fmt.Fprintln(to)
	}
	if problems := problems(report.Findings); len(problems) > 0 {
		fmt.Fprintln(to, painter.Paint(terminal.Bold, "Problems"))
		for _, finding := range problems {
			line(finding)
		}
		fmt.Fprintln(to)
	}
	fmt.Fprintln(to, summaryLine(report.Summary))
}

// problems are what is wrong, the gravest first: it is told again at the end, which is what is seen of a long report.
func problems(findings []Finding) []Finding {
	var found []Finding
	for _, severity := range []Severity{Error, Warning} {
		for _, finding := range findings {
			if finding.Severity == severity {
				found = append(found, finding)
			}
		}
	}
	return found
}

func summaryLine(summary Summary) string {
	var parts []string
	for _, part := range []struct {
		number int
		noun   string
	}{{summary.Errors, "error"}, {summary.Warnings, "warning"}} {
		if part.number > 0 {
			parts = append(parts, counted(part.number, part.noun))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing is wrong"}
	}
	if summary.Unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d not known", summary.Unknown))
	}
	return strings.Join(append(parts, fmt.Sprintf("%d ok", summary.OK)), ", ")
}

// printAs writes a report for programs.
func printAs(to io.Writer, format string, report *Report) error {
	if format == "yaml" {
		text, err := yaml.Marshal(report)
		if err != nil {
			return err
		}
		_, err = to.Write(text)
		return err
	}
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "    ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report)
}
