package keeper

import (
	"encoding/json"
	"errors"
	"hash/fnv"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

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

// digest tells one change from another, and from that of a pod that has come in the place of one of the same name.
func digest(decision stamp.Decision, pod types.UID) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(pod)) // never fails
	// In the order of the keys.
	if err := json.NewEncoder(hash).Encode(annotations(decision)); err != nil {
		panic(err) // strings always marshal
	}
	return hash.Sum64()
}

// refused tells of answers by which the API server, or a webhook or policy of somebody else's, does not take a change,
// and will not take it in a moment either. A webhook that cannot be called is a 500.
func refused(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	switch code := int(status.Status().Code); code {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	default:
		return code >= http.StatusBadRequest
	}
}

// bound keeps the beginning of words that are too many, in whole characters.
func bound(words string, bytes int) string {
	if len(words) <= bytes {
		return words
	}
	return strings.ToValidUTF8(words[:bytes-len(" …")], "") + " …"
}
