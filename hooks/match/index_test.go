package match

import (
	"fmt"
	"math/rand/v2"
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
		compiled[i], err = Compile(policy)
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

func matchLabels(wanted map[string]string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: wanted}
}

func matchExpression(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
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
			matched := index(t, policy("p", 0, test.selector)).Match(test.namespace, test.pod)
			assert.Equal(t, test.want, len(matched) == 1)
		})
	}
}

func TestMatchOrdersByPriorityThenName(t *testing.T) {
	everything := v1alpha1.PolicySelector{}
	named := v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"shop"}}
	labelled := v1alpha1.PolicySelector{LabelSelector: matchLabels(map[string]string{"app": "x"})}
	x := index(t,
		policy("c", 0, everything), policy("low", -5, named), policy("a", 0, labelled), policy("high", 100, labelled), policy("b", 0, named))

	assert.Equal(t, []string{"high", "a", "b", "c", "low"}, names(x.Match(Namespace{Name: "shop"}, map[string]string{"app": "x"})))
	assert.Equal(t, []string{"c"}, names(x.Match(Namespace{Name: "other"}, nil)))
}

func TestIndexFindsWhatTryingEveryPolicyFinds(t *testing.T) {
	const seed = 20261121
	random := rand.New(rand.NewPCG(seed, seed))
	pick := func(choices ...string) string { return choices[random.IntN(len(choices))] }
	globs := func() (globs []v1alpha1.NamespaceGlob) {
		for range random.IntN(3) {
			globs = append(globs, v1alpha1.NamespaceGlob(pick("a", "b", "c", "a*", "?", "*", "b?")))
		}
		return globs
	}
	selector := func() *metav1.LabelSelector {
		selector := &metav1.LabelSelector{}
		for range random.IntN(3) {
			switch key := pick("k", "l", "m"); random.IntN(4) {
			case 0:
				selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
					Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{pick("1", "2"), pick("2", "3")}})
			case 1:
				selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
					Key: key, Operator: metav1.LabelSelectorOpNotIn, Values: []string{pick("1", "2", "3")}})
			case 2:
				selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
					Key: key, Operator: metav1.LabelSelectorOperator(pick("Exists", "DoesNotExist"))})
			case 3:
				selector.MatchLabels = map[string]string{key: pick("1", "2", "3")}
			}
		}
		return selector
	}
	policies := make([]*v1alpha1.HookPolicy, 300)
	for i := range policies {
		policies[i] = policy(fmt.Sprintf("p%03d", i), int32(random.IntN(5)), v1alpha1.PolicySelector{
			IncludedNamespaces: globs(), ExcludedNamespaces: globs(),
			NamespaceSelector: selector(), LabelSelector: selector(),
		})
	}
	x := index(t, policies...)
	found := 0
	for range 500 {
		namespace := Namespace{Name: pick("a", "b", "c", "ab", "bc"), Labels: map[string]string{"k": pick("1", "2"), "l": pick("1", "2", "3")}}
		pod := map[string]string{}
		for range random.IntN(4) {
			pod[pick("k", "l", "m")] = pick("1", "2", "3")
		}
		var want []*Policy
		for _, candidate := range x.Policies() {
			if candidate.labelSelector.Matches(labels.Set(pod)) && candidate.selectsNamespace(namespace) {
				want = append(want, candidate)
			}
		}
		found += len(want)
		require.Equal(t, names(want), names(x.Match(namespace, pod)), "namespace %v, labels %v", namespace, pod)
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
		"a glob that is none": {
			selector: v1alpha1.PolicySelector{ExcludedNamespaces: []v1alpha1.NamespaceGlob{"ok", "shop-["}},
			want:     `spec.selector.excludedNamespaces[1]: "shop-[" is not a glob: write`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(policy("p", 0, test.selector))
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
		"a labelled namespace":                {Namespace{"shop", enabled}, true},
		"a namespace without the label":       {Namespace{"shop", nil}, false},
		"a namespace with another value":      {Namespace{"shop", map[string]string{v1alpha1.HooksLabel: "true"}}, false},
		"kube-system, whatever its labels":    {Namespace{"kube-system", enabled}, false},
		"the release's own, whatever as well": {Namespace{"quiesce-system", enabled}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, test.namespace.OptedIn("quiesce-system"))
		})
	}
}

// A pod looks at few policies, however many there are: the benchmark shows what that saves, this that it holds.
func TestIndexFilesEachPolicyUnderItsRarestLabel(t *testing.T) {
	policies := make([]*v1alpha1.HookPolicy, 1000)
	for i := range policies {
		policies[i] = policy(fmt.Sprintf("p%d", i), 0, v1alpha1.PolicySelector{
			LabelSelector: matchLabels(map[string]string{"managed-by": "helm", "app": fmt.Sprintf("app-%d", i)})})
	}
	for _, file := range index(t, policies...).files {
		require.Len(t, file, 1)
	}
}
