package integration

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// policyWith is a good policy, changed by fields of spec or of its one hook.
func policyWith(t *testing.T, spec, hook string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "quiesce.io/v1alpha1", "kind": "HookPolicy",
		"metadata": map[string]any{"generateName": "validation-"},
	}}
	hookFields := map[string]any{"name": "flush", "stages": []any{"PreSnapshot"}, "exec": map[string]any{"command": []any{"flush"}}}
	merge(t, hookFields, hook)
	specFields := map[string]any{"hooks": []any{hookFields}}
	merge(t, specFields, spec)
	object.Object["spec"] = specFields
	return object
}

func merge(t *testing.T, into map[string]any, source string) {
	t.Helper()
	fields := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(source), &fields))
	for key, value := range fields {
		if value == nil {
			delete(into, key)
		} else {
			into[key] = value
		}
	}
}

func TestAPolicyWithAMistakeIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	tests := map[string]struct {
		spec, hook string
		want       []string
	}{
		"a wrong glob": {
			spec: `selector: {includedNamespaces: ["shop", "Shop-["]}`,
			want: []string{"spec.selector.includedNamespaces[1]", "such as shop or shop-*"},
		},
		"a wrong glob among the excluded": {
			spec: `selector: {excludedNamespaces: ["a b"]}`,
			want: []string{"spec.selector.excludedNamespaces[0]", "such as shop or shop-*"},
		},
		"an empty glob": {
			spec: `selector: {includedNamespaces: [""]}`,
			want: []string{"spec.selector.includedNamespaces[0]"},
		},
		"a resource that is not pods": {
			spec: `selector: {includedResources: [pods, deployments]}`,
			want: []string{"spec.selector.includedResources", "hooks run in pods only: write [pods] or leave the field out"},
		},
		"a stage that does not exist": {
			hook: `stages: [BeforeBackup]`,
			want: []string{"spec.hooks[0].stages[0]", `"BeforeBackup"`, `"PreBackup", "PreSnapshot", "PostSnapshot", "PostBackup", "PreRestore", "PostRestore"`},
		},
		"no stage": {
			hook: `stages: []`,
			want: []string{"spec.hooks[0].stages", "write at least one stage: PreBackup, PreSnapshot, PostSnapshot, PostBackup, PreRestore or PostRestore"},
		},
		"stages left out": {hook: `stages: null`, want: []string{"spec.hooks[0].stages", "Required value"}},
		"a stage named twice": {
			hook: `stages: [PreBackup, PreBackup]`,
			want: []string{"spec.hooks[0].stages[1]", "Duplicate value"},
		},
		"a duration without a unit": {
			hook: `timeout: "30"`,
			want: []string{"spec.hooks[0].timeout", "write a duration with its unit, such as 30s, 5m or 1m30s"},
		},
		"a duration that is a number":   {hook: `timeout: 30`, want: []string{"spec.hooks[0].timeout", "must be of type string"}},
		"a duration in days":            {hook: `timeout: 1d`, want: []string{"spec.hooks[0].timeout", "write a duration with its unit"}},
		"a negative duration":           {hook: `timeout: -5s`, want: []string{"spec.hooks[0].timeout", "write a duration with its unit"}},
		"an empty duration":             {hook: `timeout: ""`, want: []string{"spec.hooks[0].timeout", "write a duration with its unit"}},
		"no time at all":                {hook: `timeout: 0s`, want: []string{"spec.hooks[0].timeout", "write a duration above 0s and at most 25m"}},
		"26 minutes":                    {hook: `timeout: 26m`, want: []string{"spec.hooks[0].timeout", "write a duration above 0s and at most 25m"}},
		"a moment more than 25 minutes": {hook: `timeout: 25m1ms`, want: []string{"spec.hooks[0].timeout", "at most 25m"}},
		"more hours than there are":     {hook: `timeout: 9999999h9999999h9999999h`, want: []string{"spec.hooks[0].timeout"}},
		"a very long duration":          {hook: `timeout: 99999999s`, want: []string{"spec.hooks[0].timeout"}},
		"an empty command": {
			hook: `exec: {command: []}`,
			want: []string{"spec.hooks[0].exec.command", "write the program and its arguments as a list, such as [psql, -c, CHECKPOINT]"},
		},
		"a command whose program is empty": {
			hook: `exec: {command: ["", x]}`,
			want: []string{"spec.hooks[0].exec.command", "write the program and its arguments as a list"},
		},
		"a command that is a string": {hook: `exec: {command: "psql -c CHECKPOINT"}`, want: []string{"spec.hooks[0].exec.command", "must be of type array"}},
		"no action":                  {hook: `exec: null`, want: []string{"spec.hooks[0]", "write exactly one action: exec, script, hold, httpGet, httpPost, tcpSocket, job or init"}},
		"two hooks of one name": {
			spec: `hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}, {name: a, stages: [PostBackup], exec: {command: [b]}}]`,
			want: []string{"spec.hooks[1]", "Duplicate value", `"name":"a"`, "give each hook a name of its own"},
		},
		"a limit without a unit": {
			spec: `maxQuiesce: "600"`,
			want: []string{"spec.maxQuiesce", "write a duration with its unit, such as 90s, 10m or 1h"},
		},
		"a limit that is too long": {
			spec: `maxQuiesce: 25h`,
			want: []string{"spec.maxQuiesce", "write a duration of 1s to 24h"},
		},
		"a shell that there is not": {
			spec: `shell: Bash`,
			want: []string{"spec.shell", `"Bash"`, `"Posix", "None"`},
		},
		"a pattern that is too long": {
			spec: `selector: {containerImages: ["` + strings.Repeat("x", 257) + `"]}`,
			want: []string{"spec.selector.containerImages[0]", "256"},
		},
		"more patterns than there may be": {
			spec: `selector: {excludedContainerImages: [a, b, c, d, e, f, g, h, i, j, k]}`,
			want: []string{"spec.selector.excludedContainerImages", "10"},
		},
		"a wrong label in the selector of a hook": {
			hook: `labelSelector: {matchLabels: {app: "a b"}}`,
			want: []string{"spec.hooks[0].labelSelector.matchLabels", "write a label value"},
		},
		"an operator that does not exist": {
			spec: `selector: {labelSelector: {matchExpressions: [{key: app, operator: Like, values: [x]}]}}`,
			want: []string{"spec.selector.labelSelector.matchExpressions[0].operator", `"Like"`, `"In", "NotIn", "Exists", "DoesNotExist"`},
		},
		"In without values": {
			spec: `selector: {namespaceSelector: {matchExpressions: [{key: app, operator: In}]}}`,
			want: []string{"spec.selector.namespaceSelector.matchExpressions[0]", "write values with In and NotIn, and none with Exists and DoesNotExist"},
		},
		"Exists with values": {
			spec: `selector: {labelSelector: {matchExpressions: [{key: app, operator: Exists, values: [x]}]}}`,
			want: []string{"spec.selector.labelSelector.matchExpressions[0]", "write values with In and NotIn"},
		},
		"a label value that can be none": {
			spec: `selector: {labelSelector: {matchLabels: {app: "not a value"}}}`,
			want: []string{"spec.selector.labelSelector.matchLabels", "write a label value"},
		},
		"a label value that is too long": {
			spec: `selector: {labelSelector: {matchLabels: {app: ` + strings.Repeat("x", 64) + `}}}`,
			want: []string{"spec.selector.labelSelector.matchLabels"},
		},
		"a label key that can be none": {
			spec: `selector: {labelSelector: {matchLabels: {"a b": c}}}`,
			want: []string{"spec.selector.labelSelector.matchLabels", "write label keys, such as app or app.kubernetes.io/name"},
		},
		"no hooks":                     {spec: `hooks: []`, want: []string{"spec: ", "write at least one hook", "or template with the name of a HookTemplate"}},
		"a hook name in capitals":      {hook: `name: Flush`, want: []string{"spec.hooks[0].name", "write lower-case letters, digits and hyphens, such as flush-tables"}},
		"an onError of another sort":   {hook: `onError: Ignore`, want: []string{"spec.hooks[0].onError", `"Ignore"`, `"Fail", "Continue"`}},
		"a container that can be none": {hook: `container: "App 1"`, want: []string{"spec.hooks[0].container", "write the name of a container"}},
		"a priority out of bounds":     {spec: `priority: 1000001`, want: []string{"spec.priority", "less than or equal to 1000000"}},
		"a priority in words":          {spec: `priority: high`, want: []string{"spec.priority", "must be of type integer"}},
	}
	refused := map[string]any{}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			policy := policyWith(t, test.spec, test.hook)
			refused[name] = policy.DeepCopy().Object
			err := api.Create(t.Context(), policy)
			require.True(t, apierrors.IsInvalid(err), "got %v", err)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
	assertLintAgrees(t, refused)
}

