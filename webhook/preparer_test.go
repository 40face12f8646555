package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4" // the library by which the API server applies patches
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// prepare is a policy for every pod, with an init container for each command.
func prepare(name string, commands ...string) v1alpha1.HookPolicy {
	policy := v1alpha1.HookPolicy{}
	policy.Name = name
	for _, command := range commands {
		policy.Spec.Hooks = append(policy.Spec.Hooks, v1alpha1.Hook{Name: command, Stages: []v1alpha1.Stage{v1alpha1.PostRestore},
			Init: &v1alpha1.InitAction{InheritVolumeMounts: true, InheritEnv: true, Containers: []v1alpha1.InitContainer{{Command: []string{command}}}}})
	}
	return policy
}

type fixedRestores struct{ compiled *restore.Policies }

func (f fixedRestores) Restores() *restore.Policies { return f.compiled }

type fixedNamespaces struct {
	labels map[string]string
	err    error
}

func (f fixedNamespaces) Read(context.Context, string) (map[string]string, error) {
	return f.labels, f.err
}

// preparingHandler serves a preparer with these policies, as the server does.
func preparingHandler(t *testing.T, list ...v1alpha1.HookPolicy) http.Handler {
	t.Helper()
	index, refused := match.CompileAll(match.Sources(list, nil))
	require.Empty(t, refused)
	return &review{policyDecides: true, handler: &preparer{
		policies: fixedRestores{restore.New(index)}, namespaces: fixedNamespaces{}, scope: match.Scope{Own: "quiesce-system"},
	}}
}

// restored is a pod with Velero's label.
func restored(t *testing.T, pod []byte) []byte {
	t.Helper()
	patch := `[{"op":"add","path":"/metadata/labels","value":{"velero.io/restore-name":"r1"}}]`
	if strings.Contains(string(pod), `"labels":`) && document(t, pod)["metadata"].(map[string]any)["labels"] != nil {
		patch = `[{"op":"add","path":"/metadata/labels/velero.io~1restore-name","value":"r1"}]`
	}
	return patched(t, pod, []byte(patch))
}

func patched(t *testing.T, object, patch []byte) []byte {
	t.Helper()
	decoded, err := jsonpatch.DecodePatch(patch)
	require.NoError(t, err)
	after, err := decoded.Apply(object)
	require.NoError(t, err)
	return after
}

const restoredPod = `{"metadata":{"name":"db-0","labels":{"velero.io/restore-name":"r1"}},"spec":{"containers":[{"name":"app","image":"app:1"}]}}`

func TestNothingButOurInitContainersChanges(t *testing.T) {
	paths, err := filepath.Glob("testdata/pods/*.yaml")
	require.NoError(t, err)
	handler := preparingHandler(t, prepare("seed", "one", "two"))
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			before := restored(t, readPod(t, path))
			response := admit(t, handler, before)
			require.True(t, response.Allowed)
			require.Empty(t, response.Warnings)
			after := patched(t, before, response.Patch)

			want, got := document(t, before), document(t, after)
			spec := got["spec"].(map[string]any)
			var others []any
			var names []string
			for _, container := range spec["initContainers"].([]any) {
				name := container.(map[string]any)["name"].(string)
				names = append(names, name)
				if !strings.HasPrefix(name, "quiesce-seed-") {
					others = append(others, container)
				}
			}
			first := slices.Index(names, "quiesce-seed-one-1")
			require.GreaterOrEqual(t, first, 0)
			assert.Equal(t, "quiesce-seed-two-1", names[first+1])
			assert.Subset(t, []string{"restore-wait", "restic-wait"}, names[:first], "nothing else comes before ours")
			spec["initContainers"] = others
			if original, had := want["spec"].(map[string]any)["initContainers"]; !had {
				delete(spec, "initContainers")
			} else if others == nil {
				spec["initContainers"] = original
			}
			assert.Equal(t, want, got)
			assert.Empty(t, admit(t, handler, after).Patch, "a pod that is prepared already stays as it is")

			cleaned := admit(t, preparingHandler(t), after)
			assert.NotContains(t, string(patched(t, after, cleaned.Patch)), "quiesce-seed-", "and without the policy ours go")
		})
	}
}

func TestPodsThatNoRestoreCreatesPassUntouched(t *testing.T) {
	handler := preparingHandler(t, prepare("seed", "one"))
	require.NotEmpty(t, admit(t, handler, []byte(restoredPod)).Patch)
	for name, body := range map[string][]byte{
		"a pod without a marker": admissionRequest(t, []byte(minimalPod)),
		"an update":              reviewOf(t, restoredPod, func(r *admissionv1.AdmissionRequest) { r.Operation = admissionv1.Update }),
		"a subresource":          reviewOf(t, restoredPod, func(r *admissionv1.AdmissionRequest) { r.SubResource = "ephemeralcontainers" }),
		"a pod in kube-system":   reviewOf(t, restoredPod, func(r *admissionv1.AdmissionRequest) { r.Namespace = "kube-system" }),
		"a pod in our own":       reviewOf(t, restoredPod, func(r *admissionv1.AdmissionRequest) { r.Namespace = "quiesce-system" }),
	} {
		response := post(t, handler, body)
		assert.True(t, response.Allowed, name)
		assert.Empty(t, response.Patch, name)
	}
}

