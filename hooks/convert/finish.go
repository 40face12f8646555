package convert

import (
	"maps"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// finish makes the policies of a draft, or says why there is none.
func (c *converter) finish(d *draft) {
	for _, s := range sides {
		d.comments[pathHooks] = append(d.comments[pathHooks], d.broken[s]...)
	}
	d.arrange()
	left := d.comments[pathHooks]
	switch {
	case len(d.spec.Hooks) == 0 && d.spec.Template == nil:
		for _, sentence := range slices.Concat(left, d.remarks) {
			c.leave("%s: %s", d.what, sentence)
		}
		if len(left)+len(d.remarks) == 0 {
			c.leave("%s: it has no hooks that %s runs", d.what, d.tool.name)
		}
		return
	case len(d.spec.Hooks) > maxHooks:
		c.leave("%s: it has %d hooks, and a policy may have %d: join commands that belong together, and convert it again", d.what, len(d.spec.Hooks), maxHooks)
		return
	}
	if err := match.Check(match.Ref{Name: d.name}, &d.spec); err != nil {
		c.leave("%s: %s", d.what, printable(err.Error()))
		return
	}
	for _, sentence := range slices.Concat(left, d.lost) {
		c.leave("%s: %s", d.what, sentence)
	}
	d.comments[pathTop] = append(d.comments[pathTop], d.remarks...)
	if slices.Contains(d.spec.Selector.IncludedNamespaces, "kube-system") {
		d.comments.add(pathIncluded, "Pods of kube-system never take part, whatever a policy says: leave their hooks to %s.", d.tool.name)
	}
	c.emit(d)
}

// emit names the policies, in one namespace each where that is wanted.
func (c *converter) emit(d *draft) {
	included := d.spec.Selector.IncludedNamespaces
	if c.options.Namespaced && len(included) > 0 && !slices.ContainsFunc(included, isGlob[v1alpha1.NamespaceGlob]) {
		for _, namespace := range included {
			own := maps.Clone(d.comments)
			own[pathTop] = slices.Concat(own[pathTop], []string{optIn(namespace)})
			spec := d.spec.DeepCopy()
			spec.Selector.IncludedNamespaces = nil
			c.result.Policies = append(c.result.Policies, Policy{
				Kind: kindNamespaced, Name: c.names.unique(string(namespace), d.name), Namespace: string(namespace), Spec: *spec, comments: own,
			})
		}
		return
	}
	if c.options.Namespaced {
		d.comments.add(pathTop, "A HookPolicy, since a NamespacedHookPolicy is for one namespace, and the hooks name none, or globs.")
	}
	d.comments[pathTop] = append(d.comments[pathTop], optIn(included...))
	c.result.Policies = append(c.result.Policies, Policy{Kind: kindCluster, Name: c.names.unique("", d.name), Spec: d.spec, comments: d.comments})
}

// optIn says how namespaces take part.
func optIn(namespaces ...v1alpha1.NamespaceGlob) string {
	var names []string
	for _, namespace := range namespaces {
		names = append(names, shell(string(namespace)))
	}
	if len(names) == 0 || slices.ContainsFunc(namespaces, isGlob[v1alpha1.NamespaceGlob]) {
		names = []string{"NAMESPACE"}
	}
	return "Namespaces take part when they have opted in:\nkubectl label namespace " + strings.Join(names, " ") + " quiesce.io/hooks=enabled"
}
