package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// signs of severities on a terminal, and words elsewhere.
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

// printText writes a report for people: with signs where the other end draws, with words where it is a file or a pipe.
func printText(to io.Writer, report *Report, draws bool, painter terminal.Painter) {
	group := ""
	for _, finding := range report.Findings {
		if finding.Group != group {
			if group != "" {
				fmt.Fprintln(to)
			}
			group = finding.Group
			fmt.Fprintln(to, painter.Paint(terminal.Bold, group))
		}
		mark, step := fmt.Sprintf("%-8s", finding.Severity), strings.Repeat(" ", 11)+"do:"
		if draws {
			mark, step = painter.Paint(signs[finding.Severity].style, signs[finding.Severity].sign), "    "+painter.Paint(terminal.Dim, "→")
		}
		fmt.Fprintf(to, "  %s %s\n", mark, oneLine(finding.Message))
		for _, do := range finding.Do {
			fmt.Fprintf(to, "%s %s\n", step, do)
		}
	}
	if len(report.Findings) > 0 {
		fmt.Fprintln(to)
	}
	fmt.Fprintln(to, summaryLine(report.Summary))
}

// oneLine keeps what others have written from breaking the layout.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

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
