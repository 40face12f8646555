package manifest

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// lineOf finds the line in an error of the YAML reader.
var lineOf = regexp.MustCompile(`(?s)^(?:error converting YAML to JSON: )?yaml: (?:unmarshal errors:\n\s*)?(?:line (\d+): )?(.*)$`)

// unreadable says why a document cannot be read, where it can be told better than by what the YAML reader stumbled over.
func (f *reading) unreadable(document document, err error) {
	lines := bytes.Split(document.text, []byte("\n"))
	line, message, told := 1, err.Error(), false
	if match := lineOf.FindStringSubmatch(message); match != nil {
		message = strings.ReplaceAll(match[2], "\n", "; ")
		if n, err := strconv.Atoi(match[1]); err == nil {
			line, told = document.of(n)-document.above, true
		}
	}
	line = min(max(line, 1), len(lines))
	say := func(line, column int, format string, arguments ...any) {
		f.mistake(document.above+line, column, format, arguments...)
	}
	// The reader tells of a line, or of the one behind it; or of none, of what it takes for a mapping in the place of a key.
	from, to := max(line-2, 0), line
	if !told && strings.HasPrefix(message, "invalid map key") {
		from, to = 0, len(lines)
	}
	if number, column, found := locate(lines[from:to], "{{"); found {
		say(from+number, column, "this is a template that has not been rendered: give its output, such as that of helm template RELEASE CHART")
		return
	}
	for i, text := range lines {
		if !utf8.Valid(text) {
			say(i+1, 1, "the line is not in UTF-8: save the file as UTF-8")
			return
		}
		indentation := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if tab := bytes.IndexByte(indentation, '\t'); tab >= 0 && i >= line-2 && len(bytes.TrimSpace(text)) > 0 {
			say(i+1, tab+1, "the line is indented with a tab, which YAML does not allow: write spaces")
			return
		}
	}
	for line > 1 && len(bytes.TrimSpace(lines[line-1])) == 0 {
		line-- // the reader stumbles at the end of what it read
	}
	if strings.Contains(message, "did not find expected <document start>") {
		message = "this follows the end of a document: write --- ahead of it, or remove it"
		line = min(line+1, len(lines)) // of what it had no need to scan, the reader counts lines from 0
	} else {
		message = "this is no YAML: " + message
	}
	text := lines[line-1]
	column := len(text) - len(bytes.TrimLeft(text, " ")) + 1
	say(line, column, "%s", message)
}

// locate finds text, outside of comments.
func locate(lines [][]byte, text string) (line, column int, found bool) {
	for i := range lines {
		if at := bytes.Index(lines[i], []byte(text)); at >= 0 && !bytes.HasPrefix(bytes.TrimSpace(lines[i]), []byte("#")) {
			return i + 1, utf8.RuneCount(lines[i][:at]) + 1, true
		}
	}
	return 0, 0, false
}
