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
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// initHook adds init containers, given in YAML.
func initHook(containers ...string) string {
	return `{name: prepare, stages: [PostRestore], init: {containers: [` + strings.Join(containers, ", ") + `]}}`
}

// newPolicyOf is one with a spec and hooks in YAML.
func newPolicyOf(t *testing.T, namespace, spec string, hooks ...string) *unstructured.Unstructured {
	t.Helper()
	policy := newPolicy(t, namespace, spec)
	var list []any
	require.NoError(t, yaml.Unmarshal([]byte("["+strings.Join(hooks, ", ")+"]"), &list))
	policy.Object["spec"].(map[string]any)["hooks"] = list
	return policy
}

const (
	execHook = `{name: flush, stages: [PreSnapshot], exec: {command: [flush]}}`
	command  = `{command: [x]}`
	// Variables by which a container gets to see a Secret.
	secretVariable = `{command: [x], env: [{name: A}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}]}`
	secretSource   = `{command: [x], envFrom: [{configMapRef: {name: c}}, {secretRef: {name: s}}]}`
	noSecret       = `{command: [x], env: [{name: A, value: b}, {name: C, valueFrom: {configMapKeyRef: {name: c, key: k}}},
		{name: D, valueFrom: {fieldRef: {fieldPath: metadata.name}}}], envFrom: [{configMapRef: {name: c}}]}`
)

// testInitAuthorship is a part of TestAuthorship: eve may run commands everywhere.
func testInitAuthorship(t *testing.T) {
	for _, user := range []string{"ines", "sam", "olga"} {
		mayExec(t, user)
	}
	may(t, "ines", "create", "pods", "", "shop")
	for _, user := range []string{"sam", "olga", "pia"} {
		may(t, user, "create", "pods", "")
	}
	may(t, "sam", "get", "secrets", "", "shop")
	may(t, "olga", "get", "secrets", "")
	for _, right := range [][2]string{{"create", "pods"}, {"get", "secrets"}} {
		may(t, "theo", right[0], right[1], "", numbered(20)...)
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for user, container := range map[string]string{"eve": command, "ines": secretVariable} {
			require.Error(c, as(t, user).Create(t.Context(), newPolicyOf(t, "", included("shop"), initHook(container)), client.DryRunAll))
		}
	}, time.Minute, 50*time.Millisecond, "the API server looks at admission policies some moments after they were made")

	t.Run("to create pods and get Secrets, wherever the policy does", testInitAuthors)
	for kind, namespace := range map[string]string{"HookPolicy": "", "NamespacedHookPolicy": "shop"} {
		t.Run("and so does a change: "+kind, func(t *testing.T) { testInitChanges(t, namespace) })
	}
	t.Run("a team asks for no privileges", testInitPrivileges)
	t.Run("and the largest policy is within the budget", testInitBudget)
}

// A restored pod is admitted as of whoever restores it, whose rights are not the team's.
func testInitPrivileges(t *testing.T) {
	for context, asks := range map[string]bool{
		"{privileged: true}":                                   true,
		"{allowPrivilegeEscalation: true}":                     true,
		"{capabilities: {add: [NET_ADMIN]}}":                   true,
		"{procMount: Unmasked}":                                true,
		"{seLinuxOptions: {type: spc_t}}":                      true,
		"{seccompProfile: {type: Unconfined}}":                 true,
		"{appArmorProfile: {type: Unconfined}}":                true,
		"{seccompProfile: {type: RuntimeDefault}}":             false,
		"{windowsOptions: {hostProcess: true}}":                true,
		"{}":                                                   false,
		"{privileged: false, allowPrivilegeEscalation: false}": false,
		"{runAsUser: 0, capabilities: {drop: [ALL]}}":          false,
	} {
		container := "{command: [x], securityContext: " + context + "}"
		team := as(t, "olga").Create(t.Context(), newPolicyOf(t, "shop", "", initHook(command, container)), client.DryRunAll)
		if asks {
			require.True(t, apierrors.IsForbidden(team), "%s: got %v", context, team)
			assert.ErrorContains(t, team, "spec.hooks[prepare].init: init containers of a NamespacedHookPolicy may not ask for privileges", context)
		} else {
			assert.NoError(t, team, context)
		}
		assert.NoError(t, as(t, "olga").Create(t.Context(), newPolicyOf(t, "", included("shop"), initHook(command, container)), client.DryRunAll), context)
	}
}

