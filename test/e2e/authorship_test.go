//go:build e2e

package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// A policy has commands run in pods: nobody may write one who could not run them himself.
func TestWhoMayNotExecMayNotWriteAPolicy(t *testing.T) {
	s := newScene(t, optedIn)
	const user = "ada"
	subject := []rbacv1.Subject{{Kind: "User", Name: user}}
	bind := func(object client.Object) {
		require.NoError(t, api.Create(t.Context(), object))
		t.Cleanup(func() { assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), object))) })
	}
	bind(&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "e2e-" + user, Labels: labelled(nil)}, Subjects: subject,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "quiesce-admin"}})
	as, err := walkthrough.ConnectAs(t.Context(), cluster, rest.ImpersonationConfig{UserName: user})
	require.NoError(t, err)
	policy := func() *v1alpha1.HookPolicy {
		policy := readPolicy(t, "testdata/policy.yaml")
		policy.Name, policy.Labels = s.namespace, labelled(nil)
		policy.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(s.namespace)}
		return policy
	}

	err = as.Create(t.Context(), policy())
	require.Error(t, err)
	assert.ErrorContains(t, err, "pods/exec")
	assert.ErrorContains(t, err, s.namespace)
	assert.ErrorContains(t, err, user)

	bind(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "exec"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: []string{"create"}}}})
	bind(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "exec"}, Subjects: subject,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "exec"}})
	written := policy()
	require.EventuallyWithT(t, func(c *assert.CollectT) { require.NoError(c, as.Create(t.Context(), written)) }, patience, tick)
	s.policies = append(s.policies, written)
	assert.Equal(t, user, written.Annotations[v1alpha1.AuthorAnnotation])
	assert.NotEmpty(t, written.Annotations[v1alpha1.AuthoredAtAnnotation])

	wider := policy()
	wider.Name += "-wider"
	wider.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{"*"}
	assert.ErrorContains(t, as.Create(t.Context(), wider), "in all namespaces")
}
