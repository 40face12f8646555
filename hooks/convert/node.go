package convert

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// node is a value of a document, whose fields have an order.
type node struct {
	kind   nodeKind
	scalar string
	// string says that the scalar is one, and not a number or a boolean.
	string bool
	keys   []string // of a mapping
	nodes  []*node  // of a mapping, by the place of the key; or of a sequence
}

type nodeKind int

const (
	scalar nodeKind = iota
	mapping
	sequence
)

func text(value string) *node { return &node{scalar: value, string: true} }

func (n *node) set(key string, value *node) {
	n.keys = append(n.keys, key)
	n.nodes = append(n.nodes, value)
}

// parse reads JSON that is known to be some, with the order of its fields.
func parse(from *json.Decoder) *node {
	from.UseNumber()
	switch token := next(from).(type) {
	case json.Delim:
		n := &node{kind: sequence}
		if token == '{' {
			n.kind = mapping
		}
		for from.More() {
			if n.kind == mapping {
				n.keys = append(n.keys, fmt.Sprint(next(from)))
			}
			n.nodes = append(n.nodes, parse(from))
		}
		next(from)
		return n
	case string:
		return text(token)
	case nil:
		return &node{kind: mapping}
	default:
		return &node{scalar: fmt.Sprint(token)}
	}
}

func next(from *json.Decoder) json.Token {
	token, err := from.Token()
	if err != nil { // it was marshalled a moment ago
		panic(fmt.Sprintf("convert: %v", err))
	}
	return token
}

// prune takes out mappings that say nothing.
func (n *node) prune() {
	kept := &node{kind: n.kind}
	for i, child := range n.nodes {
		child.prune()
		if n.kind == mapping {
			if child.kind == mapping && len(child.nodes) == 0 {
				continue
			}
			kept.keys = append(kept.keys, n.keys[i])
		}
		kept.nodes = append(kept.nodes, child)
	}
	n.keys, n.nodes = kept.keys, kept.nodes
}

// paths gathers those of a node and of all in it.
func (n *node) paths(path string, all map[string]bool) {
	all[path] = true
	for i, child := range n.nodes {
		child.paths(n.path(path, i), all)
	}
}

// path of the i-th child.
func (n *node) path(own string, i int) string {
	switch {
	case n.kind == sequence:
		return own + "[" + strconv.Itoa(i) + "]"
	case own == "":
		return n.keys[i]
	}
	return own + "." + n.keys[i]
}