func testInitAuthors(t *testing.T) {
	const (
		exec    = "create pods/exec"
		pods    = "create pods"
		secrets = "get secrets"
	)
	who := map[string]string{exec: "writes this policy", pods: "writes init containers", secrets: "writes values made of Secrets"}
	in := func(user, right, namespace string) string {
		return user + " lacks the right to " + right + " in namespace " + namespace + ", which whoever " + who[right] + " needs: have it granted there"
	}
	everywhere := func(user, right, since string) string {
		return user + " lacks the right to " + right + " in all namespaces, which whoever " + who[right] + " needs, since " + since
	}
	tooMany := func(user, right string) string {
		return "the policy names more than 20 namespaces, and so many rights cannot be looked up for one request: " + user +
			" needs the right to " + right + " in all namespaces, or writes several policies of up to 20 names each"
	}
	tests := map[string]struct {
		user, namespace, spec string
		hooks                 []string
		says                  string // nothing where the policy is accepted
	}{
		"no more than the right to run commands": {"eve", "", included("shop"), []string{initHook(command)}, in("eve", pods, "shop")},
		"the right to create pods there":         {"ines", "", included("shop"), []string{initHook(command)}, ""},
		"and in one of two":                      {"ines", "", included("shop", "bank"), []string{initHook(command)}, in("ines", pods, "bank")},
		"and the other way round":                {"ines", "", included("bank", "shop"), []string{initHook(command)}, in("ines", pods, "bank")},
		"and no names":                           {"ines", "", "", []string{initHook(command)}, everywhere("ines", pods, "it names no namespace")},
		"and a glob":                             {"ines", "", included("shop", "x*"), []string{initHook(command)}, everywhere("ines", pods, "it has the glob x*")},
		"and 21 names":                           {"ines", "", included(numbered(21)...), []string{initHook(command)}, tooMany("ines", pods)},
		"and no names, with the right in all":    {"sam", "", "", []string{initHook(command)}, ""},
		"a right to create pods and none to run": {"pia", "", included("shop"), []string{initHook(command)}, in("pia", exec, "shop")},
		"of a namespace, without the right":      {"eve", "shop", "", []string{initHook(command)}, in("eve", pods, "shop")},
		"of a namespace, with the right there":   {"ines", "shop", "", []string{initHook(command)}, ""},
		"of a namespace, with it in another":     {"ines", "bank", "", []string{initHook(command)}, in("ines", pods, "bank")},
		"suspended from the start, all the same": {"eve", "", included("shop") + "\nsuspend: true", []string{initHook(command)}, in("eve", pods, "shop")},
		"behind a command":                       {"eve", "", included("shop"), []string{execHook, initHook(command)}, in("eve", pods, "shop")},
		"commands alone":                         {"eve", "", included("shop"), []string{execHook}, ""},
		"commands alone, everywhere":             {"eve", "", "", []string{execHook}, ""},
		"commands alone, of a namespace":         {"eve", "bank", "", []string{execHook}, ""},

		"a variable made of a Secret":            {"ines", "", included("shop"), []string{initHook(secretVariable)}, in("ines", secrets, "shop")},
		"variables made of a Secret":             {"ines", "", included("shop"), []string{initHook(secretSource)}, in("ines", secrets, "shop")},
		"in the last container of the last hook": {"ines", "", included("shop"), []string{execHook, initHook(command, noSecret, secretSource)}, in("ines", secrets, "shop")},
		"of a namespace":                         {"ines", "shop", "", []string{initHook(secretVariable)}, in("ines", secrets, "shop")},
		"variables made of anything else":        {"ines", "", included("shop"), []string{initHook(noSecret)}, ""},
		"the right to read Secrets there":        {"sam", "", included("shop"), []string{initHook(secretVariable, secretSource)}, ""},
		"the right to read, and two namespaces":  {"sam", "", included("shop", "bank"), []string{initHook(secretSource)}, in("sam", secrets, "bank")},
		"the right to read, and no names":        {"sam", "", "", []string{initHook(secretSource)}, everywhere("sam", secrets, "it names no namespace")},
		"the right to read, and a glob":          {"sam", "", included("sho?"), []string{initHook(secretSource)}, everywhere("sam", secrets, "it has the glob sho?")},
		"the right to read, and 21 names":        {"sam", "", included(numbered(21)...), []string{initHook(secretSource)}, tooMany("sam", secrets)},
		"the right to read in its namespace":     {"sam", "shop", "", []string{initHook(secretSource)}, ""},
		"the right to read in another namespace": {"sam", "bank", "", []string{initHook(secretSource)}, in("sam", secrets, "bank")},
		"all rights everywhere":                  {"olga", "", "", []string{initHook(secretVariable, secretSource)}, ""},
		"all rights everywhere, and 21 names":    {"olga", "", included(numbered(21)...), []string{initHook(secretSource)}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := as(t, test.user).Create(t.Context(), newPolicyOf(t, test.namespace, test.spec, test.hooks...), client.DryRunAll)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, apierrors.IsForbidden(err), "got %v", err)
			assert.ErrorContains(t, err, test.says)
		})
	}
}

