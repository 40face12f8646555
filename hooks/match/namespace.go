package match

import (
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// systemNamespace never takes part, whatever its labels say.
const systemNamespace = "kube-system"

// Namespace is what matching needs to know of a namespace.
type Namespace struct {
	Name   string
	Labels map[string]string
	// unknown is true when there may be more labels than Labels has.
	unknown bool
}

// UnknownNamespace is a namespace of which only the name is known, and that it has opted in. A policy whose
// namespaceSelector reads any other label does not select it, since what the label says cannot be told: neither that it
// has some value, nor that it has not.
func UnknownNamespace(name string) Namespace {
	return Namespace{
		Name: name,
		Labels: map[string]string{
			v1alpha1.NamespaceNameLabel: name,
			v1alpha1.HooksLabel:         v1alpha1.HooksEnabled,
		},
		unknown: true,
	}
}

// Scope says which namespaces may take part at all.
type Scope struct {
	// Own is the namespace in which Quiesce itself runs. It never takes part, and neither does kube-system.
	Own string
	// Excluded are further namespaces that never take part.
	Excluded []string
}

// Exclude adds namespaces to Excluded, separated by commas. It never fails; it is a flag's value.
func (s *Scope) Exclude(names string) error {
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name != "" {
			s.Excluded = append(s.Excluded, name)
		}
	}
	return nil
}

// MayTakePart tells whether a namespace could opt in. For the admission path, where being called proves that it has.
func (s Scope) MayTakePart(namespace string) bool {
	return namespace != systemNamespace && namespace != s.Own && !slices.Contains(s.Excluded, namespace)
}

// OptedIn tells whether a namespace takes part: it may, and carries the label quiesce.io/hooks=enabled.
func (s Scope) OptedIn(namespace Namespace) bool {
	return namespace.Labels[v1alpha1.HooksLabel] == v1alpha1.HooksEnabled && s.MayTakePart(namespace.Name)
}
