package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/manifest"
)

// Severity of a finding.
type Severity string

const (
	// Error is what the API server or Quiesce would refuse.
	Error Severity = "error"
	// Warning is what would be taken, and may not do what its author believes.
	Warning Severity = "warning"
)

// Finding is something that is wrong, or may be, and where.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Severity Severity `json:"severity"`
	// Object is what it is in, such as HookPolicy "postgres"; empty where a file cannot be read.
	Object string `json:"object,omitempty"`
	// Field of the object, by its path.
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

func finding(at manifest.Position, severity Severity, object, field, message string) Finding {
	return Finding{at.File, at.Line, at.Column, severity, object, field, strings.Join(strings.Fields(message), " ")}
}

// arrange sorts findings by place, and takes out those that say the same there twice.
func arrange(findings []Finding, files []manifest.File) []Finding {
	order := make(map[string]int, len(files))
	for i := range files {
		order[files[i].Name] = i
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			strings.Compare(string(a.Severity), string(b.Severity)), strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(findings)
}
