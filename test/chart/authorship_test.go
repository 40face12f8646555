package chart_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// as is a client of somebody else.
func as(t *testing.T, user string) client.Client {
	t.Helper()
	config := rest.CopyConfig(administrator)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	impersonating, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	require.NoError(t, err)
	return impersonating
}

// keep creates an object for the time of the test. Its end is waited for, since later tests install the same.
func keep(t *testing.T, object client.Object) {
	t.Helper()
	require.NoError(t, server.Create(t.Context(), object), "%s %s", object.GetObjectKind().GroupVersionKind().Kind, object.GetName())
	t.Cleanup(func() {
		assert.NoError(t, client.IgnoreNotFound(server.Delete(context.Background(), object)))
		waitGone(t, object)
	})
}

// mayExec grants a user the right to run commands in the pods of some namespaces, or without any in all of them.
func mayExec(t *testing.T, user string, namespaces ...string) {
	t.Helper()
	may(t, user, "create", "pods", "exec", namespaces...)
}

// may grants a user a right in some namespaces, or without any in all of them, and returns when the API server knows it.
func may(t *testing.T, user, verb, resource, sub string, namespaces ...string) {
	t.Helper()
	mayIn(t, "", user, verb, resource, sub, namespaces...)
}

// mayIn is may for a resource of some API group.
func mayIn(t *testing.T, group, user, verb, resource, sub string, namespaces ...string) {
	t.Helper()
	whole := strings.TrimSuffix(resource+"/"+sub, "/")
	var (
		name     = metav1.ObjectMeta{Name: strings.Join([]string{"test", verb, strings.ReplaceAll(whole, "/", "-"), user}, "-")}
		rules    = []rbacv1.PolicyRule{{APIGroups: []string{group}, Resources: []string{whole}, Verbs: []string{verb}}}
		subjects = []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
		role     = rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name.Name}
	)
	keep(t, &rbacv1.ClusterRole{ObjectMeta: name, Rules: rules})
	if len(namespaces) == 0 {
		keep(t, &rbacv1.ClusterRoleBinding{ObjectMeta: name, RoleRef: role, Subjects: subjects})
	}
	for _, namespace := range namespaces {
		name.Namespace = namespace
		keep(t, &rbacv1.RoleBinding{ObjectMeta: name, RoleRef: role, Subjects: subjects})
	}
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: user,
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: verb, Group: group, Version: "*", Resource: resource, Subresource: sub, Namespace: namespace,
				},
			}}
			require.NoError(c, server.Create(t.Context(), review))
			require.True(c, review.Status.Allowed, "%s: %s %s in %q", user, verb, whole, namespace)
		}, time.Minute, 50*time.Millisecond)
	}
}

// newPolicy is one with a spec in YAML beside its hooks: a HookPolicy, or in a namespace the other.
func newPolicy(t *testing.T, namespace, spec string) *unstructured.Unstructured {
	t.Helper()
	fields := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(spec), &fields))
	fields["hooks"] = []any{map[string]any{
		"name": "flush", "stages": []any{"PreSnapshot"}, "exec": map[string]any{"command": []any{"flush"}},
	}}
	kind := "HookPolicy"
	if namespace != "" {
		kind = "NamespacedHookPolicy"
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "quiesce.io/v1alpha1", "kind": kind,
		"metadata": map[string]any{"generateName": "authorship-", "namespace": namespace},
		"spec":     fields,
	}}
}

// names of namespaces, ns-01 and so on.
func numbered(count int) (namespaces []string) {
	for i := range count {
		namespaces = append(namespaces, fmt.Sprintf("ns-%02d", i+1))
	}
	return namespaces
}

func included(namespaces ...string) string {
	return `selector: {includedNamespaces: ["` + strings.Join(namespaces, `", "`) + `"]}`
}

