// Package manifest reads YAML and JSON files of Kubernetes objects, and knows in which line and column each field stands. It
// converts them as kubectl does, so that what is judged here is what the API server would get.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	kyaml "sigs.k8s.io/yaml"
)

// File is a file, or the standard input, as it was read.
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

// Read reads a file's content: documents of YAML or JSON, and lists, whose items are objects of their own. It goes on behind a
// document with a mistake.
func Read(name string, content []byte) File {
	file := File{Name: name}
	for _, encoding := range []struct {
		mark []byte
		name string
	}{{[]byte{0xFF, 0xFE}, "UTF-16"}, {[]byte{0xFE, 0xFF}, "UTF-16"}} {
		if bytes.HasPrefix(content, encoding.mark) {
			file.mistake(1, 1, "the file is in %s: save it as UTF-8", encoding.name)
			return file
		}
	}
	content = bytes.TrimPrefix(content, []byte("\xEF\xBB\xBF"))
	for _, document := range split(content) {
		document.broken = breaks(document.text)
		file.read(document)
	}
	return file
}

func (f *File) mistake(line, column int, format string, arguments ...any) {
	f.Mistakes = append(f.Mistakes, Mistake{Position{f.Name, line, column}, fmt.Sprintf(format, arguments...)})
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

func (f *File) read(document document) {
	node, err := parse(document.text)
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
			switch r {
			case '\t':
				return ' '
			case 0x7F, 0xFFFE, 0xFFFF:
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
	if err := decoder.Decode(&further); err == nil && len(further.Content) > 0 {
		return nil, fmt.Errorf("yaml: line %d: a further document begins here: write --- ahead of it", further.Content[0].Line)
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

// unpack adds the object, or those that are in it when it is a list. What does not say of which kind it is, is of the one given, if any:
// the API server leaves that out in lists of one kind.
func (f *File) unpack(object Object, of metav1.TypeMeta) {
	var header struct {
		metav1.TypeMeta
		Metadata struct {
			Name         string `json:"name"`
			GenerateName string `json:"generateName"`
			Namespace    string `json:"namespace"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
	}
	at := object.position
	if err := json.Unmarshal(object.JSON, &header); err != nil {
		path := ""
		if mistake, is := errors.AsType[*json.UnmarshalTypeError](err); is {
			path = mistake.Field
		}
		if path == "" {
			f.mistake(at.Line, at.Column, "this is no object of Kubernetes: write a mapping with apiVersion, kind and metadata")
			return
		}
		place := object.At(path)
		f.mistake(place.Line, place.Column, "%s has the wrong type: write text", path)
		return
	}
	if header.Kind == "" && header.APIVersion == "" {
		header.TypeMeta = of
	}
	switch {
	case header.Kind == "":
		f.mistake(at.Line, at.Column, "this object has no kind: write one, such as kind: HookPolicy")
		return
	case header.APIVersion == "":
		f.mistake(at.Line, at.Column, "this object has no apiVersion: write one, such as apiVersion: quiesce.io/v1alpha1")
		return
	}
	object.TypeMeta, object.Namespace, object.Name = header.TypeMeta, header.Metadata.Namespace, header.Metadata.Name
	if object.Name == "" {
		object.Name = header.Metadata.GenerateName
	}
	if header.Items == nil || !strings.HasSuffix(header.Kind, "List") {
		f.Objects = append(f.Objects, object)
		return
	}
	of = metav1.TypeMeta{APIVersion: header.APIVersion, Kind: strings.TrimSuffix(header.Kind, "List")}
	for i, raw := range header.Items {
		item := Object{JSON: raw, lines: object.lines, position: object.At(fmt.Sprintf("items[%d]", i))}
		if _, items := child(resolved(object.node), step{name: "items"}); items != nil {
			_, item.node = child(resolved(items), step{strconv.Itoa(i), true})
		}
		f.unpack(item, of)
	}
}
