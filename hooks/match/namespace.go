package match

import "github.com/quiesce-io/quiesce/hooks/v1alpha1"

// systemNamespace never takes part, whatever its labels say.
const systemNamespace = "kube-system"

// Namespace is what matching needs to know of a namespace.
type Namespace struct {
	Name   string
	Labels map[string]string
}

// OptedIn tells whether a namespace takes part: it carries the label quiesce.io/hooks=enabled and is neither kube-system
// nor the namespace in which Quiesce itself runs.
func (n Namespace) OptedIn(release string) bool {
	return n.Labels[v1alpha1.HooksLabel] == v1alpha1.HooksEnabled && n.MayTakePart(release)
}

// MayTakePart tells whether a namespace could opt in at all. For the admission path, where being called proves the label.
func (n Namespace) MayTakePart(release string) bool {
	return n.Name != systemNamespace && n.Name != release
}