// installAuthorship puts into the cluster what the chart has for it, and nothing that runs: no webhook answers here.
// Everybody may write policies of both kinds, as far as the roles go.
func installAuthorship(t *testing.T) {
	t.Helper()
	for _, object := range render(t, "defaults.yaml") {
		switch {
		case object.GetKind() == "CustomResourceDefinition",
			strings.HasPrefix(object.GetKind(), "ValidatingAdmissionPolicy"),
			object.GetKind() == "ClusterRole" && (object.GetName() == "quiesce-admin" || object.GetName() == "quiesce-edit"):
			keep(t, object)
		}
	}
	waitForCRDs(t)
	for _, role := range []string{"quiesce-admin", "quiesce-edit"} {
		keep(t, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "test-" + role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:authenticated"}},
		})
	}
	for _, name := range append(numbered(21), "shop", "bank") {
		// envtest has no controller that would remove them.
		require.NoError(t, server.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	}
	mayExec(t, "sally", "shop")
	mayExec(t, "nina", numbered(19)...)
	mayExec(t, "theo", numbered(21)...)
	mayExec(t, "eve")
	mayExec(t, "adam")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, user := range []string{"nobody", "eve"} {
			err := as(t, user).Create(t.Context(), newPolicy(t, "", ""), client.DryRunAll)
			require.Equal(c, user == "eve", err == nil, "%s: %v", user, err)
		}
	}, time.Minute, 50*time.Millisecond, "the API server looks at admission policies some moments after they were made")
}

// authorshipPolicies are the ValidatingAdmissionPolicies, one for each right, and their bindings.
var authorshipPolicies = []string{
	"quiesce-authorship", "quiesce-authorship-init", "quiesce-authorship-jobs", "quiesce-authorship-secrets",
}

func TestAuthorshipCanBeLeftToOthers(t *testing.T) {
	for values, want := range map[string][]string{"defaults.yaml": authorshipPolicies, "all-options.yaml": {}} {
		all := render(t, values)
		want := append(slices.Clone(want), "quiesce-gate", "quiesce-thaw") // which have nothing to do with it
		assert.Equal(t, want, names(all, "ValidatingAdmissionPolicy"), values)
		assert.Equal(t, want, names(all, "ValidatingAdmissionPolicyBinding"), values)
	}
}

