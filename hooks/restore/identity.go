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
// environment and decides its name: a container that has both is ours, whatever backup it has come through.
type identity struct {
	// kind of the policy, in lower case, and its name. The namespace is the pod's, which a restore may change.
	kind, policy    string
	hook, container string
}

func identityOf(policy match.Ref, hook, container string) identity {
	return identity{strings.ToLower(policy.Kind()), policy.Name, hook, container}
}

// ref is the policy, on a pod of a namespace.
func (i identity) ref(namespace string) match.Ref {
	if cluster := (match.Ref{Name: i.policy}); i.kind == strings.ToLower(cluster.Kind()) {
		return cluster
	}
	return match.Ref{Namespace: namespace, Name: i.policy}
}

const (
	namePrefix = "quiesce-"
	// maxName is how long the name of a container may be
	// (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names).
	maxName = 63
)

// mark is what stands in the container's environment: the identity, and a digest of all that we wrote and of the restore. By
// it a container that we have added for this restore, and that others may have changed since, is told from one of the past.
func (i identity) mark(container *corev1.Container, marker Marker) string {
	content, err := json.Marshal(container)
	if err != nil {
		panic(err) // what was decoded always marshals
	}
	return i.String() + "/" + digest(string(content)+marker.Value)
}

// markOf is the mark of a container, or empty.
func markOf(container *corev1.Container) string {
	for i := range container.Env {
		if container.Env[i].Name == v1alpha1.InitEnv {
			return container.Env[i].Value
		}
	}
	return ""
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

func (i identity) String() string {
	return strings.Join([]string{i.kind, i.policy, i.hook, i.container}, "/")
}

// plainName may be too long, and have dots.
func (i identity) plainName() string {
	return namePrefix + i.policy + "-" + i.hook + "-" + i.container
}

// name is the container's name on the pod.
func (i identity) name() string {
	// The name of a policy may have dots, that of a container not.
	if plain := i.plainName(); !strings.Contains(plain, ".") && len(plain) <= maxName {
		return plain
	}
	return i.hashedName()
}

// hashedName is for where the plain one is too long, or taken.
func (i identity) hashedName() string {
	suffix := "-" + digest(i.String())
	plain := strings.ReplaceAll(i.plainName(), ".", "-")
	return strings.TrimRight(plain[:min(len(plain), maxName-len(suffix))], "-") + suffix
}

// identify returns the identity of an init container that is ours; false for any other.
func identify(container *corev1.Container) (identity, bool) {
	parts := strings.Split(markOf(container), "/")
	if !strings.HasPrefix(container.Name, namePrefix) || len(parts) != 5 {
		return identity{}, false
	}
	found := identity{parts[0], parts[1], parts[2], parts[3]}
	return found, container.Name == found.name() || container.Name == found.hashedName()
}

// isOurs tells whether an init container was added by us.
func isOurs(container *corev1.Container) bool {
	_, ours := identify(container)
	return ours
}
