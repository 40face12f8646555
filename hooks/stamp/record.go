package stamp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Record is the value of the annotation quiesce.io/stamp: what Quiesce wrote on a pod. It travels with the pod into
// backups and copies, so it proves nothing by being there: only its hash tells whether the annotations beside it are
// still those that we wrote.
type Record struct {
	// Policies by name, in the order in which they apply.
	Policies []string `json:"policies"`
	// Hash of the hook annotations, keys and values.
	Hash string `json:"hash"`
}

// ReadRecord reads the record among a pod's annotations. It is false where there is none, or none that can be read.
func ReadRecord(annotations map[string]string) (Record, bool) {
	var record Record
	value, found := annotations[v1alpha1.StampAnnotation]
	if !found || json.Unmarshal([]byte(value), &record) != nil {
		return Record{}, false
	}
	return record, true
}

func (r Record) String() string {
	value, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and slices of strings always marshal
	}
	return string(value)
}

// recordSize is the size of the annotation that records these policies. Every hash has the same length.
func recordSize(policies []string) int {
	return len(v1alpha1.StampAnnotation) + len(Record{Policies: policies, Hash: hash(nil)}.String())
}

// hookAnnotations picks those annotations of a pod that Velero reads as backup hooks, and whatever else carries their
// prefixes: a user who wrote one with a typing error meant to own it.
func hookAnnotations(annotations map[string]string) map[string]string {
	var picked map[string]string
	for key, value := range annotations {
		if strings.HasPrefix(key, v1alpha1.VeleroPrePrefix) ||
			strings.HasPrefix(key, v1alpha1.VeleroPostPrefix) ||
			strings.HasPrefix(key, v1alpha1.VeleroLegacyPrefix) {
			if picked == nil {
				picked = map[string]string{}
			}
			picked[key] = value
		}
	}
	return picked
}

// hash of annotations, keys and values. No key or value can be mistaken for another: annotation keys have no NUL.
func hash(annotations map[string]string) string {
	digest := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		value := sha256.Sum256([]byte(annotations[key]))
		digest.Write([]byte(key))
		digest.Write([]byte{0})
		digest.Write(value[:])
	}
	return hex.EncodeToString(digest.Sum(nil)[:8])
}
