package velero

import (
	"encoding/json"
	"maps"
)

// AsSeen is a merge patch of some fields that is refused where the object has become another since it was read: what Velero has written in
// the meantime is then not written over. Its kinds have no status subresource, so that metadata and status change together.
func AsSeen(resourceVersion string, fields map[string]any) ([]byte, error) {
	metadata, _ := fields["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["resourceVersion"] = resourceVersion
	fields = maps.Clone(fields)
	fields["metadata"] = metadata
	return json.Marshal(fields)
}
