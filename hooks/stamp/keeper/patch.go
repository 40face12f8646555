package keeper

import (
	"encoding/json"
	"errors"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/quiesce-io/quiesce/hooks/stamp"
)

// mergePatch is a decision as a merge patch of a pod's metadata, to be applied to one version of it and no other.
func mergePatch(decision stamp.Decision, version string) ([]byte, error) {
	type metadata struct {
		ResourceVersion string             `json:"resourceVersion"`
		Annotations     map[string]*string `json:"annotations"`
	}
	return json.Marshal(struct {
		Metadata metadata `json:"metadata"`
	}{metadata{version, annotations(decision)}})
}

// annotations are a decision's, nil for those to be removed.
func annotations(decision stamp.Decision) map[string]*string {
	changed := make(map[string]*string, len(decision.Set)+len(decision.Remove))
	for _, key := range decision.Remove {
		changed[key] = nil
	}
	for key, value := range decision.Set {
		changed[key] = &value
	}
	return changed
}

// digest tells one change from another.
func digest(decision stamp.Decision) uint64 {
	hash := fnv.New64a()
	write := func(words ...string) {
		for _, word := range words {
			_, _ = hash.Write([]byte(word)) // never fails
			_, _ = hash.Write([]byte{0})
		}
	}
	write(decision.Remove...)
	for _, key := range slices.Sorted(maps.Keys(decision.Set)) {
		write(key, decision.Set[key])
	}
	return hash.Sum64()
}

// refused tells of answers by which the API server, or a webhook or policy of somebody else's, does not take a change,
// and will not take it in a moment either.
func refused(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	switch code := int(status.Status().Code); code {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return false
	default:
		return code >= http.StatusBadRequest && code < http.StatusInternalServerError
	}
}

// bound keeps the beginning of words that are too many, in whole characters.
func bound(words string, bytes int) string {
	if len(words) <= bytes {
		return words
	}
	return strings.ToValidUTF8(words[:bytes-len(" …")], "") + " …"
}
