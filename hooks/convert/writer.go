package convert

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// writer writes a document. It is our own because comments have to stand where they belong, and since what it writes is little: what is
// not plain beyond doubt, to readers of YAML 1.1 and 1.2 alike, is quoted.
type writer struct {
	out      bytes.Buffer
	comments comments
}

const width = 120

// The mappings, and the sequences whose mappings, are written on one line where they fit.
var (
	inline      = []string{"matchLabels", "exec", "securityContext", "limits", "requests"}
	inlineItems = []string{"matchExpressions", "env", "envFrom", "volumeMounts", "volumeDevices"}
)

func (w *writer) comment(indent int, path string) {
	for _, sentence := range w.comments[path] {
		writeComment(&w.out, indent, sentence)
	}
}

// writeComment wraps a sentence. What follows in it on lines of their own are commands, which stay whole.
func writeComment(out *bytes.Buffer, indent int, sentence string) {
	margin := strings.Repeat(" ", indent) + "#"
	for i, line := range strings.Split(sentence, "\n") {
		if i > 0 {
			out.WriteString(margin + "   " + line + "\n")
			continue
		}
		column := 0
		for word := range strings.FieldsSeq(line) {
			length := 1 + utf8.RuneCountInString(word)
			if column == 0 || column+length > width {
				if column > 0 {
					out.WriteByte('\n')
				}
				out.WriteString(margin)
				column = len(margin)
			}
			out.WriteString(" " + word)
			column += length
		}
		out.WriteByte('\n')
	}
}

// mapping writes fields, each on a line that begins at the indent.
func (w *writer) mapping(indent int, path string, n *node) {
	for i, key := range n.keys {
		own := n.path(path, i)
		w.comment(indent, own)
		w.out.WriteString(strings.Repeat(" ", indent))
		w.field(indent, own, key, n.nodes[i])
	}
}

// field writes a key and its value behind an indent that is written already.
func (w *writer) field(indent int, path, key string, n *node) {
	w.out.WriteString(quote(key) + ":")
	if key == "timeout" || key == "waitTimeout" || key == "maxQuiesce" {
		if d, err := time.ParseDuration(n.scalar); err == nil {
			n = text(short(d))
		}
	}
	flow := n.kind == scalar || n.kind == mapping && slices.Contains(inline, key) ||
		n.kind == sequence && !slices.ContainsFunc(n.nodes, func(item *node) bool { return item.kind != scalar })
	if line, fits := w.line(path, n, width-indent-len(key)-2); flow && fits {
		w.out.WriteString(" " + line + "\n")
		return
	}
	switch n.kind {
	case scalar:
		w.out.WriteString(" " + block(n.scalar, indent+2))
	case mapping:
		w.out.WriteByte('\n')
		w.mapping(indent+2, path, n)
	case sequence:
		w.out.WriteByte('\n')
		w.sequence(indent, path, key, n)
	}
}

func (w *writer) sequence(indent int, path, key string, n *node) {
	margin := strings.Repeat(" ", indent)
	for i, item := range n.nodes {
		own := n.path(path, i)
		w.comment(indent, own)
		if item.kind == mapping {
			w.comment(indent, item.path(own, 0)) // of the field that is on the line of the hyphen
		}
		w.out.WriteString(margin + "- ")
		if line, fits := w.line(own, item, width-indent-2); fits && (item.kind == scalar || slices.Contains(inlineItems, key)) {
			w.out.WriteString(line + "\n")
			continue
		}
		if item.kind == scalar {
			w.out.WriteString(block(item.scalar, indent+2))
			continue
		}
		for j, field := range item.keys {
			if j > 0 {
				w.comment(indent+2, item.path(own, j))
				w.out.WriteString(margin + "  ")
			}
			w.field(indent+2, item.path(own, j), field, item.nodes[j])
		}
	}
}

// line is a value on one line; false where it does not fit, or has comments or lines in it.
func (w *writer) line(path string, n *node, most int) (string, bool) {
	if n.kind == scalar {
		if !n.string {
			return n.scalar, true
		}
		return quote(n.scalar), !lines(n.scalar)
	}
	var parts []string
	for i, child := range n.nodes {
		own := n.path(path, i)
		if len(w.comments[own]) > 0 {
			return "", false
		}
		part, fits := w.line(own, child, most)
		if !fits {
			return "", false
		}
		if n.kind == mapping {
			part = quote(n.keys[i]) + ": " + part
		}
		parts = append(parts, part)
	}
	line := strings.Join(parts, ", ")
	if n.kind == mapping {
		line = "{" + line + "}"
	} else {
		line = "[" + line + "]"
	}
	return line, utf8.RuneCountInString(line) <= most
}

var (
	// plain begins with a letter or a path's slash, or is an option such as --freeze, so that it is no number and no date; and has nothing in it
	// that means something in YAML.
	plain = regexp.MustCompile(`^(-{0,2}[A-Za-z]|/)([A-Za-z0-9_./=+-]|:[A-Za-z0-9/]| [A-Za-z0-9/+.])*$`)
	// measured is a duration or an amount, with its unit.
	measured = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h|Ki|Mi|Gi|Ti))+$`)
	// word is one that means a boolean, nothing or a number to a reader of YAML 1.1 or 1.2.
	word = regexp.MustCompile(`(?i)^[-+]?(y|yes|n|no|on|off|true|false|null|inf|nan)$`)
)

// quote writes a string on one line. Go's escapes are all among YAML's.
func quote(value string) string {
	if (plain.MatchString(value) || measured.MatchString(value)) && !word.MatchString(value) {
		return value
	}
	return strconv.Quote(value)
}

// lines tells whether a string is better written as lines: when it has some, and nothing that a reader would lose.
func lines(value string) bool {
	body := strings.TrimSuffix(value, "\n")
	return strings.Contains(body, "\n") && !strings.HasPrefix(body, "\n") && !strings.HasPrefix(body, " ") && !strings.HasPrefix(body, "\t") && !strings.HasSuffix(body, "\n") &&
		!strings.ContainsFunc(body, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) })
}

// block writes a string as lines.
func block(value string, indent int) string {
	header := "|\n"
	if !strings.HasSuffix(value, "\n") {
		header = "|-\n"
	}
	margin := strings.Repeat(" ", indent)
	var out strings.Builder
	out.WriteString(header)
	for line := range strings.SplitSeq(strings.TrimSuffix(value, "\n"), "\n") {
		if line != "" {
			line = margin + line
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}