// testInitChanges changes policies that are for the namespace shop.
func testInitChanges(t *testing.T, namespace string) {
	spec := included("shop")
	if namespace != "" {
		spec = "priority: 1"
	}
	written := func(hooks ...string) *unstructured.Unstructured {
		policy := newPolicyOf(t, namespace, spec, hooks...)
		require.NoError(t, as(t, "olga").Create(t.Context(), policy))
		t.Cleanup(func() { assert.NoError(t, server.Delete(context.Background(), policy)) })
		return policy
	}
	commands, containers, secrets := written(execHook), written(initHook(command)), written(initHook(secretVariable))
	suspended := written(initHook(secretVariable))
	patch := func(user string, policy *unstructured.Unstructured, body string, options ...client.PatchOption) error {
		inJSON, err := yaml.YAMLToJSON([]byte(body))
		require.NoError(t, err)
		return as(t, user).Patch(t.Context(), policy.DeepCopy(), client.RawPatch(types.MergePatchType, inJSON), options...)
	}
	require.NoError(t, patch("nobody", suspended, `spec: {suspend: true}`), "suspending takes no right")

	const (
		raised = `spec: {priority: 9}`
		pods   = "lacks the right to create pods in namespace shop"
		secret = "lacks the right to get secrets in namespace shop"
	)
	hooks := func(hooks ...string) string { return "spec: {hooks: [" + strings.Join(hooks, ", ") + "]}" }
	tests := map[string]struct {
		user   string
		policy *unstructured.Unstructured
		body   string
		says   string // nothing where the patch is accepted
	}{
		"commands are changed":                        {"eve", commands, raised, ""},
		"commands get a container beside them":        {"eve", commands, hooks(execHook, initHook(command)), pods},
		"and by who may create pods":                  {"ines", commands, hooks(execHook, initHook(command)), ""},
		"containers are changed by who may not":       {"eve", containers, raised, pods},
		"containers are changed by who may":           {"ines", containers, raised, ""},
		"containers make way for commands":            {"eve", containers, hooks(execHook), ""},
		"containers get variables made of a Secret":   {"ines", containers, hooks(initHook(secretSource)), secret},
		"and by who may read it":                      {"sam", containers, hooks(initHook(secretSource)), ""},
		"those with a Secret are changed without":     {"ines", secrets, raised, secret},
		"and with the right":                          {"sam", secrets, raised, ""},
		"they lose their Secret":                      {"ines", secrets, hooks(initHook(command)), ""},
		"they lose it, by who may not create pods":    {"eve", secrets, hooks(initHook(command)), pods},
		"they are labelled":                           {"nobody", secrets, `metadata: {labels: {a: b}}`, ""},
		"they are freed of a finalizer":               {"nobody", secrets, `metadata: {finalizers: null}`, ""},
		"they are written as they are":                {"nobody", secrets, hooks(initHook(secretVariable)), ""},
		"they are suspended":                          {"nobody", secrets, `spec: {suspend: true}`, ""},
		"they are suspended and changed":              {"ines", secrets, `spec: {suspend: true, priority: 9}`, secret},
		"suspended ones are suspended and labelled":   {"nobody", suspended, `{spec: {suspend: true}, metadata: {labels: {a: b}}}`, ""},
		"suspended ones are resumed by who may not":   {"ines", suspended, `spec: {suspend: false}`, secret},
		"suspended ones are resumed by their default": {"ines", suspended, `spec: {suspend: null}`, secret},
		"suspended ones are resumed by who may":       {"sam", suspended, `spec: {suspend: false}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := patch(test.user, test.policy, test.body, client.DryRunAll)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, apierrors.IsForbidden(err), "got %v", err)
			assert.ErrorContains(t, err, test.user+" "+test.says)
		})
	}
}

// testInitBudget has CEL look at as many namespaces, hooks, containers and variables as there may be. The one Secret comes
// last, so that all the others are looked at.
func testInitBudget(t *testing.T) {
	list := func(count int, format string) string {
		all := make([]string, count)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(all, ", ")
	}
	container := `{command: [x], env: [` + list(128, "{name: A%d}") + `], envFrom: [` + list(31, "{configMapRef: {name: c%d}}") + `, {configMapRef: {name: last}}]}`
	hook := `{name: h%d, stages: [PostRestore], init: {containers: [` + strings.Repeat(container+", ", 7) + container + `]}}`
	hooks := list(32, hook)
	last := strings.LastIndex(hooks, "{configMapRef: {name: last}}")
	policy := newPolicyOf(t, "", included(numbered(20)...), hooks[:last]+strings.Replace(hooks[last:], "configMapRef", "secretRef", 1))

	require.NoError(t, as(t, "theo").Create(t.Context(), policy))
	t.Cleanup(func() { assert.NoError(t, server.Delete(context.Background(), policy)) })
	patch := func(user, body string) error {
		return as(t, user).Patch(t.Context(), policy.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(body)), client.DryRunAll)
	}
	require.NoError(t, patch("theo", `{"spec": {"priority": 2}}`))
	require.ErrorContains(t, patch("nina", `{"spec": {"priority": 2}}`), "nina lacks the right to ")
	require.NoError(t, patch("nobody", `{"metadata": {"labels": {"a": "b"}}}`))
	require.NoError(t, patch("nobody", `{"spec": {"suspend": true}}`))
}
