package match

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func policy(name string, priority int32, selector v1alpha1.PolicySelector) *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.HookPolicySpec{Priority: priority, Selector: selector},
	}
}

func index(t *testing.T, policies ...*v1alpha1.HookPolicy) *Index {
	t.Helper()
	compiled := make([]*Policy, len(policies))
	for i, policy := range policies {
		var err error
		compiled[i], err = Compile(Ref{policy.Namespace, policy.Name}, &policy.Spec)
		require.NoError(t, err)
	}
	return NewIndex(compiled)
}

func names(policies []*Policy) []string {
	names := []string{}
	for _, policy := range policies {
		names = append(names, policy.Name)
	}
	return names
}

func matchLabels(wanted map[string]string) *v1alpha1.LabelSelector {
	selector := &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{}}
	for key, value := range wanted {
		selector.MatchLabels[key] = v1alpha1.LabelValue(value)
	}
	return selector
}

func matchExpression(key string, operator metav1.LabelSelectorOperator, values ...v1alpha1.LabelValue) *v1alpha1.LabelSelector {
	return &v1alpha1.LabelSelector{MatchExpressions: []v1alpha1.LabelRequirement{{Key: key, Operator: operator, Values: values}}}
}

func TestMatch(t *testing.T) {
	shop := Namespace{Name: "shop", Labels: map[string]string{"team": "web", v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}
	postgres := map[string]string{"app": "postgres", "tier": "db"}

	tests := map[string]struct {
		selector  v1alpha1.PolicySelector
		namespace Namespace
		pod       map[string]string
		want      bool
	}{
		"an empty selector selects every pod": {
			namespace: shop, pod: postgres, want: true,
		},
		"a pod without labels is selected by an empty selector": {
			namespace: shop, want: true,
		},
		"an included namespace by name": {
			selector: v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"other", "shop"}}, namespace: shop, want: true,
		},
		"a namespace that is not included": {
			selector: v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"other"}}, namespace: shop, want: false,
		},
		"an included namespace by a star": {
			selector: v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"*"}}, namespace: shop, want: true,
		},
		"an included namespace by a glob": {
			selector: v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"sh?p*"}}, namespace: shop, want: true,
		},
		"a glob matches whole names only": {
			selector: v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"ho*"}}, namespace: shop, want: false,
		},
		"an excluded namespace by a glob": {
			selector: v1alpha1.PolicySelector{ExcludedNamespaces: []v1alpha1.NamespaceGlob{"sh*"}}, namespace: shop, want: false,
		},
		"exclusion wins over inclusion": {
			selector: v1alpha1.PolicySelector{
				IncludedNamespaces: []v1alpha1.NamespaceGlob{"shop"}, ExcludedNamespaces: []v1alpha1.NamespaceGlob{"shop"},
			}, namespace: shop, want: false,
		},
		"a namespace by its labels": {
			selector: v1alpha1.PolicySelector{NamespaceSelector: matchLabels(map[string]string{"team": "web"})}, namespace: shop, want: true,
		},
		"a namespace that lacks the labels": {
			selector: v1alpha1.PolicySelector{NamespaceSelector: matchLabels(map[string]string{"team": "data"})}, namespace: shop, want: false,
		},
		"a pod by all of its labels": {
			selector: v1alpha1.PolicySelector{LabelSelector: matchLabels(postgres)}, namespace: shop, pod: postgres, want: true,
		},
		"a pod that has one of two labels": {
			selector: v1alpha1.PolicySelector{LabelSelector: matchLabels(postgres)}, namespace: shop, pod: map[string]string{"app": "postgres"}, want: false,
		},
		"a pod by one of several values": {
			selector:  v1alpha1.PolicySelector{LabelSelector: matchExpression("app", metav1.LabelSelectorOpIn, "mysql", "postgres")},
			namespace: shop, pod: postgres, want: true,
		},
		"a pod by a label that it must not have": {
			selector:  v1alpha1.PolicySelector{LabelSelector: matchExpression("tier", metav1.LabelSelectorOpDoesNotExist)},
			namespace: shop, pod: postgres, want: false,
		},
		"a pod by a value that it must not have": {
			selector:  v1alpha1.PolicySelector{LabelSelector: matchExpression("app", metav1.LabelSelectorOpNotIn, "mysql")},
			namespace: shop, pod: postgres, want: true,
		},
		"a pod by a label that it has": {
			selector:  v1alpha1.PolicySelector{LabelSelector: matchExpression("tier", metav1.LabelSelectorOpExists)},
			namespace: shop, pod: postgres, want: true,
		},
		"an empty label value is a value": {
			selector:  v1alpha1.PolicySelector{LabelSelector: matchLabels(map[string]string{"app": ""})},
			namespace: shop, pod: map[string]string{"app": ""}, want: true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			matched := index(t, policy("p", 0, test.selector)).Match(test.namespace, Pod{Labels: test.pod})
			assert.Equal(t, test.want, len(matched) == 1)
		})
	}
}

