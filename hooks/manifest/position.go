package manifest

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Position is a place in a file. Lines and columns count from 1, columns in characters.
type Position struct {
	File         string
	Line, Column int
}

// String is the position as compilers write it.
func (p Position) String() string {
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Mistake is what is wrong at a place, in words for the file's author.
type Mistake struct {
	Position
	// Field is the path of the object's field that is wrong; empty where it is not one.
	Field   string
	Message string
}

// String is the mistake on a line.
func (m Mistake) String() string {
	line := m.Position.String() + ": " + m.Message
	if m.Field != "" {
		line += " (" + m.Field + ")"
	}
	return line
}

// step is a part of a field's path: a key of a mapping, or what stands in brackets.
type step struct {
	name     string
	brackets bool
}

// steps reads a path as Kubernetes and we write them: spec.hooks[2].exec.command[0], spec.hooks[flush], labels['a.b'].
func steps(path string) []step {
	var all []step
	for path != "" {
		if path[0] == '[' {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return all
			}
			all = append(all, step{strings.Trim(path[1:end], `'"`), true})
			path = path[end+1:]
			continue
		}
		path = strings.TrimPrefix(path, ".")
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		if end > 0 {
			all = append(all, step{path[:end], false})
		} else if path != "" && path[0] == '.' {
			return all
		}
		path = path[end:]
	}
	return all
}

// At is where a field stands: its key, or the item of a list. Where it is not there, it is the nearest that is around it.
func (o *Object) At(path string) Position {
	position, _ := o.find(path)
	return position
}

// Has tells whether a field is there.
func (o *Object) Has(path string) bool {
	_, whole := o.find(path)
	return whole
}

func (o *Object) find(path string) (at Position, whole bool) {
	at = o.position
	node := resolved(o.node)
	for steps := steps(path); len(steps) > 0; {
		place, value, taken := descend(node, steps)
		if place == nil {
			return at, false
		}
		at.Line, at.Column = o.lines.of(place.Line), place.Column
		node, steps = resolved(value), steps[taken:]
	}
	return at, true
}

// descend takes the first step into a node; or several, where a key has dots and its path no brackets, as that of a label may.
func descend(node *yaml.Node, steps []step) (place, value *yaml.Node, taken int) {
	name := steps[0]
	for taken = 1; ; taken++ {
		if place, value = child(node, name); place != nil || taken == len(steps) || steps[taken].brackets {
			return place, value, taken
		}
		name.name += "." + steps[taken].name
	}
}

// resolved is what an alias stands for, or the node itself.
func resolved(node *yaml.Node) *yaml.Node {
	for hops := 0; node != nil && node.Kind == yaml.AliasNode && hops < 10; hops++ {
		node = node.Alias
	}
	return node
}

// child is where a part of a node stands, and its value.
func child(node *yaml.Node, step step) (place, value *yaml.Node) {
	if node == nil {
		return nil, nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		return member(node, step.name, 0)
	case yaml.SequenceNode:
		if !step.brackets {
			return nil, nil
		}
		if i, err := strconv.Atoi(step.name); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
		for _, item := range node.Content {
			if named(resolved(item), step.name) {
				return item, item
			}
		}
	}
	return nil, nil
}

// member is a key of a mapping with its value, those included that are merged into it (<<). Of a key that is there twice, the last one
// counts.
func member(node *yaml.Node, name string, depth int) (key, value *yaml.Node) {
	for i := len(node.Content) - 2; i >= 0; i -= 2 {
		if node.Content[i].Value == name {
			return node.Content[i], node.Content[i+1]
		}
	}
	if depth > 10 {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Tag != "!!merge" {
			continue
		}
		merged := []*yaml.Node{node.Content[i+1]}
		if list := resolved(node.Content[i+1]); list != nil && list.Kind == yaml.SequenceNode {
			merged = list.Content
		}
		for _, one := range merged {
			if from := resolved(one); from != nil && from.Kind == yaml.MappingNode {
				if key, value := member(from, name, depth+1); key != nil {
					return key, value
				}
			}
		}
	}
	return nil, nil
}

// keys by which our lists, and those of pods, know their items.
var keys = []string{"name", "key", "mountPath", "devicePath", "path", "type"}

// named tells whether an item of a list is known by a name.
func named(item *yaml.Node, name string) bool {
	if item == nil || item.Kind != yaml.MappingNode {
		return item != nil && item.Kind == yaml.ScalarNode && item.Value == name
	}
	for _, key := range keys {
		if _, value := member(item, key, 0); value != nil {
			return value.Value == name
		}
	}
	return false
}
