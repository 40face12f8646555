package chart_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	applications "github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// newInLibrary is a HookScript or a HookTemplate with a spec in YAML.
func newInLibrary(t *testing.T, kind, spec string) *unstructured.Unstructured {
	t.Helper()
	fields := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(spec), &fields))
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "quiesce.io/v1alpha1", "kind": kind, "metadata": map[string]any{"generateName": "authorship-"}, "spec": fields,
	}}
}

func newTemplate(t *testing.T, hooks ...string) *unstructured.Unstructured {
	t.Helper()
	return newInLibrary(t, "HookTemplate", `{application: X, selector: {includedNamespaces: [shop]}, hooks: [`+strings.Join(hooks, ", ")+`]}`)
}

// Hooks by what their author needs, and how each has its values.
const (
	scriptHook    = `{name: script, stages: [PreSnapshot], script: {name: flush, env: [{name: A, value: b}]}}`
	jobHook       = `{name: job, stages: [PostSnapshot], job: {template: {spec: {template: {spec: {containers: [{name: x, image: x, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}}}}}}`
	getHook       = `{name: get, stages: [PostBackup], httpGet: {port: 80, httpHeaders: [{name: A, value: b}], tls: {serverName: x}}}`
	socketHook    = `{name: socket, stages: [PostBackup], tcpSocket: {port: 80}}`
	secretScript  = `{name: script, stages: [PreSnapshot], script: {name: flush, env: [{name: A, value: b}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}]}}`
	secretHeader  = `{name: post, stages: [PostBackup], httpPost: {url: "https://x/", body: x, httpHeaders: [{name: A, value: b}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}]}}`
	secretCA      = `{name: get, stages: [PostBackup], httpGet: {port: 80, tls: {caFrom: {secretKeyRef: {name: s, key: k}}}}}`
	plainTemplate = `template: {name: pg, params: [{name: user, value: app}]}`
	secretParam   = `template: {name: pg, params: [{name: user, value: app}, {name: password, valueFrom: {secretKeyRef: {name: s, key: k}}}]}`
	goodScript    = `{script: "#!/bin/sh\nflush\n"}`
)

// testLibraryAuthorship is a part of TestAuthorship: eve may run commands everywhere, sally in the namespace shop.
func testLibraryAuthorship(t *testing.T) {
	for _, user := range []string{"joan", "jack", "carl"} {
		mayExec(t, user)
	}
	mayIn(t, "batch", "joan", "create", "jobs", "", "shop")
	for _, user := range []string{"jack", "carl"} {
		mayIn(t, "batch", user, "create", "jobs", "")
	}
	may(t, "joan", "get", "secrets", "", "shop")
	for _, right := range [][2]string{{"get", "secrets"}, {"create", "pods"}} {
		may(t, "carl", right[0], right[1], "")
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, hook := range []string{jobHook, secretScript} {
			require.Error(c, as(t, "eve").Create(t.Context(), newPolicyOf(t, "", included("shop"), hook), client.DryRunAll))
		}
	}, time.Minute, 50*time.Millisecond, "the API server looks at admission policies some moments after they were made")

	t.Run("of scripts and templates", testLibraryAuthors)
	t.Run("of policies with Jobs and Secrets", testJobAuthors)
	t.Run("and so does a change", testLibraryChanges)
	t.Run("nobody writes under another's name", func(t *testing.T) {
		script := newInLibrary(t, "HookScript", goodScript)
		script.SetAnnotations(map[string]string{v1alpha1.AuthorAnnotation: "mallory"})
		assert.ErrorContains(t, as(t, "eve").Create(t.Context(), script, client.DryRunAll), "the annotation quiesce.io/author says mallory")
	})
	t.Run("and the largest are within the budget", testLibraryBudget)
	t.Run("and the application library needs no more than the controller may", testDelivery)
}

// lacks is what is said of a right that is missing in all namespaces to whoever writes a script or a template.
func lacks(user, right, who string) string {
	return user + " lacks the right to " + right + " in all namespaces, which whoever " + who + " needs, since policies of any namespace may use it"
}

const (
	writesLibrary = "writes scripts and templates"
	writesJobs    = "writes Jobs"
	writesSecrets = "writes values made of Secrets"
)

// testDelivery has somebody write the application library who has the right that the controller has.
func testDelivery(t *testing.T) {
	all, err := applications.All()
	require.NoError(t, err)
	for i := range all {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&all[i])
		require.NoError(t, err)
		assert.NoError(t, as(t, "eve").Create(t.Context(), &unstructured.Unstructured{Object: fields}, client.DryRunAll), all[i].Name)
	}
}