func TestPoliciesOfANamespaceComeAfterClusterWideOnesOfTheSamePriority(t *testing.T) {
	namespaced := func(namespace, name string, priority int32) *v1alpha1.HookPolicy {
		p := policy(name, priority, v1alpha1.PolicySelector{})
		p.Namespace = namespace
		return p
	}
	x := index(t, namespaced("shop", "a", 0), namespaced("shop", "high", 1), namespaced("other", "a", 5), policy("z", 0, v1alpha1.PolicySelector{}))

	matched := x.Match(Namespace{Name: "shop"}, Pod{})
	assert.Equal(t, []string{"high", "z", "a"}, names(matched))
	assert.Equal(t, `NamespacedHookPolicy "a"`, matched[2].String())
	assert.Equal(t, `HookPolicy "z"`, matched[1].String())
}

func TestAPodIsSelectedByTheImagesOfItsContainers(t *testing.T) {
	pod := Pod{Containers: []Container{
		{Name: "proxy", Image: "mesh/proxy:1"}, {Name: "db", Image: "registry.example.com/postgres:15"},
		{Name: "exporter", Image: "postgres-exporter:2"}, {Name: "log", Image: "logs:3", Sidecar: true}}}
	patterns := func(patterns ...v1alpha1.ImagePattern) []v1alpha1.ImagePattern { return patterns }
	tests := map[string]struct {
		included, excluded []v1alpha1.ImagePattern
		want               string // the default container; empty when the pod is not selected
	}{
		"no pattern: the first container":        {want: "proxy"},
		"a pattern that one matches":             {included: patterns("(^|/)postgres:"), want: "db"},
		"a pattern is not anchored":              {included: patterns("postgres"), want: "db"},
		"any of several patterns":                {included: patterns("mysql", "exporter"), want: "exporter"},
		"a native sidecar counts":                {included: patterns("^logs:"), want: "log"},
		"no container matches":                   {included: patterns("mysql")},
		"an excluded one does not count":         {excluded: patterns("proxy"), want: "db"},
		"exclusion wins":                         {included: patterns("postgres"), excluded: patterns("/postgres:"), want: "exporter"},
		"all are excluded":                       {excluded: patterns(".")},
		"all that are included are excluded too": {included: patterns("postgres"), excluded: patterns("postgres")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x := index(t, policy("p", 0, v1alpha1.PolicySelector{ContainerImages: test.included, ExcludedContainerImages: test.excluded}))
			matched := x.Match(Namespace{Name: "shop"}, pod)
			if test.want == "" {
				assert.Empty(t, matched)
				return
			}
			require.Len(t, matched, 1)
			container, found := matched[0].DefaultContainer(pod)
			assert.True(t, found)
			assert.Equal(t, test.want, container.Name)
		})
	}
}

// The nesting that makes backtracking engines hang; and an image of a megabyte, which no reference is.
func TestARegexThatIsMadeToBeSlowIsNot(t *testing.T) {
	x := index(t, policy("p", 0, v1alpha1.PolicySelector{ContainerImages: []v1alpha1.ImagePattern{"^(a+)+$", "(x{30}){30}y"}}))
	image := strings.Repeat("a", maxImageBytes-1) + "!"
	assert.Empty(t, x.Match(Namespace{Name: "shop"}, Pod{Containers: []Container{{Name: "c", Image: image}}}))
	assert.Empty(t, x.Match(Namespace{Name: "shop"}, Pod{Containers: []Container{{Name: "c", Image: strings.Repeat("a", 1<<20)}}}))
	assert.Len(t, x.Match(Namespace{Name: "shop"}, Pod{Containers: []Container{{Name: "c", Image: "aaa"}}}), 1)
}

func TestWhatIsRememberedOfImagesIsBounded(t *testing.T) {
	x := index(t, policy("p", 0, v1alpha1.PolicySelector{ContainerImages: []v1alpha1.ImagePattern{"app"}}))
	for i := range 3 * maxImages {
		matched := x.Match(Namespace{Name: "shop"}, Pod{Containers: []Container{{Image: fmt.Sprintf("app:%d", i)}, {Image: "app:0"}}})
		require.Len(t, matched, 1)
		require.LessOrEqual(t, len(x.everywhere.byImage.known), maxImages)
	}
}

