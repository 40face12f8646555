package convert

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// write has the golden files made anew: QUIESCE_UPDATE=1 go test ./hooks/convert.
var write = os.Getenv("QUIESCE_UPDATE") != ""

// optionsOf are those of a case, by the name of its files.
var optionsOf = map[string]Options{
	"namespaced":   {Namespaced: true},
	"session-mode": {Mode: v1alpha1.VeleroSession},

	"mixed-namespaced": {Namespaced: true},
	"stork-stage":      {Stage: v1alpha1.PreBackup},
}

func TestHooksBecomePolicies(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(inputs), 15)
	for _, path := range inputs {
		name := strings.TrimSuffix(filepath.Base(path), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			input, err := os.ReadFile(path)
			require.NoError(t, err)
			result, err := Convert(input, optionsOf[name])
			require.NoError(t, err)
			got := result.YAML()
			checkDocuments(t, &result, got)
			for _, warning := range result.Warnings {
				got = fmt.Appendf(got, "# Warning: %s\n", warning)
			}
			golden := "testdata/" + name + ".out.yaml"
			if write {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}

// document is an object, as a reader of the output has it.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec json.RawMessage `json:"spec"`
}

// checkDocuments checks that the output reads as what it was made of, and is what the webhook lets in.
func checkDocuments(t *testing.T, result *Result, output []byte) {
	t.Helper()
	var documents []document
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(output)))
	for {
		raw, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		var d document
		require.NoError(t, yaml.UnmarshalStrict(raw, &d), "%s", raw)
		if d.Kind != "" {
			documents = append(documents, d)
		}
	}
	require.Len(t, documents, len(result.Scripts)+len(result.Templates)+len(result.Policies))
	shelves := library.Library{Scripts: map[string]*v1alpha1.HookScriptSpec{}, Templates: map[string]*v1alpha1.HookTemplateSpec{}}
	for i := range result.Scripts {
		script := &result.Scripts[i]
		again := Script{Name: documents[i].Metadata.Name, comments: script.comments}
		readSpec(t, &documents[i], kindScript, &again.Spec)
		require.NoError(t, library.CheckScript(&again.Spec))
		require.Equal(t, string(script.YAML()), string(again.YAML()), "read and written again")
		shelves.Scripts[again.Name] = &again.Spec
	}
	documents = documents[len(result.Scripts):]
	for i := range result.Templates {
		template := &result.Templates[i]
		again := Template{Name: documents[i].Metadata.Name, comments: template.comments}
		readSpec(t, &documents[i], kindTemplate, &again.Spec)
		require.NoError(t, library.CheckTemplate(&again.Spec))
		require.Equal(t, string(template.YAML()), string(again.YAML()), "read and written again")
		shelves.Templates[again.Name] = &again.Spec
	}
	documents = documents[len(result.Templates):]
	for i := range result.Policies {
		policy := &result.Policies[i]
		metadata := &documents[i].Metadata
		again := Policy{Kind: documents[i].Kind, Name: metadata.Name, Namespace: metadata.Namespace, comments: policy.comments}
		readSpec(t, &documents[i], policy.Kind, &again.Spec)
		assert.Equal(t, [2]string{policy.Namespace, policy.Name}, [2]string{metadata.Namespace, metadata.Name})
		require.NoError(t, match.Check(match.Ref{Namespace: metadata.Namespace, Name: metadata.Name}, &again.Spec))
		resolved, err := shelves.Resolve(&again.Spec)
		require.NoError(t, err, "what it refers to comes with it")
		require.NoError(t, match.Check(match.Ref{Namespace: metadata.Namespace, Name: metadata.Name}, resolved))
		require.Equal(t, string(policy.YAML()), string(again.YAML()), "read and written again")
	}
}

func readSpec(t *testing.T, d *document, kind string, into any) {
	t.Helper()
	assert.Equal(t, [2]string{"quiesce.io/v1alpha1", kind}, [2]string{d.APIVersion, d.Kind})
	decoder := json.NewDecoder(bytes.NewReader(d.Spec)) // which may have characters that YAML may not
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(into))
}

