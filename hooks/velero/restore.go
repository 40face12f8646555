package velero

import (
	"slices"
	"strings"
)

// GoesTo tells whether a restore may bring pods into a namespace, by the name that the namespace has here. The lists of a Restore
// are names and globs of namespaces in the backup, of which the mapping renames some on the way (velero: pkg/restore/restore.go,
// getOrderedResourceCollection and getSelectedRestoreableItems; pkg/util/collections, IncludesExcludes.ShouldInclude). What the
// backup has in it is known from its spec, of; nil where that is not known. Alternatives in braces are not told from other
// characters: Velero's CLI parts its lists at commas, so that nobody writes any.
func (s *RestoreSpec) GoesTo(namespace string, of *BackupSpec) bool {
	if !s.bringsPods() {
		return false
	}
	return slices.ContainsFunc(s.sources(namespace), func(source string) bool {
		return s.includes(source) && (of == nil || of.CoversPods(source))
	})
}

// sources are the namespaces of a backup that would come to a namespace.
func (s *RestoreSpec) sources(namespace string) []string {
	var sources []string
	if _, goesElsewhere := s.NamespaceMapping[namespace]; !goesElsewhere {
		sources = append(sources, namespace)
	}
	for source, target := range s.NamespaceMapping {
		if target == namespace {
			sources = append(sources, source)
		}
	}
	return sources
}

// includes tells whether a restore takes anything of a namespace of the backup.
func (s *RestoreSpec) includes(source string) bool {
	return (len(s.IncludedNamespaces) == 0 || matchesAny(restoreGlobs(s.IncludedNamespaces), source)) &&
		!matchesAny(restoreGlobs(s.ExcludedNamespaces), source)
}

// bringsPods tells whether pods are among what is restored. A name of a resource that Velero cannot resolve is a glob to it, and a
// star excludes nothing.
func (s *RestoreSpec) bringsPods() bool {
	excluded := slices.DeleteFunc(slices.Clone(s.ExcludedResources), func(resource string) bool { return resource == "*" })
	return (len(s.IncludedResources) == 0 || restorePods(s.IncludedResources)) && !restorePods(excluded)
}

func restorePods(resources []string) bool {
	return namePods(resources) || matchesAny(restoreGlobs(resources), "pods")
}

// restoreGlobs are Velero's globs in the syntax of path.Match, which writes [^a] for [!a] (https://pkg.go.dev/github.com/gobwas/glob).
func restoreGlobs(patterns []string) []string {
	globs := make([]string, 0, len(patterns))
	for _, pattern := range patterns {
		globs = append(globs, strings.ReplaceAll(pattern, "[!", "[^"))
	}
	return globs
}