func TestAHookIsForThePodsThatItsOwnSelectorSelects(t *testing.T) {
	p, err := Compile(Ref{Name: "p"}, &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		{Name: "all"}, {Name: "primary", LabelSelector: matchLabels(map[string]string{"role": "primary"})}}})
	require.NoError(t, err)
	assert.True(t, p.SelectsHook(0, nil))
	assert.False(t, p.SelectsHook(1, nil))
	assert.True(t, p.SelectsHook(1, map[string]string{"role": "primary"}))
	_, err = Compile(Ref{Name: "p"}, &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{{Name: "a", LabelSelector: matchExpression("x", "Like")}}})
	assert.ErrorContains(t, err, `spec.hooks[a].labelSelector: "Like" is not a valid label selector operator`)
}

func TestMatchOrdersByPriorityThenName(t *testing.T) {
	everything := v1alpha1.PolicySelector{}
	named := v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"shop"}}
	labelled := v1alpha1.PolicySelector{LabelSelector: matchLabels(map[string]string{"app": "x"})}
	x := index(t,
		policy("c", 0, everything), policy("low", -5, named), policy("a", 0, labelled), policy("high", 100, labelled), policy("b", 0, named))

	assert.Equal(t, []string{"high", "a", "b", "c", "low"}, names(x.Match(Namespace{Name: "shop"}, Pod{Labels: map[string]string{"app": "x"}})))
	assert.Equal(t, []string{"c"}, names(x.Match(Namespace{Name: "other"}, Pod{})))
}

func TestIndexFindsWhatTryingEveryPolicyFinds(t *testing.T) {
	random := newChance()
	x := index(t, random.policies(300)...)
	found := 0
	for range 500 {
		namespace, pod := random.namespace(), random.pod()
		var want []*Policy
		for _, candidate := range x.Policies() {
			if candidate.labelSelector.Matches(labels.Set(pod.Labels)) && candidate.selectsNamespace(namespace) && candidate.images.selects(pod) {
				want = append(want, candidate)
			}
		}
		found += len(want)
		require.Equal(t, names(want), names(x.Match(namespace, pod)), "namespace %v, pod %v", namespace, pod)
	}
	require.NotZero(t, found)
}

func TestCompileRefusesWithTheField(t *testing.T) {
	tests := map[string]struct {
		selector v1alpha1.PolicySelector
		want     string
	}{
		"an operator that does not exist": {
			selector: v1alpha1.PolicySelector{LabelSelector: matchExpression("app", "Like", "x")},
			want:     `spec.selector.labelSelector: "Like" is not a valid label selector operator`,
		},
		"an operator that needs values": {
			selector: v1alpha1.PolicySelector{NamespaceSelector: matchExpression("app", metav1.LabelSelectorOpIn)},
			want:     "spec.selector.namespaceSelector: ",
		},
		"an image pattern that is none": {
			selector: v1alpha1.PolicySelector{ContainerImages: []v1alpha1.ImagePattern{"ok", "postgres(?!-exporter)"}},
			want:     "spec.selector.containerImages[1]: this is no regular expression: invalid or unsupported Perl syntax: `(?!`: write one in RE2's syntax",
		},
		"an excluded image pattern that is none": {
			selector: v1alpha1.PolicySelector{ExcludedContainerImages: []v1alpha1.ImagePattern{"["}},
			want:     "spec.selector.excludedContainerImages[0]: ",
		},
		"a glob that is none": {
			selector: v1alpha1.PolicySelector{ExcludedNamespaces: []v1alpha1.NamespaceGlob{"ok", "shop-["}},
			want:     `spec.selector.excludedNamespaces[1]: "shop-[" is not a glob: write`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(Ref{Name: "p"}, &v1alpha1.HookPolicySpec{Selector: test.selector})
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestNamespacesThatMayTakePart(t *testing.T) {
	enabled := map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}
	tests := map[string]struct {
		namespace Namespace
		want      bool
	}{
		"a labelled namespace":                 {Namespace{Name: "shop", Labels: enabled}, true},
		"a namespace without the label":        {Namespace{Name: "shop"}, false},
		"a namespace with another value":       {Namespace{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: "true"}}, false},
		"kube-system, whatever its labels":     {Namespace{Name: "kube-system", Labels: enabled}, false},
		"our own, whatever its labels":         {Namespace{Name: "quiesce-system", Labels: enabled}, false},
		"an excluded one, whatever its labels": {Namespace{Name: "excluded-2", Labels: enabled}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			scope := Scope{Own: "quiesce-system"}
			require.NoError(t, scope.Exclude("excluded-1, excluded-2,"))
			assert.Equal(t, test.want, scope.OptedIn(test.namespace))
		})
	}
}

