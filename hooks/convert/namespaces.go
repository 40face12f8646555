package convert

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// filter is a pair of lists of namespaces: names or globs. Of included, empty is all; what is excluded wins.
type filter struct{ included, excluded []string }

var namespaceGlob = regexp.MustCompile(`^[a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?$`)

// namespaces selects those of the hooks, narrowed to those that their Backup or Restore has. False, with a reason, says that there are none.
func (d *draft) namespaces(entry, own filter, owner string) (string, bool) {
	included, lost := d.globs(pathIncluded, entry.included)
	if len(included) == 0 && lost {
		return "none of its includedNamespaces can be said in a policy", false
	}
	within, lost := d.globs(pathIncluded, own.included)
	if len(within) == 0 && lost {
		return "none of the includedNamespaces of its " + owner + " can be said in a policy", false
	}
	narrowed, unsure := intersect(included, within)
	if len(narrowed) == 0 && len(included) > 0 {
		return "its " + owner + " includes none of its namespaces", false
	}
	if !slices.Equal(narrowed, included) {
		d.comments.add(pathIncluded, "Those that the %s includes.", owner)
	}
	if len(unsure) > 0 {
		d.comments.add(pathIncluded, "The %s includes %s: that cannot be joined with %s, which may now select more than Velero did. Write the names.",
			owner, list(within), list(unsure))
	}
	excluded, _ := d.globs(pathExcluded, slices.Concat(entry.excluded, own.excluded))
	if slices.Contains(excluded, "*") {
		return "every namespace is excluded", false
	}
	narrowed, excluded = tidy(narrowed, excluded)
	switch {
	case len(narrowed) == 0 && (len(included) > 0 || len(within) > 0):
		return "every namespace that it includes is excluded", false
	case len(narrowed) > maxNamespaces || len(excluded) > maxNamespaces:
		return "a policy lists at most 256 namespaces: label them, and write a namespaceSelector", false
	}
	for _, name := range narrowed {
		d.spec.Selector.IncludedNamespaces = append(d.spec.Selector.IncludedNamespaces, v1alpha1.NamespaceGlob(name))
	}
	for _, name := range excluded {
		d.spec.Selector.ExcludedNamespaces = append(d.spec.Selector.ExcludedNamespaces, v1alpha1.NamespaceGlob(name))
	}
	return "", true
}

// globs are patterns of Velero's as a policy has them; none for all namespaces. Lost says that there are some that it cannot have.
func (d *draft) globs(field string, patterns []string) (globs []string, lost bool) {
	for _, pattern := range patterns {
		expanded, ok := expand(pattern)
		if !ok {
			lost = true
			effect := "the policy runs in fewer namespaces than Velero's hooks did"
			if field == pathExcluded {
				effect = "the policy runs in more namespaces than Velero's hooks did"
			}
			d.comments.add(field, "Left out: %s, which is no name, and no glob of * and ? such as a policy has. Where it matches any namespace, %s: write the names.", quoted(pattern), effect)
		}
		for _, glob := range expanded {
			if glob == "*" && field != pathExcluded {
				return nil, false
			}
			if !slices.Contains(globs, glob) {
				globs = append(globs, glob)
			}
		}
	}
	return globs, lost
}

// expand turns a glob of Velero's (github.com/gobwas/glob) into such as a policy has: alternatives in braces one by one, ** as *.
func expand(pattern string) ([]string, bool) {
	const most = 64
	pending, done := []string{pattern}, []string(nil)
	for len(pending) > 0 {
		first := pending[0]
		pending = pending[1:]
		start, end := strings.IndexByte(first, '{'), strings.IndexByte(first, '}')
		if start < 0 {
			for strings.Contains(first, "**") {
				first = strings.ReplaceAll(first, "**", "*")
			}
			if len(first) > maxName || !namespaceGlob.MatchString(first) {
				return nil, false
			}
			done = append(done, first)
			continue
		}
		if end < start || strings.Contains(first[start+1:end], "{") {
			return nil, false
		}
		for choice := range strings.SplitSeq(first[start+1:end], ",") {
			pending = append(pending, first[:start]+choice+first[end+1:])
		}
		if len(pending)+len(done) > most {
			return nil, false
		}
	}
	return done, true
}

// intersect is what two lists of globs have in common, where none is all. Unsure are those of the first of which it cannot be said, and which
// are in the result whole.
func intersect(a, b []string) (both, unsure []string) {
	switch {
	case len(b) == 0:
		return a, nil
	case len(a) == 0:
		return b, nil
	}
	add := func(glob string) {
		if !slices.Contains(both, glob) {
			both = append(both, glob)
		}
	}
	for _, one := range a {
		if slices.ContainsFunc(b, func(other string) bool { return within(one, other) }) {
			add(one)
			continue
		}
		open := false
		for _, other := range b {
			switch {
			case within(other, one):
				add(other)
			case overlap(one, other):
				open = true
			}
		}
		if open {
			add(one)
			unsure = append(unsure, one)
		}
	}
	return both, unsure
}

// within tells whether all that a glob matches is matched by another, as far as that is plain to see.
func within(glob, other string) bool {
	if glob == other {
		return true
	}
	if strings.ContainsRune(glob, '*') && strings.ContainsRune(other, '?') {
		return false // the ? would be taken to match the *
	}
	matched, err := path.Match(other, glob)
	return matched && err == nil
}

// overlap tells whether two globs may match the same name, by how they begin.
func overlap(a, b string) bool {
	a, b = prefix(a), prefix(b)
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

func prefix(glob string) string {
	if i := strings.IndexAny(glob, "*?"); i >= 0 {
		return glob[:i]
	}
	return glob
}

// tidy takes names that are excluded out of both lists, where no globs are included.
func tidy(included, excluded []string) (left, still []string) {
	if len(included) == 0 || slices.ContainsFunc(included, isGlob[string]) {
		return included, excluded
	}
	for _, name := range included {
		if !slices.ContainsFunc(excluded, func(glob string) bool { return within(name, glob) }) {
			left = append(left, name)
		}
	}
	return left, nil
}

func isGlob[S ~string](name S) bool { return strings.ContainsAny(string(name), "*?") }

func list(texts []string) string { return printable(strings.Join(texts, ", ")) }

// hasPods tells whether pods are among resources. Velero takes whatever kubectl does, and matches the rest as globs.
func hasPods(included, excluded []string) bool {
	return (len(included) == 0 || namePods(included)) && !namePods(excluded)
}

func namePods(resources []string) bool {
	return slices.ContainsFunc(resources, func(resource string) bool {
		if slices.Contains([]string{"*", "pods", "pod", "po", "pods.v1", "v1/pods"}, resource) {
			return true
		}
		matched, err := path.Match(resource, "pods")
		return matched && err == nil
	})
}
