package webhook

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"gomodules.xyz/jsonpatch/v2"

	"github.com/quiesce-io/quiesce/hooks/restore"
)

const annotationsPath = "/metadata/annotations"

// pointerEscaper escapes a key for use in a JSON pointer (RFC 6901, section 3).
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// annotationPatch are operations that set and remove some of an object's annotations, in a stable order. They are built directly:
// a diff of two objects would drop fields that this build does not know. An "add" of a key that is there replaces its value
// (RFC 6902, section 4.1).
func annotationPatch(annotations, set map[string]string, remove []string) []jsonpatch.Operation {
	if len(set) > 0 && len(annotations) == 0 {
		return []jsonpatch.Operation{jsonpatch.NewOperation("add", annotationsPath, set)}
	}
	operations := make([]jsonpatch.Operation, 0, len(remove)+len(set))
	for _, key := range remove {
		operations = append(operations, jsonpatch.NewOperation("remove", annotationPath(key), nil))
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		operations = append(operations, jsonpatch.NewOperation("add", annotationPath(key), set[key]))
	}
	return operations
}

const initContainersPath = "/spec/initContainers"

// initContainerPatch turns edits of a pod's init containers, of which it has some already, into operations.
func initContainerPatch(count int, edits []restore.Edit) []jsonpatch.Operation {
	operations := make([]jsonpatch.Operation, 0, len(edits)+1)
	if count == 0 && len(edits) > 0 { // there may be no list to add to
		operations = append(operations, jsonpatch.NewOperation("add", initContainersPath, []any{}))
	}
	for _, edit := range edits {
		path := initContainersPath + "/" + strconv.Itoa(edit.At)
		if edit.Add == nil {
			operations = append(operations, jsonpatch.NewOperation("remove", path, nil))
		} else {
			operations = append(operations, jsonpatch.NewOperation("add", path, edit.Add))
		}
	}
	return operations
}

func annotationPath(key string) string {
	return annotationsPath + "/" + pointerEscaper.Replace(key)
}
