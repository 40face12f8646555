package webhook

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// gating are the policies for which Velero's objects wait, of one index.
type gating struct {
	index             *match.Index
	backups, restores coverage
}

func newGating(index *match.Index) *gating {
	all := &gating{index: index}
	for _, policy := range index.Policies() {
		if policy.Spec.Velero.Mode == v1alpha1.VeleroSession && hasStage(policy, v1alpha1.BackupStages...) {
			all.backups.add(policy)
		}
		// In either mode: Velero has no hooks of before a restore.
		if hasStage(policy, v1alpha1.PreRestore) {
			all.restores.add(policy)
		}
	}
	return all
}

// hasStage tells whether a policy has hooks in any of some stages.
func hasStage(policy *match.Policy, stages ...v1alpha1.Stage) bool {
	return slices.ContainsFunc(policy.Spec.Hooks, func(hook v1alpha1.Hook) bool {
		return slices.ContainsFunc(stages, func(stage v1alpha1.Stage) bool { return slices.Contains(hook.Stages, stage) })
	})
}

// coverage tells which namespaces some policies cover between them. A cluster may have thousands of both, so that a namespace looks at few
// policies: they are filed under what the names of their namespaces begin with. What was found is remembered as long as the
// namespace has the same labels.
type coverage struct {
	byPrefix map[string][]*match.Policy

	lock  sync.Mutex
	known map[string]covered
}

// covered is whether a namespace was, when it had these labels.
type covered struct {
	labels map[string]string
	is     bool
}

func (c *coverage) add(policy *match.Policy) {
	if c.byPrefix == nil {
		c.byPrefix = map[string][]*match.Policy{}
	}
	for _, prefix := range prefixesOf(policy) {
		c.byPrefix[prefix] = append(c.byPrefix[prefix], policy)
	}
}

// nothing tells whether there is no policy at all.
func (c *coverage) nothing() bool { return len(c.byPrefix) == 0 }

func (c *coverage) namespace(namespace match.Namespace) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	if known, found := c.known[namespace.Name]; found && maps.Equal(known.labels, namespace.Labels) {
		return known.is
	}
	if c.known == nil {
		c.known = map[string]covered{}
	}
	is := c.find(namespace)
	c.known[namespace.Name] = covered{namespace.Labels, is}
	return is
}

func (c *coverage) find(namespace match.Namespace) bool {
	for end := range len(namespace.Name) + 1 {
		if slices.ContainsFunc(c.byPrefix[namespace.Name[:end]], func(policy *match.Policy) bool { return policy.Covers(namespace) }) {
			return true
		}
	}
	return false
}

// prefixesOf are what the names of all namespaces begin with that a policy may cover.
func prefixesOf(policy *match.Policy) []string {
	if policy.Namespace != "" {
		return []string{policy.Namespace}
	}
	included := policy.Spec.Selector.IncludedNamespaces
	if len(included) == 0 {
		return []string{""}
	}
	var prefixes []string
	for _, glob := range included {
		prefix := string(glob)
		if special := strings.IndexAny(prefix, `*?[\`); special >= 0 {
			prefix = prefix[:special]
		}
		prefixes = append(prefixes, prefix)
	}
	slices.Sort(prefixes)
	return slices.Compact(prefixes)
}
