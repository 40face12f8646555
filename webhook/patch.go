package webhook

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/quiesce-io/quiesce/hooks/stamp"
)

const annotationsPath = "/metadata/annotations"

// pointerEscaper escapes a key for use in a JSON pointer (RFC 6901, section 3).
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// operation is one of a JSON patch (RFC 6902). jsonpatch.Operation is the same, but is encoded twice over, which for
// scripts of many kilobytes is most of the cost of an answer.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitzero"`
}

// encodePatch is a JSON patch as an answer has it.
func encodePatch(operations []operation) ([]byte, error) {
	return json.Marshal(operations, json.Deterministic(true))
}

// annotationPatch turns a decision into operations on the pod's annotations, in a stable order. They are built directly:
// a diff of two pods would drop fields that this build does not know. An "add" of a key that is there replaces its value
// (RFC 6902, section 4.1).
func annotationPatch(annotations map[string]string, decision stamp.Decision) []operation {
	if len(decision.Set) > 0 && len(annotations) == 0 {
		return []operation{{Op: "add", Path: annotationsPath, Value: decision.Set}}
	}
	operations := make([]operation, 0, len(decision.Remove)+len(decision.Set))
	for _, key := range decision.Remove {
		operations = append(operations, operation{Op: "remove", Path: annotationPath(key)})
	}
	for _, key := range slices.Sorted(maps.Keys(decision.Set)) {
		operations = append(operations, operation{Op: "add", Path: annotationPath(key), Value: decision.Set[key]})
	}
	return operations
}

func annotationPath(key string) string {
	return annotationsPath + "/" + pointerEscaper.Replace(key)
}