// A pod looks at few policies, however many there are: the benchmark of the webhook shows what that saves, this that it
// holds for every kind of selector.
func TestAPodLooksAtFewPolicies(t *testing.T) {
	shop := Namespace{Name: "shop", Labels: map[string]string{"team": "web"}}
	for name, selector := range map[string]func(i int) v1alpha1.PolicySelector{
		"by a label": func(i int) v1alpha1.PolicySelector {
			return v1alpha1.PolicySelector{LabelSelector: matchLabels(map[string]string{"managed-by": "helm", "app": fmt.Sprintf("app-%d", i)})}
		},
		"by the existence of a label": func(i int) v1alpha1.PolicySelector {
			return v1alpha1.PolicySelector{LabelSelector: matchExpression(fmt.Sprintf("app-%d", i), metav1.LabelSelectorOpExists)}
		},
		"by the name of a namespace, and a label that all have": func(i int) v1alpha1.PolicySelector {
			return v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(fmt.Sprintf("team-%d", i))},
				LabelSelector: matchLabels(map[string]string{"managed-by": "helm"})}
		},
		"by a glob": func(i int) v1alpha1.PolicySelector {
			return v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(fmt.Sprintf("team-%d-*", i))}}
		},
		"by an image": func(i int) v1alpha1.PolicySelector {
			return v1alpha1.PolicySelector{ContainerImages: []v1alpha1.ImagePattern{v1alpha1.ImagePattern(fmt.Sprintf("/app-%d:", i))}}
		},
		"by the labels of a namespace": func(i int) v1alpha1.PolicySelector {
			return v1alpha1.PolicySelector{NamespaceSelector: matchLabels(map[string]string{"team": fmt.Sprintf("team-%d", i)})}
		},
	} {
		t.Run(name, func(t *testing.T) {
			policies := make([]*v1alpha1.HookPolicy, 1000)
			for i := range policies {
				policies[i] = policy(fmt.Sprintf("p%d", i), 0, selector(i))
			}
			x := index(t, policies...)
			pod := map[string]string{"managed-by": "helm", "app": "app-7", "app-7": ""}
			looked := 0
			for _, f := range []file{x.everywhere, x.namespaceFile(shop)} {
				looked += len(f.byLabel[label{}])
				for name, value := range pod {
					looked += len(f.byLabel[label{name: name, value: value}]) + len(f.byLabel[label{name: name, anyValue: true}])
				}
				if f.byImage != nil {
					looked += len(f.byImage.match("registry.example.com/app-7:1"))
				}
			}
			assert.LessOrEqual(t, looked, 1)
		})
	}
}

func TestAnUnknownNamespaceIsNotSelectedByLabelsThatItMayHave(t *testing.T) {
	for name, test := range map[string]struct {
		selector *v1alpha1.LabelSelector
		want     bool
	}{
		"no selector":              {nil, true},
		"its name":                 {matchLabels(map[string]string{v1alpha1.NamespaceNameLabel: "shop"}), true},
		"another name":             {matchLabels(map[string]string{v1alpha1.NamespaceNameLabel: "other"}), false},
		"the label that opts in":   {matchLabels(map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}), true},
		"a label that it may have": {matchLabels(map[string]string{"env": "prod"}), false},
		"a value that it may have": {matchExpression("env", metav1.LabelSelectorOpNotIn, "prod"), false},
		"a label that it may have, asked for its absence": {matchExpression("env", metav1.LabelSelectorOpDoesNotExist), false},
	} {
		t.Run(name, func(t *testing.T) {
			x := index(t, policy("p", 0, v1alpha1.PolicySelector{NamespaceSelector: test.selector}))
			assert.Equal(t, test.want, len(x.Match(UnknownNamespace("shop"), Pod{})) == 1)
		})
	}
}

func TestWhatIsRememberedOfNamespacesIsBounded(t *testing.T) {
	n := &namespaceFiles{}
	policies := make([]*Policy, 1000)
	for i := range 3 * maxRemembered / len(policies) {
		n.get(Namespace{Name: fmt.Sprintf("n%d", i)}, func() file { return file{byLabel: map[label][]*Policy{{}: policies}} })
		require.LessOrEqual(t, n.remembered, maxRemembered+2*len(policies))
	}
}
