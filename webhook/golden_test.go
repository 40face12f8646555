package webhook

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4" // the library by which the API server applies patches
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// owned are the only annotations that the webhook may touch.
var owned = []string{
	"pre.hook.backup.velero.io/command", "pre.hook.backup.velero.io/container",
	"pre.hook.backup.velero.io/on-error", "pre.hook.backup.velero.io/timeout",
	"post.hook.backup.velero.io/command", "post.hook.backup.velero.io/container",
	"post.hook.backup.velero.io/on-error", "post.hook.backup.velero.io/timeout",
	"quiesce.io/stamp",
}

func TestNothingButTheOwnedAnnotationsChanges(t *testing.T) {
	paths, err := filepath.Glob("testdata/pods/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(paths), 20)
	handler := stampingHandler(t, goldenPolicies(t)...)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			before := readPod(t, path)
			response := admit(t, handler, before)
			require.True(t, response.Allowed)
			require.Empty(t, response.Warnings)
			require.NotEmpty(t, response.Patch)

			patch, err := jsonpatch.DecodePatch(response.Patch)
			require.NoError(t, err)
			after, err := patch.Apply(before)
			require.NoError(t, err)
			assertOnlyOwnedChanged(t, before, after)
			assertGolden(t, filepath.Join("testdata/golden", filepath.Base(path)), annotationsOf(t, after))

			again := admit(t, handler, after)
			assert.True(t, again.Allowed)
			assert.Empty(t, again.Patch, "a pod that is stamped already stays as it is")
		})
	}
}

// readPod reads a manifest as JSON. Where it is JSON already, below its comment, it stays as it is to the letter: reading
// it as YAML would write its numbers in another form.
func readPod(t *testing.T, path string) []byte {
	t.Helper()
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	body := source
	for bytes.HasPrefix(body, []byte("#")) {
		_, body, _ = bytes.Cut(body, []byte("\n"))
	}
	if json.Valid(body) {
		return body
	}
	converted, err := yaml.YAMLToJSON(source)
	require.NoError(t, err)
	return converted
}

// assertOnlyOwnedChanged compares the two documents as they are, numbers by their digits, without the owned annotations.
func assertOnlyOwnedChanged(t *testing.T, before, after []byte) {
	t.Helper()
	want, got := document(t, before), document(t, after)
	metadata := func(document map[string]any) map[string]any { return document["metadata"].(map[string]any) }
	annotations := metadata(got)["annotations"].(map[string]any)
	for _, key := range owned {
		delete(annotations, key)
	}
	if metadata(want)["annotations"] == nil {
		assert.Empty(t, annotations)
		delete(metadata(want), "annotations")
		delete(metadata(got), "annotations")
	}
	assert.Equal(t, want, got)
}

func document(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var document map[string]any
	require.NoError(t, decoder.Decode(&document))
	return document
}

func annotationsOf(t *testing.T, pod []byte) map[string]string {
	t.Helper()
	var decoded struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	require.NoError(t, json.Unmarshal(pod, &decoded))
	return decoded.Metadata.Annotations
}

func assertGolden(t *testing.T, path string, got map[string]string) {
	t.Helper()
	rendered, err := yaml.Marshal(got)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, rendered, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test ./webhook -update to write it")
	assert.Equal(t, string(want), string(rendered))
}

// goldenPolicies select every pod of the test data.
func goldenPolicies(t *testing.T) []v1alpha1.HookPolicy {
	t.Helper()
	source, err := os.ReadFile("testdata/policies.yaml")
	require.NoError(t, err)
	var list v1alpha1.HookPolicyList
	require.NoError(t, yaml.UnmarshalStrict(source, &list))
	return list.Items
}

// stampingHandler serves a stamper with these policies, as the server does.
func stampingHandler(tb testing.TB, list ...v1alpha1.HookPolicy) http.Handler {
	tb.Helper()
	index, refused := match.CompileAll(match.Sources(list, nil))
	require.Empty(tb, refused)
	return &review{handler: &stamper{
		policies:   fixedPolicies{stamp.New(index, stamp.Options{})},
		namespaces: fixedLabels{"shop": {v1alpha1.HooksLabel: v1alpha1.HooksEnabled}},
		scope:      match.Scope{Own: "quiesce-system"},
	}}
}

type fixedPolicies struct{ compiled *stamp.Policies }

func (f fixedPolicies) Compiled() *stamp.Policies { return f.compiled }

// admit sends the CREATE of a pod and returns the answer.
func admit(t *testing.T, handler http.Handler, pod []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	return post(t, handler, admissionRequest(t, pod))
}

func post(t *testing.T, handler http.Handler, body []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	recorder := serve(handler, body)
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body.String())
	var answer admissionv1.AdmissionReview
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &answer))
	require.Equal(t, "admission.k8s.io/v1", answer.APIVersion)
	require.Equal(t, "AdmissionReview", answer.Kind)
	require.NotNil(t, answer.Response)
	return answer.Response
}
