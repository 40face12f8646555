package match

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestThePoliciesWhoseLinesHoldAreThoseThatTheIndexMatches(t *testing.T) {
	random := newChance()
	x := index(t, random.policies(300)...)
	selected, hooks, notForHooks := 0, 0, 0
	for range 500 {
		namespace, pod := random.namespace(), random.pod()
		matched := x.Match(namespace, pod)
		for _, policy := range x.Policies() {
			lines := policy.Explain(namespace, pod)
			require.Equal(t, slices.Contains(matched, policy), lines.Hold(), "namespace %v, pod %v, policy %+v: %v", namespace, pod, policy.Spec, lines)
			for place := range policy.Spec.Hooks {
				hooks++
				lines := policy.ExplainHook(place, pod.Labels)
				require.Equal(t, policy.SelectsHook(place, pod.Labels), lines.Hold(), "pod %v, hook %+v: %v", pod, policy.Spec.Hooks[place], lines)
				notForHooks += len(lines.Failing())
			}
		}
		selected += len(matched)
	}
	require.NotZero(t, selected)
	require.NotZero(t, hooks)
	require.NotZero(t, notForHooks)
}

func TestALineSaysWhatItWantsAndWhatThereIs(t *testing.T) {
	shop := Namespace{Name: "shop", Labels: map[string]string{"env": "test", v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}
	pod := Pod{
		Labels: map[string]string{"app": "redis"},
		Containers: []Container{
			{Name: "db", Image: "registry.example.com/redis:7.2"}, {Name: "log", Image: "busybox:1.36"},
		},
	}
	globs := func(globs ...v1alpha1.NamespaceGlob) []v1alpha1.NamespaceGlob { return globs }
	patterns := func(patterns ...v1alpha1.ImagePattern) []v1alpha1.ImagePattern { return patterns }
	tests := map[string]struct {
		selector  v1alpha1.PolicySelector
		own       string // the namespace of a NamespacedHookPolicy
		namespace Namespace
		pod       Pod
		// The lines in order; those that do not hold begin with "not ".
		want []string
	}{
		"an empty selector has none": {namespace: shop, pod: pod},
		"a label by matchLabels": {
			selector: v1alpha1.PolicySelector{LabelSelector: matchLabels(map[string]string{"app": "postgres"})}, namespace: shop, pod: pod,
			want: []string{"not spec.selector.labelSelector: app=postgres, the pod has app=redis"},
		},
		"a label by matchExpressions": {
			selector:  v1alpha1.PolicySelector{LabelSelector: matchExpression("app", metav1.LabelSelectorOpIn, "redis", "postgres")},
			namespace: shop, pod: pod,
			want: []string{"spec.selector.labelSelector: app In (postgres, redis), the pod has app=redis"},
		},
		"a label that is not there": {
			selector: v1alpha1.PolicySelector{LabelSelector: matchExpression("tier", metav1.LabelSelectorOpExists)}, namespace: shop, pod: pod,
			want: []string{"not spec.selector.labelSelector: tier Exists, the pod has no label tier"},
		},
		"a label that must not be there": {
			selector: v1alpha1.PolicySelector{LabelSelector: matchExpression("app", metav1.LabelSelectorOpDoesNotExist)}, namespace: shop, pod: pod,
			want: []string{"not spec.selector.labelSelector: app DoesNotExist, the pod has app=redis"},
		},
		"one namespace by name": {
			selector: v1alpha1.PolicySelector{IncludedNamespaces: globs("crm")}, namespace: shop, pod: pod,
			want: []string{`not spec.selector.includedNamespaces: "crm" does not match namespace shop`},
		},
		"several namespaces": {
			selector:  v1alpha1.PolicySelector{IncludedNamespaces: globs("crm", "sh*"), ExcludedNamespaces: globs("shop-*", "scratch")},
			namespace: shop, pod: pod,
			want: []string{
				`spec.selector.includedNamespaces: "sh*" matches namespace shop`,
				`spec.selector.excludedNamespaces: none of "shop-*", "scratch" matches namespace shop`,
			},
		},
		"an excluded namespace": {
			selector: v1alpha1.PolicySelector{ExcludedNamespaces: globs("sh*")}, namespace: shop, pod: pod,
			want: []string{`not spec.selector.excludedNamespaces: "sh*" matches namespace shop`},
		},
		"a namespace by its labels": {
			selector: v1alpha1.PolicySelector{NamespaceSelector: matchLabels(map[string]string{"env": "prod"})}, namespace: shop, pod: pod,
			want: []string{"not spec.selector.namespaceSelector: env=prod, the namespace has env=test"},
		},
		"a namespace whose labels are not known": {
			selector:  v1alpha1.PolicySelector{NamespaceSelector: matchExpression("env", metav1.LabelSelectorOpNotIn, "prod")},
			namespace: UnknownNamespace("shop"), pod: pod,
			want: []string{"not spec.selector.namespaceSelector: env NotIn (prod), and the labels of the namespace are not known"},
		},
		"a namespace's own policy": {
			own: "shop", namespace: shop, pod: pod,
			want: []string{`metadata.namespace: "shop" matches namespace shop`},
		},
		"an image": {
			selector: v1alpha1.PolicySelector{ContainerImages: patterns(`(^|/)redis:\d`)}, namespace: shop, pod: pod,
			want: []string{`spec.selector.containerImages: "(^|/)redis:\d" matches db (registry.example.com/redis:7.2)`},
		},
		"an image that no container has": {
			selector: v1alpha1.PolicySelector{ContainerImages: patterns("(^|/)postgres:")}, namespace: shop, pod: pod,
			want: []string{`not spec.selector.containerImages: "(^|/)postgres:" matches none of db (registry.example.com/redis:7.2), log (busybox:1.36)`},
		},
		"images that no container has": {
			selector:  v1alpha1.PolicySelector{ContainerImages: patterns("postgres", "mysql")},
			namespace: shop, pod: Pod{},
			want: []string{`not spec.selector.containerImages: "postgres", "mysql", the pod has no containers`},
		},
		"an image that is excluded": {
			selector:  v1alpha1.PolicySelector{ContainerImages: patterns("redis"), ExcludedContainerImages: patterns(`:7\.`)},
			namespace: shop, pod: pod,
			want: []string{
				`spec.selector.containerImages: "redis" matches db (registry.example.com/redis:7.2)`,
				`not spec.selector.excludedContainerImages: ":7\." leaves none of db (registry.example.com/redis:7.2)`,
			},
		},
		"an image that is not excluded": {
			selector:  v1alpha1.PolicySelector{ExcludedContainerImages: patterns("redis")},
			namespace: shop, pod: pod,
			want: []string{`spec.selector.excludedContainerImages: "redis" does not match log (busybox:1.36)`},
		},
		"an image that is too long to be one": {
			selector:  v1alpha1.PolicySelector{ContainerImages: patterns("a")},
			namespace: shop, pod: Pod{Containers: []Container{{Name: "c", Image: strings.Repeat("a", maxImageBytes+1)}}},
			want: []string{`not spec.selector.containerImages: "a" matches none of c (an image of more than 1 KiB, which none is)`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := policy("p", 0, test.selector)
			p.Namespace = test.own
			lines := index(t, p).Policies()[0].Explain(test.namespace, test.pod)
			var got []string
			for _, line := range lines {
				text := line.String()
				if !line.Holds {
					text = "not " + text
				}
				got = append(got, text)
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestALineOfAHookNamesTheHook(t *testing.T) {
	p, err := Compile(Ref{Name: "p"}, &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		{Name: "all"}, {Name: "primary", LabelSelector: matchLabels(map[string]string{"role": "primary"})}}})
	require.NoError(t, err)
	assert.Empty(t, p.ExplainHook(0, nil))
	lines := p.ExplainHook(1, map[string]string{"role": "standby"})
	require.Len(t, lines, 1)
	assert.Equal(t, "spec.hooks[primary].labelSelector: role=primary, the pod has role=standby", lines[0].String())
}
