package keeper

import (
	"maps"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
)

// memory is what the latest survey found, so that the next one judges only pods that have changed: of ten thousand that are
// being stamped, a few hundred. A new set of policies, or new labels of a namespace, make it worthless.
type memory struct {
	set        *policies.Set
	namespaces map[string]rememberedNamespace
}

type rememberedNamespace struct {
	labels map[string]string
	pods   map[string]judged // by name
}

// judged is what was found of a pod in one version. No two pods have the same version, one after the other neither.
type judged struct {
	version string
	finding Finding
	some    bool
}

// recall is the memory as far as it is good for a set.
func (m memory) recall(set *policies.Set) memory {
	if m.set != set {
		return memory{}
	}
	return m
}

// of are the pods of a namespace as they were judged with the labels that it has.
func (m memory) of(namespace match.Namespace) map[string]judged {
	if known := m.namespaces[namespace.Name]; maps.Equal(known.labels, namespace.Labels) {
		return known.pods
	}
	return nil
}

// begin makes room for the pods of a namespace.
func (m *memory) begin(namespace match.Namespace, pods int) map[string]judged {
	if m.namespaces == nil {
		m.namespaces = map[string]rememberedNamespace{}
	}
	seen := make(map[string]judged, pods)
	m.namespaces[namespace.Name] = rememberedNamespace{namespace.Labels, seen}
	return seen
}
