package stamp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// record is the value of the annotation quiesce.io/stamp: what Quiesce wrote on each side of a pod. It travels with the
// pod into backups and copies, so it proves nothing by being there: only its hashes tell whether the annotations beside it
// are still those that we wrote.
type record struct {
	Pre  *sideRecord `json:"pre,omitempty"`
	Post *sideRecord `json:"post,omitempty"`
}

type sideRecord struct {
	// Policy by name.
	Policy string `json:"policy"`
	// Hash of the side's annotations.
	Hash string `json:"hash"`
	// Default is true when the hook names no container, and was given the pod's first.
	Default bool `json:"default,omitempty"`
}

func (r *record) side(s side) **sideRecord {
	if s == pre {
		return &r.Pre
	}
	return &r.Post
}

func (r record) String() string {
	value, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(value)
}

// suffixes of the annotations of a side, in the order in which they are hashed.
var suffixes = [...]string{v1alpha1.VeleroCommand, v1alpha1.VeleroContainer, v1alpha1.VeleroOnError, v1alpha1.VeleroTimeout}

// hashSide digests the four annotations of a side; false where one is missing.
func hashSide(s side, annotations map[string]string) (string, bool) {
	digest := sha256.New()
	for _, suffix := range suffixes {
		value, found := annotations[sides[s].prefix+suffix]
		if !found {
			return "", false
		}
		// By the hash of each value, none can run into the next.
		sum := sha256.Sum256([]byte(value))
		digest.Write(sum[:])
	}
	return hex.EncodeToString(digest.Sum(nil)[:8]), true
}