func TestAuthorship(t *testing.T) {
	installAuthorship(t)

	t.Run("the author may run commands wherever the policy does", func(t *testing.T) {
		everywhere := func(user string) string {
			return user + " lacks the right to create pods/exec in all namespaces, which whoever writes this policy needs, since "
		}
		in := func(user, namespace string) string {
			return user + " lacks the right to create pods/exec in namespace " + namespace + ", which whoever writes this policy needs"
		}
		tests := map[string]struct {
			user, namespace, spec string
			says                  string // nothing where the policy is accepted
		}{
			"no right, and a namespace":            {"nobody", "", included("shop"), in("nobody", "shop")},
			"a right in the namespace":             {"sally", "", included("shop"), ""},
			"a right in one of two":                {"sally", "", included("shop", "bank"), in("sally", "bank")},
			"and the other way round":              {"sally", "", included("bank", "shop"), in("sally", "bank")},
			"a right in one, and no names":         {"sally", "", "", everywhere("sally") + "it names no namespace"},
			"a right in one, and an empty list":    {"sally", "", "selector: {includedNamespaces: []}", everywhere("sally") + "it names no namespace"},
			"a right in one, and all but another":  {"sally", "", `selector: {excludedNamespaces: [bank]}`, everywhere("sally") + "it names no namespace"},
			"a right in one, and *":                {"sally", "", included("*"), everywhere("sally") + "it has the glob *"},
			"a right in one, and a glob":           {"sally", "", included("shop*"), everywhere("sally") + "it has the glob shop*"},
			"a right in one, and a ?":              {"sally", "", included("sho?"), everywhere("sally") + "it has the glob sho?"},
			"a right in one, and a glob beside it": {"sally", "", included("shop", "x*"), everywhere("sally") + "it has the glob x*"},
			"a right in one, and a selector": {
				"sally", "", `selector: {namespaceSelector: {matchLabels: {team: web}}}`, everywhere("sally") + "it names no namespace",
			},
			"a selector that names narrow": {
				"sally", "", `selector: {includedNamespaces: [shop], namespaceSelector: {matchLabels: {team: web}}}`, "",
			},
			"a namespace that is not there yet":      {"sally", "", included("later"), in("sally", "later")},
			"20 namespaces, all but the last":        {"nina", "", included(numbered(20)...), in("nina", "ns-20")},
			"19 namespaces":                          {"nina", "", included(numbered(19)...), ""},
			"20 namespaces":                          {"theo", "", included(numbered(20)...), ""},
			"21 namespaces, with a right in each":    {"theo", "", included(numbered(21)...), "the policy names more than 20 namespaces, and so many rights cannot be looked up for one request: theo needs the right to create pods/exec in all namespaces, or writes several policies of up to 20 names each"},
			"21 namespaces, with a right in all":     {"eve", "", included(numbered(21)...), ""},
			"no names, with a right in all":          {"eve", "", "", ""},
			"globs, with a right in all":             {"eve", "", included("*", "shop-?"), ""},
			"256 names, with a right in all":         {"eve", "", included(numbered(256)...), ""},
			"of a namespace, without a right":        {"nobody", "shop", "", in("nobody", "shop") + ": have it granted there, or have somebody write the policy who has it"},
			"of a namespace, with a right there":     {"sally", "shop", "", ""},
			"of a namespace, with one in another":    {"sally", "bank", "", in("sally", "bank")},
			"of a namespace, with a right in all":    {"eve", "bank", "", ""},
			"suspended from the start, all the same": {"nobody", "", "suspend: true", everywhere("nobody")},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				err := as(t, test.user).Create(t.Context(), newPolicy(t, test.namespace, test.spec), client.DryRunAll)
				if test.says == "" {
					require.NoError(t, err)
					return
				}
				require.True(t, apierrors.IsForbidden(err), "got %v", err)
				assert.ErrorContains(t, err, test.says)
			})
		}
	})

	for kind, namespace := range map[string]string{"HookPolicy": "", "NamespacedHookPolicy": "shop"} {
		t.Run("what has been written by somebody who may: "+kind, func(t *testing.T) {
			policy := newPolicy(t, namespace, "priority: 1")
			policy.SetAnnotations(map[string]string{v1alpha1.AuthorAnnotation: "eve"})
			require.NoError(t, as(t, "eve").Create(t.Context(), policy))
			nobody := as(t, "nobody")
			patch := func(body string) error {
				return nobody.Patch(t.Context(), policy.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(body)))
			}

			for name, body := range map[string]string{
				"is relabelled":               `{"metadata": {"labels": {"a": "b"}}}`,
				"is annotated":                `{"metadata": {"annotations": {"a": "b"}}}`,
				"is freed of a finalizer":     `{"metadata": {"finalizers": null}}`,
				"is written as it is already": `{"spec": {"priority": 1}}`,
				"is suspended":                `{"spec": {"suspend": true}}`,
				"is suspended once more":      `{"spec": {"suspend": true}, "metadata": {"labels": {"c": "d"}}}`,
			} {
				assert.NoError(t, patch(body), name)
			}
			require.NoError(t, patch(`{"spec": {"suspend": true}}`))
			for name, body := range map[string]string{
				"is not resumed":                     `{"spec": {"suspend": false}}`,
				"is not resumed by its default":      `{"spec": {"suspend": null}}`,
				"is not changed":                     `{"spec": {"priority": 2}, "metadata": {"annotations": {"quiesce.io/author": null}}}`,
				"is not changed while suspending it": `{"spec": {"suspend": true, "shell": "None"}, "metadata": {"annotations": {"quiesce.io/author": null}}}`,
			} {
				assert.True(t, apierrors.IsForbidden(patch(body)), name)
			}
			assert.ErrorContains(t, patch(`{"spec": {"priority": 2}, "metadata": {"annotations": {"quiesce.io/author": null}}}`),
				"nobody lacks the right to create pods/exec in ")

			require.NoError(t, server.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
			require.NoError(t, unstructured.SetNestedField(policy.Object, int64(3), "status", "matchedPods"))
			require.NoError(t, unstructured.SetNestedField(policy.Object, int64(3), "status", "stampedPods"))
			require.NoError(t, server.Status().Update(t.Context(), policy), "the controller writes no more than the status")
			require.NoError(t, nobody.Delete(t.Context(), policy), "and is deleted by whoever may delete policies")
		})
	}

	t.Run("init containers and Secrets take further rights", testInitAuthorship)
	t.Run("scripts and templates take rights everywhere, and Jobs a right of their own", testLibraryAuthorship)

	t.Run("the author is no other than who makes the request", func(t *testing.T) {
		says := func(author, user string) string {
			return "the annotation quiesce.io/author says " + author + ", and the request is made by " + user +
				": leave the annotation out, since Quiesce writes it"
		}
		policy := newPolicy(t, "", "priority: 1")
		policy.SetAnnotations(map[string]string{v1alpha1.AuthorAnnotation: "mallory"})
		require.ErrorContains(t, as(t, "eve").Create(t.Context(), policy), says("mallory", "eve"))
		policy.SetAnnotations(map[string]string{v1alpha1.AuthorAnnotation: "eve"})
		require.NoError(t, as(t, "eve").Create(t.Context(), policy))
		t.Cleanup(func() { assert.NoError(t, server.Delete(context.Background(), policy)) })

		tests := map[string]struct {
			body string
			says string // nothing where the patch is accepted
		}{
			"a change under the former author's name": {`{"spec": {"priority": 2}}`, says("eve", "adam")},
			"a change under one's own":                {`{"spec": {"priority": 2}, "metadata": {"annotations": {"quiesce.io/author": "adam"}}}`, ""},
			"a change under none":                     {`{"spec": {"priority": 2}, "metadata": {"annotations": {"quiesce.io/author": null}}}`, ""},
			"no change, under another name":           {`{"metadata": {"annotations": {"quiesce.io/author": "mallory"}}}`, says("mallory", "adam")},
			"no change, and other annotations":        {`{"metadata": {"annotations": {"a": "b"}}}`, ""},
			"suspending it":                           {`{"spec": {"suspend": true}}`, ""},
			"suspending it under another name":        {`{"spec": {"suspend": true}, "metadata": {"annotations": {"quiesce.io/author": "mallory"}}}`, says("mallory", "adam")},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				err := as(t, "adam").Patch(t.Context(), policy.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(test.body)), client.DryRunAll)
				if test.says == "" {
					require.NoError(t, err)
					return
				}
				require.True(t, apierrors.IsForbidden(err), "got %v", err)
				assert.ErrorContains(t, err, test.says)
			})
		}
	})

	// CEL has a budget, and what goes beyond it is refused.
	t.Run("a policy as large as can be is within the budget", func(t *testing.T) {
		policy := newPolicy(t, "", included(numbered(20)...))
		var hooks []any
		for i := range 16 {
			hooks = append(hooks, map[string]any{
				"name": fmt.Sprintf("hook-%d", i), "stages": []any{"PreSnapshot"},
				"exec": map[string]any{"command": []any{"sh", "-c", strings.Repeat("x", 31<<10)}},
			})
		}
		require.NoError(t, unstructured.SetNestedSlice(policy.Object, hooks, "spec", "hooks"))
		require.NoError(t, as(t, "theo").Create(t.Context(), policy))
		t.Cleanup(func() { assert.NoError(t, server.Delete(context.Background(), policy)) })
		for _, user := range []string{"theo", "nobody"} {
			for _, body := range []string{`{"metadata": {"labels": {"a": "b"}}}`, `{"spec": {"suspend": true}}`} {
				require.NoError(t, as(t, user).Patch(t.Context(), policy.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(body)), client.DryRunAll))
			}
		}
		require.NoError(t, as(t, "theo").Patch(t.Context(), policy.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"spec": {"priority": 2}}`)), client.DryRunAll))
	})
}