func TestWhatCannotBeReadIsAnErrorThatSaysWhere(t *testing.T) {
	for name, test := range map[string]struct{ input, want string }{
		"nothing":                           {"", "the input has no objects"},
		"a comment":                         {"# nothing\n---\n", "the input has no objects"},
		"no YAML":                           {"a: [", "the input:1:1: this is no YAML"},
		"a second document that is none":    {"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n---\n\t", "the input:4:1: this is no YAML"},
		"a scalar":                          {"hello", "the input:1:1: this is no object of Kubernetes"},
		"a list without a kind":             {"items: []", "the input:1:1: this object has no kind"},
		"a key twice, one of which is lost": {"apiVersion: v1\nkind: Pod\nkind: Pod\n", `the input:3:1: the key "kind" is there twice`},
		"wrong types": {
			"apiVersion: velero.io/v1\nkind: Backup\nmetadata: {name: x, namespace: velero}\nspec: {hooks: {resources: hello}}",
			"the input:4:16: Backup velero/x: it is a string and must be a list (spec.hooks.resources)",
		},
		"a wrong type in a hook": {
			"apiVersion: velero.io/v1\nkind: Schedule\nmetadata: {name: x}\nspec: {template: {hooks: {resources: [{name: a, pre: [{exec: {command: ls}}]}]}}}",
			"the input:4:49: Schedule x: it is a string and must be a list (spec.template.hooks.resources[0].pre.exec.command)",
		},
		"a timeout that is a number": {
			"apiVersion: velero.io/v1\nkind: Backup\nmetadata: {name: x}\nspec: {hooks: {resources: [{name: a, pre: [{exec: {command: [ls], timeout: 5}}]}]}}",
			"it is a number and must be a string: write it in quotes (spec.hooks.resources[0].pre.exec.timeout)",
		},
		"an init container that is none": {
			"apiVersion: velero.io/v1\nkind: Restore\nmetadata: {name: x}\nspec: {hooks: {resources: [{name: a, postHooks: [{init: {initContainers: [1]}}]}]}}",
			"spec.hooks.resources[0].postHooks[0].init.initContainers[0]",
		},
		"an annotation that is a number": {
			"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: x, annotations: {a: 1}}}]",
			"the input:3:57: Pod x: it is a number and must be a string: write it in quotes (metadata.annotations",
		},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Convert([]byte(test.input), Options{})
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, result)
		})
	}
}

func TestJSONOnOneLineOfAnyLengthIsRead(t *testing.T) {
	for _, length := range []int{4095, 4096, 4097, 8192} {
		input := []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}`)
		input = append(input, bytes.Repeat([]byte(" "), length-len(input))...)
		result, err := Convert(input, Options{})
		require.NoError(t, err, "%d bytes", length)
		assert.Equal(t, []string{"Pod a: it has no hooks in the annotations of its pods"}, result.Warnings)
	}
}

func TestItemsOfAListOfOneKindNeedNotSayWhichItIs(t *testing.T) {
	result, err := Convert([]byte(`{apiVersion: v1, kind: PodList, items: [{metadata: {name: a, namespace: b}}]}`), Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"Pod b/a: it has no hooks in the annotations of its pods"}, result.Warnings)
	_, err = Convert([]byte(`{apiVersion: v1, kind: List, items: [{metadata: {name: a}}]}`), Options{})
	require.ErrorContains(t, err, "the input:1:38: this object has no kind")
}

func TestJSONMayHaveControlCharactersThatYAMLMayNot(t *testing.T) {
	_, err := Convert([]byte("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"\x7f\"}}"), Options{})
	require.NoError(t, err)
	_, err = Convert([]byte(`{"apiVersion":"v1","kind":"Pod","kind":"Pod"}`), Options{})
	require.ErrorContains(t, err, `the key "kind" is there twice`)
}

func FuzzConvert(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(f, err)
	for _, path := range inputs {
		input, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(input, false)
		f.Add(input, true)
	}
	f.Fuzz(func(t *testing.T, input []byte, namespaced bool) {
		result, err := Convert(input, Options{Namespaced: namespaced})
		if err != nil {
			return
		}
		output := result.YAML()
		checkDocuments(t, &result, output)
		again, err := Convert(input, Options{Namespaced: namespaced})
		require.NoError(t, err)
		require.Equal(t, string(output), string(again.YAML()), "the same input gives the same output")
		require.False(t, len(result.Policies)+len(result.Templates)+len(result.Left)+len(result.Warnings) == 0 && !bytes.Contains(input, []byte("List")), "something is said of every object")
	})
}
