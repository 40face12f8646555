package stamp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/match"
)

// record is the value of the annotation quiesce.io/stamp: what Quiesce wrote on each side of a pod. It travels with the
// pod into backups and copies, so it proves nothing by being there: only its hashes tell whether the annotations beside it
// are still those that we wrote.
type record struct {
	Pre  *sideRecord `json:"pre,omitempty"`
	Post *sideRecord `json:"post,omitempty"`
}

type sideRecord struct {
	// Policies whose hooks the side has, as kind/name, by rank.
	Policies []string `json:"policies"`
	// Hash of the side's annotations.
	Hash string `json:"hash"`
	// Default is true when no hook or image names the container, which was the pod's first.
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

// recorded names the policies of hooks, each once.
func recorded(hooks []slot) []string {
	var names []string
	for _, placed := range hooks {
		if name := recordedName(placed.policy.Ref); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// recordedName is a policy as kubectl takes it. The namespace is the pod's, and is left out: a restore may change it.
func recordedName(ref match.Ref) string { return strings.ToLower(ref.Kind()) + "/" + ref.Name }

// recordedRef is the policy of a recorded name on a pod of a namespace; false where the name is not one.
func recordedRef(name, namespace string) (match.Ref, bool) {
	kind, name, _ := strings.Cut(name, "/")
	for _, ref := range []match.Ref{{Name: name}, {Namespace: namespace, Name: name}} {
		if name != "" && kind == strings.ToLower(ref.Kind()) {
			return ref, true
		}
	}
	return match.Ref{}, false
}

func sum(value string) [sha256.Size]byte { return sha256.Sum256([]byte(value)) }

// hashSums digests the values of a side's annotations by the digest of each, so that none can run into the next.
func hashSums(sums ...[sha256.Size]byte) string {
	digest := sha256.New()
	for _, sum := range sums {
		digest.Write(sum[:])
	}
	return hex.EncodeToString(digest.Sum(nil)[:8])
}

// hashSide digests the four annotations of a side; false where one is missing.
func hashSide(s side, annotations map[string]string) (string, bool) {
	var sums [len(suffixes)][sha256.Size]byte
	for i, suffix := range suffixes {
		value, found := annotations[sides[s].prefix+suffix]
		if !found {
			return "", false
		}
		sums[i] = sum(value)
	}
	return hashSums(sums[:]...), true
}