func testLibraryAuthors(t *testing.T) {
	tests := map[string]struct {
		user   string
		object *unstructured.Unstructured
		says   string // nothing where it is accepted
	}{
		"a script, without a right":                  {"nobody", newInLibrary(t, "HookScript", goodScript), lacks("nobody", "create pods/exec", writesLibrary)},
		"a script, with a right in one namespace":    {"sally", newInLibrary(t, "HookScript", goodScript), lacks("sally", "create pods/exec", writesLibrary)},
		"a script, with a right in all":              {"eve", newInLibrary(t, "HookScript", goodScript), ""},
		"a template, with a right in one namespace":  {"sally", newTemplate(t, execHook), lacks("sally", "create pods/exec", writesLibrary)},
		"a template, with a right in all":            {"eve", newTemplate(t, execHook, scriptHook, getHook, socketHook), ""},
		"a template with Jobs, without the right":    {"eve", newTemplate(t, execHook, jobHook), lacks("eve", "create jobs", writesJobs)},
		"a template with Jobs, with it in one":       {"joan", newTemplate(t, jobHook), lacks("joan", "create jobs", writesJobs)},
		"a template with Jobs, with it in all":       {"jack", newTemplate(t, execHook, jobHook), ""},
		"a template with containers, without":        {"eve", newTemplate(t, initHook(command)), lacks("eve", "create pods", "writes init containers")},
		"a template with a Secret in a script":       {"jack", newTemplate(t, secretScript), lacks("jack", "get secrets", writesSecrets)},
		"a template with a Secret in a header":       {"jack", newTemplate(t, secretHeader), lacks("jack", "get secrets", writesSecrets)},
		"a template with a Secret for a certificate": {"jack", newTemplate(t, secretCA), lacks("jack", "get secrets", writesSecrets)},
		"a template with a Secret, and the right in one": {
			"joan", newTemplate(t, secretScript), lacks("joan", "get secrets", writesSecrets),
		},
		"a template with all of it, and all rights": {"carl", newTemplate(t, execHook, initHook(secretSource), jobHook, secretScript, secretHeader, secretCA), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := as(t, test.user).Create(t.Context(), test.object.DeepCopy(), client.DryRunAll)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, apierrors.IsForbidden(err), "got %v", err)
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func testJobAuthors(t *testing.T) {
	in := func(user, right, who, namespace string) string {
		return user + " lacks the right to " + right + " in namespace " + namespace + ", which whoever " + who + " needs: have it granted there"
	}
	everywhere := func(user, right, who string) string {
		return user + " lacks the right to " + right + " in all namespaces, which whoever " + who + " needs, since it names no namespace"
	}
	tests := map[string]struct {
		user, namespace, spec string
		hooks                 []string
		says                  string // nothing where the policy is accepted
	}{
		"Jobs, without the right":                     {"eve", "", included("shop"), []string{execHook, jobHook}, in("eve", "create jobs", writesJobs, "shop")},
		"Jobs, with the right there":                  {"joan", "", included("shop"), []string{execHook, jobHook}, ""},
		"Jobs, with the right in one of two":          {"joan", "", included("shop", "bank"), []string{jobHook}, in("joan", "create jobs", writesJobs, "bank")},
		"Jobs, and no names":                          {"joan", "", "", []string{jobHook}, everywhere("joan", "create jobs", writesJobs)},
		"Jobs, and no names, with the right in all":   {"jack", "", "", []string{jobHook}, ""},
		"Jobs of a namespace, without the right":      {"eve", "shop", "", []string{jobHook}, in("eve", "create jobs", writesJobs, "shop")},
		"Jobs of a namespace, with the right there":   {"joan", "shop", "", []string{jobHook}, ""},
		"Jobs of a namespace, with it in another":     {"joan", "bank", "", []string{jobHook}, in("joan", "create jobs", writesJobs, "bank")},
		"no more than requests":                       {"eve", "", included("shop"), []string{getHook, socketHook, scriptHook}, ""},
		"a Secret in a script":                        {"eve", "", included("shop"), []string{execHook, secretScript}, in("eve", "get secrets", writesSecrets, "shop")},
		"a Secret in a header":                        {"eve", "", included("shop"), []string{secretHeader}, in("eve", "get secrets", writesSecrets, "shop")},
		"a Secret for a certificate":                  {"eve", "shop", "", []string{secretCA}, in("eve", "get secrets", writesSecrets, "shop")},
		"a Secret, with the right there":              {"joan", "", included("shop"), []string{secretScript, secretHeader, secretCA}, ""},
		"a Secret, and no names":                      {"joan", "", "", []string{secretHeader}, everywhere("joan", "get secrets", writesSecrets)},
		"a Secret of a namespace, with it in another": {"joan", "bank", "", []string{secretScript}, in("joan", "get secrets", writesSecrets, "bank")},
		"a template and nothing else":                 {"sally", "shop", plainTemplate, nil, ""},
		"a template, without a right":                 {"nobody", "shop", plainTemplate, nil, in("nobody", "create pods/exec", "writes this policy", "shop")},
		"a template, and a Secret for a param":        {"sally", "shop", secretParam, nil, in("sally", "get secrets", writesSecrets, "shop")},
		"a template, a Secret, and the right":         {"joan", "shop", secretParam, nil, ""},
		"a template and hooks":                        {"joan", "shop", plainTemplate, []string{execHook, jobHook}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			policy := newPolicyOf(t, test.namespace, test.spec, test.hooks...)
			if len(test.hooks) == 0 {
				unstructured.RemoveNestedField(policy.Object, "spec", "hooks")
			}
			err := as(t, test.user).Create(t.Context(), policy, client.DryRunAll)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, apierrors.IsForbidden(err), "got %v", err)
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func testLibraryChanges(t *testing.T) {
	written := func(object *unstructured.Unstructured) *unstructured.Unstructured {
		require.NoError(t, as(t, "carl").Create(t.Context(), object))
		t.Cleanup(func() { assert.NoError(t, client.IgnoreNotFound(server.Delete(context.Background(), object))) })
		return object
	}
	script, template := written(newInLibrary(t, "HookScript", goodScript)), written(newTemplate(t, jobHook))
	tests := map[string]struct {
		user   string
		object *unstructured.Unstructured
		body   string
		says   string // nothing where the patch is accepted
	}{
		"a script is changed":                              {"eve", script, `spec: {script: "#!/bin/sh\n"}`, ""},
		"a script is changed by who may not":               {"sally", script, `spec: {script: "#!/bin/sh\n"}`, lacks("sally", "create pods/exec", writesLibrary)},
		"only its notes are":                               {"sally", script, `spec: {notes: x}`, lacks("sally", "create pods/exec", writesLibrary)},
		"a script is labelled":                             {"nobody", script, `metadata: {labels: {a: b}}`, ""},
		"a script is freed of a finalizer":                 {"nobody", script, `metadata: {finalizers: null}`, ""},
		"a template with Jobs is changed by who may not":   {"eve", template, `spec: {description: x}`, lacks("eve", "create jobs", writesJobs)},
		"a template with Jobs is changed by who may":       {"jack", template, `spec: {description: x}`, ""},
		"a template with Jobs makes way for commands":      {"eve", template, "spec: {hooks: [" + execHook + "]}", ""},
		"a template gets a Secret from who may not see it": {"jack", template, "spec: {hooks: [" + secretCA + "]}", lacks("jack", "get secrets", writesSecrets)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inJSON, err := yaml.YAMLToJSON([]byte(test.body))
			require.NoError(t, err)
			err = as(t, test.user).Patch(t.Context(), test.object.DeepCopy(), client.RawPatch(types.MergePatchType, inJSON), client.DryRunAll)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, apierrors.IsForbidden(err), "got %v", err)
			assert.ErrorContains(t, err, test.says)
		})
	}
	require.NoError(t, as(t, "nobody").Delete(t.Context(), written(newInLibrary(t, "HookScript", goodScript))),
		"and is deleted by whoever may delete scripts")
}

// testLibraryBudget has CEL look at the largest script, and at as many hooks and values as there may be. The one Secret comes last,
// so that all the others are looked at.
func testLibraryBudget(t *testing.T) {
	list := func(count int, format string) string {
		all := make([]string, count)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(all, ", ")
	}
	script := newInLibrary(t, "HookScript", `{script: "#!/bin/sh\n`+strings.Repeat("x", v1alpha1.MaxScriptBytes-20)+`"}`)
	hooks := list(16, `{name: s%d, stages: [PreSnapshot], script: {name: flush, env: [`+list(64, "{name: A%d, value: b}")+`]}}`) + ", " +
		list(15, `{name: p%d, stages: [PostSnapshot], httpPost: {port: 80, httpHeaders: [`+list(32, "{name: A%d, value: b}")+`]}}`) + ", " + secretCA
	template := newTemplate(t, hooks)
	policy := newPolicyOf(t, "", included(numbered(20)...)+`
template: {name: pg, params: [`+list(32, "{name: p%d, value: v}")+`]}`, hooks)
	for _, object := range []*unstructured.Unstructured{script, template, policy} {
		require.NoError(t, as(t, "carl").Create(t.Context(), object), object.GetKind())
		t.Cleanup(func() { assert.NoError(t, server.Delete(context.Background(), object)) })
		patch := func(user, body string) error {
			return as(t, user).Patch(t.Context(), object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(body)), client.DryRunAll)
		}
		require.NoError(t, patch("nobody", `{"metadata": {"labels": {"a": "b"}}}`), object.GetKind())
		body := map[string]string{
			"HookScript": `{"spec": {"notes": "x"}}`, "HookTemplate": `{"spec": {"description": "x"}}`, "HookPolicy": `{"spec": {"priority": 2}}`,
		}[object.GetKind()]
		require.NoError(t, patch("carl", body), object.GetKind())
		require.ErrorContains(t, patch("nina", body), "nina lacks the right to ", object.GetKind())
	}
}
