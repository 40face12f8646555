package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// YAML is everything as documents, what others refer to first, and what became of none as comments at the top. It is empty when there is
// nothing to say.
func (r *Result) YAML() []byte {
	var out bytes.Buffer
	for _, sentence := range r.Left {
		writeComment(&out, 0, "Not converted: "+sentence+".")
	}
	documents := r.documents()
	if len(r.Left) > 0 && len(documents) > 0 {
		out.WriteByte('\n')
	}
	for i, document := range documents {
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(document)
	}
	return out.Bytes()
}

func (r *Result) documents() [][]byte {
	var documents [][]byte
	for i := range r.Scripts {
		documents = append(documents, r.Scripts[i].YAML())
	}
	for i := range r.Templates {
		documents = append(documents, r.Templates[i].YAML())
	}
	for i := range r.Policies {
		documents = append(documents, r.Policies[i].YAML())
	}
	return documents
}

// YAML is the policy as a document with its comments, in the order of fields of our documentation.
func (p *Policy) YAML() []byte { return rendered(p.Kind, p.Namespace, p.Name, p.Spec, p.comments) }

// YAML is the script as a document with its comments.
func (s *Script) YAML() []byte { return rendered(kindScript, "", s.Name, s.Spec, s.comments) }

// YAML is the template as a document with its comments.
func (t *Template) YAML() []byte { return rendered(kindTemplate, "", t.Name, t.Spec, t.comments) }

func rendered(kind, namespace, name string, spec any, commented comments) []byte {
	asJSON, err := json.Marshal(spec)
	if err != nil { // the spec is of our own types, all of which marshal
		panic(fmt.Sprintf("convert: %v", err))
	}
	root := &node{kind: mapping}
	metadata := &node{kind: mapping}
	metadata.set("name", text(name))
	if namespace != "" {
		metadata.set("namespace", text(namespace))
	}
	root.set("apiVersion", text(v1alpha1.GroupVersion.String()))
	root.set("kind", text(kind))
	root.set("metadata", metadata)
	root.set("spec", parse(json.NewDecoder(bytes.NewReader(asJSON))))
	root.prune()

	w := writer{comments: comments{}}
	paths := map[string]bool{}
	root.paths("", paths)
	for _, path := range slices.Sorted(maps.Keys(commented)) {
		at := path
		for !paths[at] {
			at = parent(at)
		}
		w.comments[at] = append(w.comments[at], commented[path]...)
	}
	w.comment(0, "")
	w.mapping(0, "", root)
	return w.out.Bytes()
}

// parent is the path of what has the field in it.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}
