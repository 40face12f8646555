package manifest

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// values are the objects of a document of JSON, one behind the other as jq prints them and kubectl takes them, as documents of their own;
// and where what follows them stands, if it is no JSON. A document of YAML is itself.
func (d document) values() (values []document, rest *Position) {
	if trimmed := bytes.TrimSpace(d.text); len(trimmed) == 0 || trimmed[0] != '{' {
		return []document{d}, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(d.text))
	end := 0
	for {
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			break
		}
		begin := int(decoder.InputOffset()) - len(value)
		end = begin + len(value)
		line, column := d.place(begin)
		// Blanks in the place of what is ahead of it in its line, so that columns are the file's.
		text := append(bytes.Repeat([]byte(" "), column-1), value...)
		values = append(values, document{text: text, lines: lines{above: d.above + line - 1}})
	}
	after := bytes.TrimLeft(d.text[end:], " \t\r\n")
	switch {
	case len(values) == 0, bytes.HasPrefix(after, []byte("...")):
		return []document{d}, nil
	case len(after) == 0, onlyComments(after):
		return values, nil
	}
	line, column := d.place(len(d.text) - len(after))
	return values, &Position{Line: d.above + line, Column: column}
}

// place is the line and column of an offset in the document.
func (d document) place(offset int) (line, column int) {
	ahead := d.text[:offset]
	return bytes.Count(ahead, []byte("\n")) + 1, utf8.RuneCount(ahead[bytes.LastIndexByte(ahead, '\n')+1:]) + 1
}

func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
