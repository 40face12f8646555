package match

import (
	"fmt"
	"path"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// glob is the name of a namespace, in which * stands for any number of characters and ? for one. The syntax is that of
// path.Match; the CRD lets none of its other special characters in.
type glob string

func compileGlobs(field string, patterns []v1alpha1.NamespaceGlob) (globs []glob, mistakes []error) {
	globs = make([]glob, 0, len(patterns))
	for i, pattern := range patterns {
		if _, err := path.Match(string(pattern), ""); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s[%d]: %q is not a glob: write a name, or * and ? in it, such as shop-*", field, i, pattern))
			continue
		}
		globs = append(globs, glob(pattern))
	}
	return globs, mistakes
}

func (g glob) matches(name string) bool {
	if g == "*" {
		return true
	}
	matched, err := path.Match(string(g), name)
	return matched && err == nil
}

func matchesAny(globs []glob, name string) bool {
	for _, g := range globs {
		if g.matches(name) {
			return true
		}
	}
	return false
}
