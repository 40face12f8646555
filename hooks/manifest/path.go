package manifest

import (
	"strconv"
	"strings"
)

// Split is a path without its last field, and that field's name.
func Split(path string) (parent, name string) {
	end := strings.LastIndexAny(path, ".[")
	if end < 0 {
		return "", path
	}
	return path[:end], strings.TrimSuffix(path[end+1:], "]")
}

// Names are the parts of a path, those in brackets included.
func Names(path string) []string {
	var names []string
	for _, step := range steps(path) {
		names = append(names, step.name)
	}
	return names
}

// FromPointer is a JSON pointer into a field as a path.
func FromPointer(field, pointer string) string {
	path := field
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch _, err := strconv.Atoi(token); {
		case token == "":
		case err == nil:
			path += "[" + token + "]"
		default:
			path += "." + token
		}
	}
	return path
}
