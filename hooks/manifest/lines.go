package manifest

import (
	"bytes"
	"unicode/utf8"
)

// lines tell the lines of a file from those that the YAML reader counts in a document.
type lines struct {
	// above is how many lines of the file are above the document.
	above int
	// broken has the line of the document for each that the reader counts; nil where they are the same.
	broken []int
}

// of is the line of the file for one that the reader counts.
func (l lines) of(counted int) int {
	if i := counted - 1; l.broken != nil && i >= 0 {
		counted = l.broken[min(i, len(l.broken)-1)]
	}
	return l.above + counted
}

// breaks lists lines where characters are in the text that YAML 1.1 takes for line breaks, and editors do not: a carriage return by
// itself, and three of Unicode (https://yaml.org/spec/1.1/#id871136).
func breaks(text []byte) []int {
	if !bytes.ContainsAny(text, "\r\u0085\u2028\u2029") {
		return nil
	}
	var (
		list = []int{1}
		line = 1
	)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		i += size
		switch r {
		case '\n':
			line++
		case '\r':
			if i < len(text) && text[i] == '\n' {
				continue
			}
		case '\u0085', '\u2028', '\u2029':
		default:
			continue
		}
		list = append(list, line)
	}
	return list
}
