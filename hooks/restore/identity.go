package restore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// identity says for which container of which hook of which policy an init container was added. It stands in the container's
// environment, with a digest of all that we wrote, and decides its name: a container that has both is ours, whatever backup
// it has come through.
type identity struct {
	policy          match.Ref
	hook, container string
}

const (
	namePrefix = "quiesce-"
	// maxName is how long the name of a container may be
	// (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names).
	maxName = 63
)

// mark is what stands in the container's environment.
func (i identity) mark(container *corev1.Container) string {
	content, err := json.Marshal(container)
	if err != nil {
		panic(err) // what was decoded always marshals
	}
	return i.String() + "/" + digest(string(content))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// String leaves a policy's namespace out, which is the pod's: a restore may change it.
func (i identity) String() string {
	return strings.Join([]string{strings.ToLower(i.policy.Kind()), i.policy.Name, i.hook, i.container}, "/")
}

// name is the container's name on the pod.
func (i identity) name() string {
	plain := namePrefix + i.policy.Name + "-" + i.hook + "-" + i.container
	// The name of a policy may have dots, that of a container not.
	if name := strings.ReplaceAll(plain, ".", "-"); name == plain && len(name) <= maxName {
		return name
	}
	return i.hashedName()
}

// hashedName is for where the plain one is too long, or taken.
func (i identity) hashedName() string {
	suffix := "-" + digest(i.String())
	plain := strings.ReplaceAll(namePrefix+i.policy.Name+"-"+i.hook+"-"+i.container, ".", "-")
	return strings.TrimRight(plain[:min(len(plain), maxName-len(suffix))], "-") + suffix
}

// identify returns the identity of an init container that is ours; false for any other.
func identify(container *corev1.Container, namespace string) (identity, bool) {
	if !strings.HasPrefix(container.Name, namePrefix) {
		return identity{}, false
	}
	for i := range container.Env {
		if container.Env[i].Name != v1alpha1.InitEnv {
			continue
		}
		parts := strings.Split(container.Env[i].Value, "/")
		if len(parts) != 5 {
			return identity{}, false
		}
		found := identity{match.Ref{Name: parts[1]}, parts[2], parts[3]}
		if parts[0] != strings.ToLower(found.policy.Kind()) {
			found.policy.Namespace = namespace
		}
		ours := parts[0] == strings.ToLower(found.policy.Kind()) && (container.Name == found.name() || container.Name == found.hashedName())
		return found, ours
	}
	return identity{}, false
}

// PreparedBy is the policy for which an init container was added to a pod of a namespace; false where it is not ours.
func PreparedBy(container *corev1.Container, namespace string) (match.Ref, bool) {
	found, ours := identify(container, namespace)
	return found.policy, ours
}