func TestAPodThatCannotBePreparedIsRefusedOrPassesWithAWarning(t *testing.T) {
	policy := prepare("seed", "one")
	policy.Spec.Hooks[0].Container = "gone"
	refused := admit(t, preparingHandler(t, policy), []byte(restoredPod))
	assert.False(t, refused.Allowed)
	assert.Empty(t, refused.Patch)
	assert.Equal(t, `the restored pod cannot be prepared, and must not start without: HookPolicy "seed", hook "one": the pod has no container "gone", `+
		`from which its init containers inherit: write one of its containers in container, or narrow the selector; to let it start without, write onError: Continue in the hook`,
		refused.Result.Message)

	policy.Spec.Hooks[0].OnError = v1alpha1.Continue
	passed := admit(t, preparingHandler(t, policy), []byte(restoredPod))
	assert.True(t, passed.Allowed)
	require.Len(t, passed.Warnings, 1)
	assert.Contains(t, passed.Warnings[0], `quiesce: HookPolicy "seed", hook "one": the pod has no container "gone"`)
}

// The webhook's failurePolicy decides of what is no judgement about the pod.
func TestWhatGoesWrongIsAnErrorOfTheWebhook(t *testing.T) {
	index, _ := match.CompileAll(nil)
	none := fixedRestores{restore.New(index)}
	for name, test := range map[string]struct {
		preparer *preparer
		pod      string
		says     string
	}{
		"the policies are not loaded":     {&preparer{policies: fixedRestores{}}, restoredPod, "the policies are not loaded yet"},
		"the namespace cannot be read":    {&preparer{policies: none, namespaces: fixedNamespaces{err: errors.New("no answer")}}, restoredPod, "reading namespace shop: no answer"},
		"a pod of another shape":          {&preparer{policies: none}, `{"metadata":{"labels":[]}}`, "reading the pod"},
		"a spec of another shape":         {&preparer{policies: none}, strings.Replace(restoredPod, `"app:1"`, `"app:1","ports":{}`, 1), "reading the pod"},
		"a panic, of which the log tells": {&preparer{}, restoredPod, "internal error, see the log of quiesce-webhook"},
	} {
		recorder := serve(&review{policyDecides: true, handler: test.preparer}, admissionRequest(t, []byte(test.pod)))
		assert.Equal(t, http.StatusInternalServerError, recorder.Code, name)
		assert.Contains(t, recorder.Body.String(), test.says, name)
	}
}

func TestWarningsAreBounded(t *testing.T) {
	var warnings []string
	for range maxWarnings + 5 {
		warnings = append(warnings, "x")
	}
	got := prefixed(warnings)
	require.Len(t, got, maxWarnings+1)
	assert.Equal(t, "quiesce: x", got[0])
	assert.Equal(t, "quiesce: 5 more warnings are in the log of quiesce-webhook", got[maxWarnings])
}

func TestARestoredPodIsCountedByWhatCameOfIt(t *testing.T) {
	edit, prepared := []restore.Edit{{Add: &corev1.Container{}}}, []match.Ref{{Name: "p"}}
	for want, decision := range map[string]restore.Decision{
		resultPrepared:  {Edits: edit, Prepared: prepared},
		resultUnchanged: {Prepared: prepared},
		resultCleaned:   {Edits: edit},
		resultSkipped:   {},
		resultRefused:   {Obstacles: []restore.Obstacle{{Refuses: true}, {}}},
		resultInPart:    {Edits: edit, Prepared: prepared, Obstacles: []restore.Obstacle{{}}},
	} {
		assert.Equal(t, want, judgeRestore(decision))
	}
}

func TestEditsAreOperations(t *testing.T) {
	added := &corev1.Container{Name: "a"}
	for _, test := range []struct {
		count int
		edits []restore.Edit
		want  string
	}{
		{0, nil, `[]`},
		{2, nil, `[]`},
		{0, []restore.Edit{{Add: added}}, `[{"op":"add","path":"/spec/initContainers","value":[]},{"op":"add","path":"/spec/initContainers/0","value":{"name":"a","resources":{}}}]`},
		{2, []restore.Edit{{At: 1}, {At: 1, Add: added}}, `[{"op":"remove","path":"/spec/initContainers/1"},{"op":"add","path":"/spec/initContainers/1","value":{"name":"a","resources":{}}}]`},
	} {
		got, err := json.Marshal(initContainerPatch(test.count, test.edits))
		require.NoError(t, err)
		assert.JSONEq(t, test.want, string(got))
	}
}