func TestAPolicyWithAMisspeltFieldIsRefusedToAStrictClient(t *testing.T) {
	strict := client.WithFieldValidation(api, "Strict")
	err := strict.Create(t.Context(), policyWith(t, `selectors: {}`, `onErr: Fail`))
	assert.ErrorContains(t, err, `unknown field "spec.selectors"`)
	assert.ErrorContains(t, err, `unknown field "spec.hooks[0].onErr"`)
	assertLintAgrees(t, map[string]any{"misspelt": policyWith(t, `selectors: {}`, ``).Object, "misspelt hook": policyWith(t, ``, `onErr: Fail`).Object})
}

func TestGoodPoliciesAreTakenWithTheirDefaults(t *testing.T) {
	taken := map[string]any{}
	for name, test := range map[string]struct{ spec, hook string }{
		"the least that there is": {},
		"globs":                   {spec: `selector: {includedNamespaces: ["*", "shop", "shop-*", "s?op", "0"], excludedNamespaces: ["a-*-b"]}`},
		"selectors": {spec: `selector: {includedResources: [pods], labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d]}]},
			namespaceSelector: {matchLabels: {e: f}}}`},
		"durations":       {hook: `timeout: 25m`},
		"durations in ms": {hook: `timeout: 1500000ms`},
		"mixed durations": {hook: `timeout: 1m30.5s`},
		"all stages":      {hook: `stages: [PreBackup, PreSnapshot, PostSnapshot, PostBackup]`},
		"32 KiB argument": {hook: `exec: {command: [sh, -c, "` + strings.Repeat("x", 32<<10) + `"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyWith(t, test.spec, test.hook)
			taken[name] = policy.DeepCopy().Object
			create(t, policy)
			hooks, _, err := unstructured.NestedSlice(policy.Object, "spec", "hooks")
			require.NoError(t, err)
			hook := hooks[0].(map[string]any)
			assert.Equal(t, "Fail", hook["onError"])
			assert.NotEmpty(t, hook["timeout"])
			if test.hook == "" {
				assert.Equal(t, "30s", hook["timeout"])
			}
			priority, _, err := unstructured.NestedInt64(policy.Object, "spec", "priority")
			require.NoError(t, err)
			assert.Zero(t, priority)
		})
	}
	assertLintFindsNothing(t, taken)
}

func TestAPolicyOfANamespaceSelectsNone(t *testing.T) {
	namespaced := func(spec string) *unstructured.Unstructured {
		object := policyWith(t, spec, "")
		object.SetKind("NamespacedHookPolicy")
		object.SetNamespace("default")
		return object
	}
	for _, selector := range []string{`{includedNamespaces: [default]}`, `{excludedNamespaces: [x]}`, `{namespaceSelector: {}}`} {
		err := api.Create(t.Context(), namespaced("selector: "+selector), client.DryRunAll)
		require.Error(t, err, selector)
		assert.ErrorContains(t, err, "spec.selector")
		assert.ErrorContains(t, err, "a NamespacedHookPolicy is for its own namespace: leave includedNamespaces, excludedNamespaces and namespaceSelector out")
		assertLintAgrees(t, map[string]any{selector: namespaced("selector: " + selector).Object})
	}
	require.NoError(t, api.Create(t.Context(), namespaced(`selector: {labelSelector: {matchLabels: {app: db}}, containerImages: ["db:"]}`), client.DryRunAll))
}
