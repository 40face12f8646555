package doctor

import "fmt"

// Severity is how bad a finding is.
type Severity string

// Severities, the gravest first. A note says what is so, and needs nothing to be done.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Unknown Severity = "unknown"
	Note    Severity = "note"
	OK      Severity = "ok"
)

// Finding is what a check has found.
type Finding struct {
	// Check is the ID of the check, such as webhook-ca.
	Check string `json:"check"`
	// Group of checks under which it is shown.
	Group string `json:"group"`
	// Severity of it.
	Severity Severity `json:"severity"`
	// Message is a sentence.
	Message string `json:"message"`
	// Do are the commands, or the step, that help; empty where there is nothing to be done.
	Do []string `json:"do,omitempty"`
}

// do adds what helps.
func (f Finding) do(format string, values ...any) Finding {
	f.Do = append(f.Do, fmt.Sprintf(format, values...))
	return f
}

func fine(format string, values ...any) Finding {
	return Finding{Severity: OK, Message: fmt.Sprintf(format, values...)}
}

func note(format string, values ...any) Finding {
	return Finding{Severity: Note, Message: fmt.Sprintf(format, values...)}
}

func warning(format string, values ...any) Finding {
	return Finding{Severity: Warning, Message: fmt.Sprintf(format, values...)}
}

func fault(format string, values ...any) Finding {
	return Finding{Severity: Error, Message: fmt.Sprintf(format, values...)}
}

func unknown(format string, values ...any) Finding {
	return Finding{Severity: Unknown, Message: fmt.Sprintf(format, values...)}
}
