package match

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// Line is what a pod and its namespace are to one line of a selector.
type Line struct {
	// Field that has the line, such as spec.selector.labelSelector.
	Field string
	// Holds is true where the pod is not kept out by the line.
	Holds bool
	// Message is what the line wants and what there is: app In (postgres), the pod has app=redis.
	Message string
}

// String is the line in a sentence.
func (l Line) String() string { return l.Field + ": " + l.Message }

// Lines are those of a selector that say anything.
type Lines []Line

// Hold tells whether all of them do, so that the selector selects the pod.
func (l Lines) Hold() bool { return len(l.Failing()) == 0 }

// Failing are those by which the selector does not select the pod.
func (l Lines) Failing() Lines {
	return slices.DeleteFunc(slices.Clone(l), func(line Line) bool { return line.Holds })
}

// Explain says by which lines of its selector the policy selects a pod of a namespace, or does not. They hold exactly where
// Index.Match finds the policy.
func (p *Policy) Explain(namespace Namespace, pod Pod) Lines {
	var lines Lines
	if len(p.included) > 0 {
		lines = append(lines, p.explainIncluded(namespace))
	}
	if len(p.excluded) > 0 {
		lines = append(lines, p.explainExcluded(namespace))
	}
	lines = append(lines, explainSelector("spec.selector.namespaceSelector", p.namespaceSelector, namespace.Labels, "the namespace", namespace.unknown)...)
	lines = append(lines, explainSelector("spec.selector.labelSelector", p.labelSelector, pod.Labels, "the pod", false)...)
	return append(lines, p.images.explain(pod)...)
}

// ExplainHook says the same of a hook of the policy, by its place in the spec, and a pod that the policy selects. The lines hold
// exactly where SelectsHook does.
func (p *Policy) ExplainHook(hook int, podLabels map[string]string) Lines {
	if len(p.hookSelectors) == 0 || p.hookSelectors[hook] == nil {
		return nil
	}
	field := fmt.Sprintf("spec.hooks[%s].labelSelector", p.Spec.Hooks[hook].Name)
	return explainSelector(field, p.hookSelectors[hook], podLabels, "the pod", false)
}

func (p *Policy) explainIncluded(namespace Namespace) Line {
	line := Line{Field: "spec.selector.includedNamespaces", Holds: p.includes(namespace)}
	if p.Namespace != "" {
		line.Field = "metadata.namespace"
	}
	if line.Holds {
		line.Message = fmt.Sprintf("%q matches namespace %s", firstGlob(p.included, namespace), namespace.Name)
	} else {
		line.Message = fmt.Sprintf("%s namespace %s", matchNone(p.included), namespace.Name)
	}
	return line
}

func (p *Policy) explainExcluded(namespace Namespace) Line {
	line := Line{Field: "spec.selector.excludedNamespaces", Holds: !p.excludes(namespace)}
	if line.Holds {
		line.Message = fmt.Sprintf("%s namespace %s", matchNone(p.excluded), namespace.Name)
	} else {
		line.Message = fmt.Sprintf("%q matches namespace %s", firstGlob(p.excluded, namespace), namespace.Name)
	}
	return line
}

func firstGlob(globs []glob, namespace Namespace) glob {
	return globs[slices.IndexFunc(globs, func(g glob) bool { return g.matches(namespace.Name) })]
}

// matchNone is: "a" does not match, or: none of "a", "b" matches.
func matchNone[Pattern ~string](patterns []Pattern) string {
	if len(patterns) == 1 {
		return quoted(patterns) + " does not match"
	}
	return "none of " + quoted(patterns) + " matches"
}

func quoted[Text ~string](texts []Text) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = `"` + string(text) + `"` // as its author wrote it: a regular expression has backslashes
	}
	return strings.Join(all, ", ")
}

