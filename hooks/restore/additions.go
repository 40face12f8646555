package restore

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
)

// Addition is an init container that a restored pod is to have, and the hook of which it is.
type Addition struct {
	Policy    match.Ref
	Hook      string
	Container corev1.Container
}

// Additions are the init containers that Decide wants a pod of a namespace to have, in their order, whether it has them or not.
func (p *Policies) Additions(namespace match.Namespace, pod Pod) []Addition {
	var additions []Addition
	for _, container := range p.plan(namespace, pod).wanted {
		id, _ := identify(&container)
		additions = append(additions, Addition{Policy: id.ref(namespace.Name), Hook: id.hook, Container: container})
	}
	return additions
}
