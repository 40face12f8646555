package chart_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const keepAnnotation = "helm.sh/resource-policy"

// generatedCRDs are what the generator made of the Go types.
func generatedCRDs(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(chart, "generated/crd/*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var all []*unstructured.Unstructured
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		all = append(all, objects(t, content)...)
	}
	return all
}

func TestRenderedCRDsAreTheGeneratedOnes(t *testing.T) {
	tests := map[string]struct {
		values string
		keep   string
	}{
		"kept on uninstall by default":  {values: "defaults.yaml", keep: "keep"},
		"removed on uninstall if asked": {values: "one-replica.yaml"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rendered := map[string]*unstructured.Unstructured{}
			for _, object := range render(t, test.values) {
				if object.GetKind() == "CustomResourceDefinition" {
					rendered[object.GetName()] = object
				}
			}
			generated := generatedCRDs(t)
			require.Len(t, rendered, len(generated))
			for _, want := range generated {
				got := rendered[want.GetName()]
				require.NotNil(t, got, want.GetName())
				assert.Equal(t, test.keep, got.GetAnnotations()[keepAnnotation])

				// The chart's own marks are the only difference.
				annotations := got.GetAnnotations()
				delete(annotations, keepAnnotation)
				got.SetAnnotations(annotations)
				got.SetLabels(nil)
				assert.Equal(t, want.Object, got.Object)
			}
		})
	}
}

func TestCRDsCanBeLeftToOthers(t *testing.T) {
	assert.Empty(t, names(render(t, "image-by-digest.yaml"), "CustomResourceDefinition"))
}

// A kind that is added later must not be forgotten in the roles for people.
func TestViewersSeeEveryKind(t *testing.T) {
	view := find[rbacv1.ClusterRole](t, render(t, "defaults.yaml"), "ClusterRole", "quiesce-view")
	assert.Equal(t, "true", view.Labels["rbac.authorization.k8s.io/aggregate-to-view"])
	require.Len(t, view.Rules, 1)
	assert.Equal(t, []string{"get", "list", "watch"}, view.Rules[0].Verbs)

	for _, crd := range generatedCRDs(t) {
		plural, _, err := unstructured.NestedString(crd.Object, "spec", "names", "plural")
		require.NoError(t, err)
		assert.True(t, slices.ContainsFunc(view.Rules, func(rule rbacv1.PolicyRule) bool {
			return slices.Contains(rule.APIGroups, "quiesce.io") && slices.Contains(rule.Resources, plural)
		}), "quiesce-view does not name %s", plural)
	}
}

func TestWhoeverEditsANamespaceWritesItsPolicies(t *testing.T) {
	edit := find[rbacv1.ClusterRole](t, render(t, "defaults.yaml"), "ClusterRole", "quiesce-edit")
	assert.Equal(t, "true", edit.Labels["rbac.authorization.k8s.io/aggregate-to-edit"])
	assert.Equal(t, "true", edit.Labels["rbac.authorization.k8s.io/aggregate-to-admin"])
	require.Len(t, edit.Rules, 1)
	assert.Equal(t, []string{"namespacedhookpolicies", "hooksessions"}, edit.Rules[0].Resources, "what is for every namespace is for administrators")
}

func TestWritingPoliciesOfTheClusterIsAggregatedToNothing(t *testing.T) {
	admin := find[rbacv1.ClusterRole](t, render(t, "defaults.yaml"), "ClusterRole", "quiesce-admin")
	for label := range admin.Labels {
		assert.NotContains(t, label, "aggregate-to")
	}
	require.Len(t, admin.Rules, 1)
	assert.Equal(t, []string{"hookpolicies", "hookscripts", "hooktemplates"}, admin.Rules[0].Resources)
	assert.Contains(t, admin.Rules[0].Verbs, "create")
}

// Reading Secrets is a namespace's to grant, and the controller's alone.
func TestNobodyReadsSecretsUnlessANamespaceSaysSo(t *testing.T) {
	all := render(t, "defaults.yaml")
	reader := find[rbacv1.ClusterRole](t, all, "ClusterRole", "quiesce-secrets-reader")
	for label := range reader.Labels {
		assert.NotContains(t, label, "aggregate-to")
	}
	assert.Equal(t, []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}}, reader.Rules)
	for _, kind := range []string{"ClusterRoleBinding", "RoleBinding"} {
		for _, name := range names(all, kind) {
			assert.NotEqual(t, "quiesce-secrets-reader", find[rbacv1.RoleBinding](t, all, kind, name).RoleRef.Name, "%s %s", kind, name)
		}
	}
}