// explainSelector has a line for each requirement of a selector. Unknown is true where there may be more labels.
func explainSelector(field string, selector labels.Selector, present map[string]string, who string, unknown bool) (lines Lines) {
	requirements, _ := selector.Requirements()
	for _, requirement := range requirements {
		line := Line{Field: field, Holds: requirement.Matches(labels.Set(present))}
		value, has := present[requirement.Key()]
		switch wanted := inWords(requirement); {
		case unknown && readsLabel(requirement):
			line.Holds, line.Message = false, fmt.Sprintf("%s, and the labels of %s are not known", wanted, who)
		case has:
			line.Message = fmt.Sprintf("%s, %s has %s=%s", wanted, who, requirement.Key(), value)
		default:
			line.Message = fmt.Sprintf("%s, %s has no label %s", wanted, who, requirement.Key())
		}
		lines = append(lines, line)
	}
	return lines
}

// inWords is a requirement as its author wrote it: under matchLabels app=postgres, and else app In (postgres).
func inWords(requirement labels.Requirement) string {
	values := requirement.ValuesUnsorted()
	slices.Sort(values)
	operator := requirement.Operator()
	word := map[selection.Operator]string{selection.In: "In", selection.NotIn: "NotIn", selection.Exists: "Exists", selection.DoesNotExist: "DoesNotExist"}[operator]
	switch {
	case word == "":
		return requirement.Key() + string(operator) + strings.Join(values, ",")
	case len(values) == 0:
		return requirement.Key() + " " + word
	}
	return fmt.Sprintf("%s %s (%s)", requirement.Key(), word, strings.Join(values, ", "))
}

func (i images) explain(pod Pod) (lines Lines) {
	if i.any() {
		return nil
	}
	included := slices.DeleteFunc(slices.Clone(pod.Containers), func(container Container) bool { return !i.includes(container.Image) })
	if len(i.included) > 0 {
		lines = append(lines, Line{Field: "spec.selector.containerImages", Holds: len(included) > 0, Message: i.explainIncluded(pod, included)})
	}
	if len(i.excluded) > 0 && (len(included) > 0 || len(i.included) == 0) {
		lines = append(lines, Line{Field: "spec.selector.excludedContainerImages", Holds: i.selects(pod), Message: i.explainExcluded(included)})
	}
	return lines
}

func (i images) explainIncluded(pod Pod, included []Container) string {
	switch {
	case len(pod.Containers) == 0:
		return quoted(patterns(i.included)) + ", the pod has no containers"
	case len(included) == 0:
		verb := cmp.Or(map[int]string{1: "matches"}[len(i.included)], "match")
		return fmt.Sprintf("%s %s none of %s", quoted(patterns(i.included)), verb, inSentence(pod.Containers))
	}
	for _, pattern := range i.included {
		if pattern.MatchString(included[0].Image) {
			return quoted([]string{pattern.String()}) + " matches " + inSentence(included[:1])
		}
	}
	panic("an image is included by no pattern")
}

func (i images) explainExcluded(included []Container) string {
	for _, container := range included {
		if !matchesImage(i.excluded, container.Image) {
			return matchNone(patterns(i.excluded)) + " " + inSentence([]Container{container})
		}
	}
	if len(included) == 0 {
		return quoted(patterns(i.excluded)) + ", the pod has no containers"
	}
	return quoted(patterns(i.excluded)) + " leaves none of " + inSentence(included)
}

func patterns(compiled []*regexp.Regexp) []string {
	all := make([]string, len(compiled))
	for i, pattern := range compiled {
		all[i] = pattern.String()
	}
	return all
}

// inSentence is containers with their images: db (postgres:15), log (busybox:1.36).
func inSentence(containers []Container) string {
	all := make([]string, len(containers))
	for i, container := range containers {
		image := container.Image
		if len(image) > maxImageBytes {
			image = "an image of more than 1 KiB, which none is"
		}
		all[i] = fmt.Sprintf("%s (%s)", container.Name, image)
	}
	return strings.Join(all, ", ")
}
