package convert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAllObjectsOfAStreamAreRead(t *testing.T) {
	const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"NAME"}}`
	result, err := Convert([]byte(strings.ReplaceAll(pod, "NAME", "a")+"\n"+strings.ReplaceAll(pod, "NAME", "b")), Options{})
	require.NoError(t, err)
	assert.Len(t, result.Warnings, 2)
	_, err = Convert([]byte("{apiVersion: v1, kind: Pod, metadata: {name: a}}\n{apiVersion: v1, kind: Pod, metadata: {name: b}}\n"), Options{})
	require.ErrorContains(t, err, "the input:2:1: this follows the end of a document")
}

func TestMergesAreYAML(t *testing.T) {
	result, err := Convert([]byte("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: &m {name: a, namespace: shop}\n"+
		"- apiVersion: v1\n  kind: Pod\n  metadata: {<<: *m, name: b}\n"), Options{})
	require.NoError(t, err)
	require.Len(t, result.Warnings, 2)
	assert.Contains(t, result.Warnings[1], "Pod shop/b: ")
}

func TestAllMistakesOfAllSourcesAreToldAtOnce(t *testing.T) {
	_, err := Sources([]Source{
		{Name: "a.yaml", Content: []byte("kind: [\n---\n- a\n")},
		{Name: "b.yaml", Content: []byte("apiVersion: velero.io/v1\nkind: Backup\nmetadata: {name: x}\nspec: {hooks: 1}\n")},
	}, Options{})
	require.EqualError(t, err, "a.yaml:1:1: this is no YAML: did not find expected node content\n"+
		"a.yaml:3:1: this is no object of Kubernetes: write a mapping with apiVersion, kind and metadata\n"+
		"b.yaml:4:8: Backup x: it is a number and must be a mapping (spec.hooks)")
}

func TestHooksThatAreLostAreLeftWhereOthersOfTheirPolicyAreNot(t *testing.T) {
	result, err := Convert([]byte(`
apiVersion: velero.io/v1
kind: Restore
metadata: {name: x, namespace: velero}
spec:
  hooks:
    resources:
    - name: a
      retries: 1
      postHooks:
      - exec: {command: [one]}
      - exec: {command: [-two]}
      - exec: {container: "no name", command: [three]}
`), Options{})
	require.NoError(t, err)
	require.Len(t, result.Policies, 1)
	assert.Len(t, result.Policies[0].Spec.Hooks, 1)
	require.Len(t, result.Left, 3)
	for i, want := range []string{"Hook restore-2 is left out", "Hook restore-3 is left out", "a field that is not known here, and that is left out: retries"} {
		assert.Contains(t, result.Left[i], want)
	}
	assert.True(t, strings.HasPrefix(string(result.YAML()), "# Not converted: Restore velero/x"))
}

func TestOfTwoObjectsOfANameOneIsLeft(t *testing.T) {
	for kind, documents := range map[string][2]string{
		"Rule shop/r": {
			"apiVersion: stork.libopenstorage.org/v1alpha1\nkind: Rule\nmetadata: {name: r, namespace: shop}\nrules: [{podSelector: {a: b}, actions: [{type: command, value: one}]}]\n",
			"apiVersion: stork.libopenstorage.org/v1alpha1\nkind: Rule\nmetadata: {name: r, namespace: shop}\nrules: [{podSelector: {a: b}, actions: [{type: command, value: two}]}]\n",
		},
		"HookTemplate shop/t": {
			"apiVersion: core.kubestash.com/v1alpha1\nkind: HookTemplate\nmetadata: {name: t, namespace: shop}\nspec: {action: {exec: {command: [one]}}, executor: {type: Pod, pod: {selector: a=b}}}\n",
			"apiVersion: core.kubestash.com/v1alpha1\nkind: HookTemplate\nmetadata: {name: t, namespace: shop}\nspec: {action: {exec: {command: [two]}}, executor: {type: Pod, pod: {selector: a=b}}}\n",
		},
		"Application shop/app": {
			"apiVersion: protect.trident.netapp.io/v1\nkind: Application\nmetadata: {name: app, namespace: shop}\nspec: {includedNamespaces: [{namespace: a}]}\n",
			"apiVersion: protect.trident.netapp.io/v1\nkind: Application\nmetadata: {name: app, namespace: shop}\nspec: {includedNamespaces: [{namespace: b}]}\n",
		},
		"hookSource one": {
			"{type: application/astra-hookSource, id: x, name: one, source: YQ==}\n",
			"{type: application/astra-hookSource, id: x, name: two, source: Yg==}\n",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			result, err := Sources([]Source{{"a.yaml", []byte(documents[0])}, {"b.yaml", []byte(documents[1])}}, Options{})
			require.NoError(t, err)
			require.NotEmpty(t, result.Left)
			assert.Contains(t, result.Left[0], kind+" at a.yaml:1:1: another one of this name, at b.yaml:1:1, takes its place")
			result, err = Sources([]Source{{"a.yaml", []byte(documents[0])}, {"b.yaml", []byte(documents[0])}}, Options{})
			require.NoError(t, err)
			for _, left := range result.Left {
				assert.NotContains(t, left, "another one of this name")
			}
		})
	}
}
