package match

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxImageBytes is how long an image may be to be looked at. A valid reference has 255 bytes of name, 128 of tag and a
// digest (https://github.com/distribution/reference); more is not one, and would only keep a regular expression busy.
const maxImageBytes = 1024

// images are the patterns of a policy for the images of containers.
type images struct {
	included, excluded []*regexp.Regexp
}

func compileImages(selector *v1alpha1.PolicySelector) (compiled images, mistakes []error) {
	included, mistakes := compilePatterns("spec.selector.containerImages", selector.ContainerImages)
	excluded, more := compilePatterns("spec.selector.excludedContainerImages", selector.ExcludedContainerImages)
	return images{included, excluded}, append(mistakes, more...)
}

func compilePatterns(field string, patterns []v1alpha1.ImagePattern) (compiled []*regexp.Regexp, mistakes []error) {
	for i, pattern := range patterns {
		expression, err := Expression(string(pattern))
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s[%d]: %w: write one in RE2's syntax, such as (^|/)postgres: "+
				"(RE2 has no look-around: use excludedContainerImages)", field, i, err))
			continue
		}
		compiled = append(compiled, expression)
	}
	return compiled, mistakes
}

// any tells whether there are no patterns, so that every image matches.
func (i images) any() bool { return len(i.included) == 0 && len(i.excluded) == 0 }

// match tells whether a container with this image counts. Exclusion wins.
func (i images) match(image string) bool {
	return i.any() || i.includes(image) && !matchesImage(i.excluded, image)
}

// includes tells whether a container with this image counts, unless it is excluded.
func (i images) includes(image string) bool {
	return len(image) <= maxImageBytes && (len(i.included) == 0 || matchesImage(i.included, image))
}

func matchesImage(patterns []*regexp.Regexp, image string) bool {
	return slices.ContainsFunc(patterns, func(pattern *regexp.Regexp) bool { return pattern.MatchString(image) })
}

// selects tells whether any container of the pod counts.
func (i images) selects(pod Pod) bool {
	return i.any() || slices.ContainsFunc(pod.Containers, func(container Container) bool { return i.match(container.Image) })
}
