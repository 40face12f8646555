// Package manifest reads YAML and JSON files of Kubernetes objects, and knows in which line and column each field stands. It
// converts them as kubectl does, so that what is judged here is what the API server would get.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	kyaml "sigs.k8s.io/yaml"
)

// File is a file, or standard input, as it was read.
type File struct {
	Name     string
	Objects  []Object
	Mistakes []Mistake
}

// Object is an object of Kubernetes in a file, of which the rest is decoded by its kind.
type Object struct {
	metav1.TypeMeta
	Namespace, Name string
	// JSON of the object.
	JSON []byte
	// Mistyped are the paths of those of its names that are none, of which the file's mistakes tell.
	Mistyped []string

	position Position
	node     *yaml.Node
	lines    lines
}

// Position is where the object begins.
func (o *Object) Position() Position { return o.position }

// Group is the API group, such as apps; empty for the core's.
func (o *Object) Group() string { return o.GroupVersionKind().Group }

// Fields are the object's, with numbers as the API server has them.
func (o *Object) Fields() (map[string]any, error) {
	var fields map[string]any
	if err := utiljson.Unmarshal(o.JSON, &fields); err != nil {
		return nil, err
	}
	return fields, nil
}

// Reader reads files. The zero value knows objects by their apiVersion and kind.
type Reader struct {
	// KindOf says what an object is that has neither, and what it is called; nothing where that is not known.
	KindOf func(object json.RawMessage) (of metav1.TypeMeta, name string)
}

// Read reads a file's content: documents of YAML or JSON, and lists, whose items are objects of their own. It goes on behind a
// document with a mistake.
func Read(name string, content []byte) File { return Reader{}.Read(name, content) }

// Read reads a file's content.
func (r Reader) Read(name string, content []byte) File {
	file := reading{reader: r, File: File{Name: name}}
	for _, encoding := range []struct {
		mark []byte
		name string
	}{{[]byte{0xFF, 0xFE}, "UTF-16"}, {[]byte{0xFE, 0xFF}, "UTF-16"}} {
		if bytes.HasPrefix(content, encoding.mark) {
			file.mistake(1, 1, "the file is in %s: save it as UTF-8", encoding.name)
			return file.File
		}
	}
	content = bytes.TrimPrefix(content, []byte("\xEF\xBB\xBF"))
	for _, document := range split(content) {
		values, rest := document.values()
		for _, value := range values {
			value.broken = breaks(value.text)
			file.read(value)
		}
		if rest != nil {
			file.mistake(rest.Line, rest.Column, "this follows the end of an object: write --- ahead of it, or remove it")
		}
	}
	return file.File
}

// reading is a file while it is read.
type reading struct {
	File
	reader Reader
}

func (f *reading) mistake(line, column int, format string, arguments ...any) {
	f.Mistakes = append(f.Mistakes, Mistake{Position: Position{f.Name, line, column}, Message: fmt.Sprintf(format, arguments...)})
}

// document is a part of a file.
type document struct {
	text []byte
	lines
}

// split cuts a stream of YAML at the lines that begin documents. Those lines stay: there may be content in them.
func split(content []byte) []document {
	var (
		all   []document
		begin int
		above int
		bare  = true // nothing but comments and directives so far
		line  int
	)
	for at := 0; at < len(content); line++ {
		end := len(content)
		if length := bytes.IndexByte(content[at:], '\n'); length >= 0 {
			end = at + length + 1
		}
		text := content[at:end]
		if marker(text) {
			if !bare {
				all = append(all, document{content[begin:at], lines{above: above}})
				begin, above = at, line
			}
			bare = false
		} else if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] != '#' && trimmed[0] != '%' {
			bare = false
		}
		at = end
	}
	return append(all, document{content[begin:], lines{above: above}})
}

func marker(line []byte) bool {
	rest, found := bytes.CutPrefix(line, []byte("---"))
	return found && (len(rest) == 0 || strings.IndexByte(" \t\r\n", rest[0]) >= 0)
}

func (f *reading) read(document document) {
	node, err := parse(document.text)
	if err != nil && json.Valid(document.text) {
		// It may be JSON and no YAML, as with a long key. Then it is not known where its fields are.
		f.unpack(Object{JSON: document.text, position: Position{f.Name, document.of(1), 1}, lines: document.lines}, metav1.TypeMeta{})
		return
	}
	if err != nil {
		f.unreadable(document, err)
		return
	}
	if node == nil || node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return // empty, or comments only
	}
	at := Position{f.Name, document.of(node.Line), node.Column}
	twice := duplicates(node)
	for _, key := range twice {
		f.mistake(document.of(key.Line), key.Column, "the key %q is there twice: one of the two would be lost, leave one out", key.Value)
	}
	asJSON := document.text
	if !json.Valid(asJSON) {
		if asJSON, err = kyaml.YAMLToJSON(document.text); err != nil {
			f.unreadable(document, err)
			return
		}
	}
	f.unpack(Object{JSON: asJSON, position: at, node: node, lines: document.lines}, metav1.TypeMeta{})
}

// parse reads the nodes of a document; nil of an empty one.
func parse(text []byte) (*yaml.Node, error) {
	if json.Valid(text) {
		// JSON may have tabs between its tokens, and some characters in its strings, that YAML does not know.
		text = bytes.Map(func(r rune) rune {
			switch {
			case r == '\t':
				return ' '
			case r >= 0x7F && r < 0xA0 && r != 0x85, r == 0xFEFF, r == 0xFFFE, r == 0xFFFF:
				return '?'
			}
			return r
		}, text)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var further yaml.Node
	switch err := decoder.Decode(&further); {
	case err == nil && len(further.Content) > 0:
		return nil, fmt.Errorf("yaml: line %d: a further document begins here: write --- ahead of it", further.Content[0].Line)
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	return root.Content[0], nil
}

// maxDepth bounds how deep nodes are looked at. The YAML reader itself stops at 10,000.
const maxDepth = 1000

// duplicates are the keys that their mapping already has.
func duplicates(node *yaml.Node) []*yaml.Node {
	var (
		found []*yaml.Node
		walk  func(node *yaml.Node, depth int)
	)
	walk = func(node *yaml.Node, depth int) {
		if node.Kind == yaml.MappingNode {
			seen := make(map[string]bool, len(node.Content)/2)
			for i := 0; i < len(node.Content); i += 2 {
				key := node.Content[i]
				if key.Kind == yaml.ScalarNode && key.Tag != "!!merge" {
					if seen[key.Value] {
						found = append(found, key)
					}
					seen[key.Value] = true
				}
			}
		}
		if depth < maxDepth {
			for _, content := range node.Content {
				walk(content, depth+1)
			}
		}
	}
	walk(node, 0)
	return found
}
