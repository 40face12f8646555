package terminal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape is a text of others, such as the output of a container or the message of a status, for a terminal to show and not to obey: control
// characters, C1 and what turns the direction of writing included, stand as Go writes them in strings, such as \x1b and \r. Newlines and
// tabs stay.
func Escape(text string) string {
	var b strings.Builder
	for text != "" {
		character, size := utf8.DecodeRuneInString(text)
		switch {
		case character == utf8.RuneError && size == 1, obeyed(character):
			quoted := strconv.Quote(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

// obeyed tells of characters that a terminal does something about rather than show them.
func obeyed(character rune) bool {
	return unicode.IsControl(character) && character != '\n' && character != '\t' || unicode.Is(unicode.Bidi_Control, character)
}

// Line is a text of others in one line, escaped: a cell of a table, or a part of a sentence. White space of any length is a space.
func Line(text string) string { return Escape(strings.Join(strings.Fields(text), " ")) }

// Indent is an output of others with a prefix before each of its lines, escaped. The last line ends too.
func Indent(text, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(prefix + Escape(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")) + "\n")
	}
	return b.String()
}
