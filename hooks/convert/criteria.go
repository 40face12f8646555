package convert

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	pathImages      = "spec.selector.containerImages"
	pathFirst       = pathHooks + "[0]"
	maxImagePattern = 256
)

func (c criterion) is(kind string) bool { return strings.EqualFold(c.Type, kind) }

// criteria takes the filters of hooks into the policy's selector, but for those of namespaces, and returns the container that they name.
func (d *draft) criteria(hook *netappHook) (container string) {
	ofContainers := false
	var labelled []*metav1.LabelSelector
	for _, filter := range hook.criteria {
		switch {
		case filter.is("namespaceName"):
		case filter.is("containerImage"):
			ofContainers = true
			d.imageFilter(filter.Value)
		case filter.is("containerName"):
			ofContainers = true
			container = d.containerFilter(filter.Value, container)
		case filter.is("podLabel"):
			if selector := d.labelFilter(filter.Value); selector != nil {
				labelled = append(labelled, selector)
			}
		case filter.is("podName"):
			d.comments.add(pathLabels, "Left out: podName %s, since policies select pods by their labels. More pods may be selected: write a label that only these have, "+
				"such as statefulset.kubernetes.io/pod-name for one of a StatefulSet.", quoted(filter.Value))
		default:
			d.comments.add(pathSelector, "Left out: a filter of type %s, which is not known here: %s.", quoted(filter.Type), quoted(filter.Value))
		}
	}
	d.narrow(labelled)
	if ofContainers {
		d.comments.add(pathFirst, "These hooks ran in every container that the filters match. Here it is one in each pod: container, or the first whose image matches.")
	} else {
		d.comments.add(pathFirst, "These hooks ran in every container of the pods, as no filter names any. Here it is one in each pod, the first: write container for another.")
	}
	return container
}

func (d *draft) imageFilter(value string) {
	images := &d.spec.Selector.ContainerImages
	_, err := compilePattern(value)
	switch {
	case err != nil:
		d.comments.add(pathImages, "Left out: %s, which is no regular expression (RE2): %s.", quoted(value), printable(err.Error()))
	case len(value) > maxImagePattern:
		d.comments.add(pathImages, "Left out: %s, which has more than %d characters.", quoted(value), maxImagePattern)
	case len(*images) > 0:
		d.comments.add(pathImages, "Left out: %s, which had to match as well. Of several here one is enough: write one expression for both.", quoted(value))
	default:
		*images = append(*images, v1alpha1.ImagePattern(value))
	}
}

// containerFilter is the container that a filter names, or the one named before.
func (d *draft) containerFilter(value, before string) string {
	name, whole := literal(value)
	switch {
	case len(validation.IsDNS1123Label(name)) > 0:
		d.comments.add(pathFirst, "Left out: containerName %s, since a hook here names one container: write it.", quoted(value))
		return before
	case before != "" && before != name:
		d.comments.add(pathFirst, "Left out: containerName %s, which had to match as well.", quoted(value))
		return before
	case !whole:
		d.comments.add(pathFirst, "As a regular expression, containerName %s matched any name with that in it.", quoted(value))
	}
	return name
}

// labelFilter is the label that a filter wants; nil where it wants what no selector can say.
func (d *draft) labelFilter(value string) *metav1.LabelSelector {
	label, whole := literal(value)
	key, is, found := strings.Cut(label, "=")
	if !found || len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(is)) > 0 {
		d.comments.add(pathLabels, "Left out: podLabel %s, which is no label with its value. More pods may be selected.", quoted(value))
		return nil
	}
	if !whole {
		d.comments.add(pathLabels, "As a regular expression, podLabel %s matched any label with that in it.", quoted(value))
	}
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: is}}
}

// narrow adds labels that pods must have too.
func (d *draft) narrow(selectors []*metav1.LabelSelector) {
	if len(selectors) == 0 {
		return
	}
	if own := d.spec.Selector.LabelSelector; own != nil {
		selectors = append([]*metav1.LabelSelector{plainSelector(own)}, selectors...)
	}
	joined, err := selectLabels(selectors...)
	if err != nil {
		d.comments.add(pathLabels, "Left out: labels of filters: %s.", printable(err.Error()))
		return
	}
	d.spec.Selector.LabelSelector = joined
}

// plainSelector is one of ours as one of Kubernetes's.
func plainSelector(selector *v1alpha1.LabelSelector) *metav1.LabelSelector {
	plain := &metav1.LabelSelector{}
	for _, key := range slices.Sorted(maps.Keys(selector.MatchLabels)) {
		metav1.AddLabelToSelector(plain, key, string(selector.MatchLabels[key]))
	}
	for _, requirement := range selector.MatchExpressions {
		converted := metav1.LabelSelectorRequirement{Key: requirement.Key, Operator: requirement.Operator}
		for _, value := range requirement.Values {
			converted.Values = append(converted.Values, string(value))
		}
		plain.MatchExpressions = append(plain.MatchExpressions, converted)
	}
	return plain
}

// parseSelector reads a selector as kubectl has it, such as app=shop,tier in (db).
func parseSelector(text string) (*metav1.LabelSelector, error) {
	return metav1.ParseToLabelSelector(text)
}

// compilePattern compiles a regular expression, whose syntax is RE2's with NetApp as with us.
func compilePattern(value string) (*regexp.Regexp, error) {
	if value == "" {
		return nil, errors.New("it is empty")
	}
	return regexp.Compile(value)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
