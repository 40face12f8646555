package library

import (
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	operator "k8s.io/apimachinery/pkg/selection"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// selection is which pods a policy is for, as a command line says it. What it does not say is as the template suggests.
type selection struct {
	labels             string
	images             []string
	included, excluded []string
}

func (s *selection) addFlags(frame *command.Frame, c *cobra.Command) {
	command.SelectorFlag(c.Flags(), &s.labels, "Pods", "app=postgres")
	c.Flags().Lookup("selector").Usage += " Without it, those that the template suggests."
	c.Flags().StringArrayVar(&s.images, "image", nil,
		"Regular expression for the images of the pods' containers; can be repeated. Without it, those that the template suggests.")
	c.Flags().StringSliceVar(&s.included, "include-namespace", nil,
		"Namespace of the pods, or a glob; can be repeated. Without it, those that the template suggests, or all that have opted in.")
	c.Flags().StringSliceVar(&s.excluded, "exclude-namespace", nil, "Namespace whose pods are left out, or a glob; can be repeated.")
	for _, flag := range []string{"include-namespace", "exclude-namespace"} {
		command.CompleteFlag(c, flag, frame.CompleteNamespaces)
	}
}

// selector of the policy, where the template suggests one.
func (s *selection) selector(c *cobra.Command, suggested v1alpha1.PolicySelector, namespaced bool) (v1alpha1.PolicySelector, error) {
	selector := *suggested.DeepCopy()
	if namespaced {
		if len(s.included)+len(s.excluded) > 0 {
			return selector, command.UsageErrorf(c, "a NamespacedHookPolicy is for the pods of its own namespace: leave --include-namespace and --exclude-namespace out, "+
				"or leave --namespaced out")
		}
		selector.IncludedNamespaces, selector.ExcludedNamespaces, selector.NamespaceSelector = nil, nil, nil
	}
	if s.labels != "" {
		selects, err := parseSelector(c, s.labels)
		if err != nil {
			return selector, err
		}
		parsed, err := asWritten(selects)
		if err != nil {
			return selector, command.UsageErrorf(c, "-l %q: %w", s.labels, err)
		}
		selector.LabelSelector = parsed
	}
	if len(s.images) > 0 {
		selector.ContainerImages, selector.ExcludedContainerImages = nil, nil
		for _, image := range s.images {
			selector.ContainerImages = append(selector.ContainerImages, v1alpha1.ImagePattern(image))
		}
	}
	if len(s.included) > 0 {
		selector.IncludedNamespaces = globs(s.included)
	}
	if len(s.excluded) > 0 {
		selector.ExcludedNamespaces = globs(s.excluded)
	}
	return selector, nil
}

func globs(texts []string) []v1alpha1.NamespaceGlob {
	all := make([]v1alpha1.NamespaceGlob, len(texts))
	for i, text := range texts {
		all[i] = v1alpha1.NamespaceGlob(text)
	}
	return all
}

// asWritten is what -l says, as a policy has it.
func asWritten(parsed labels.Selector) (*v1alpha1.LabelSelector, error) {
	selector := &v1alpha1.LabelSelector{}
	requirements, _ := parsed.Requirements()
	for _, requirement := range requirements {
		values := requirement.Values().List()
		one := v1alpha1.LabelRequirement{Key: requirement.Key()}
		switch requirement.Operator() {
		case operator.Equals, operator.DoubleEquals:
			if selector.MatchLabels == nil {
				selector.MatchLabels = map[string]v1alpha1.LabelValue{}
			}
			if before, is := selector.MatchLabels[requirement.Key()]; !is || string(before) == values[0] {
				selector.MatchLabels[requirement.Key()] = v1alpha1.LabelValue(values[0])
				continue
			}
			one.Operator = metav1.LabelSelectorOpIn // beside another value, which no label has at once; so it is what was asked for
		case operator.In:
			one.Operator = metav1.LabelSelectorOpIn
		case operator.NotEquals, operator.NotIn:
			one.Operator = metav1.LabelSelectorOpNotIn
		case operator.Exists:
			one.Operator = metav1.LabelSelectorOpExists
		case operator.DoesNotExist:
			one.Operator = metav1.LabelSelectorOpDoesNotExist
		default:
			return nil, fmt.Errorf("a policy cannot compare labels by %s: write =, !=, in, notin, NAME or !NAME", requirement.Operator())
		}
		for _, value := range values {
			one.Values = append(one.Values, v1alpha1.LabelValue(value))
		}
		selector.MatchExpressions = append(selector.MatchExpressions, one)
	}
	return selector, nil
}
