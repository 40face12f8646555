package authoring

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// libraryRequest writes a script or a template, given in YAML, as alice does; without an old one it is new.
func libraryRequest(t *testing.T, resource, object, old string) admission.Request {
	t.Helper()
	inJSON := func(text string) []byte {
		if text == "" {
			return nil
		}
		converted, err := yaml.YAMLToJSON([]byte(text))
		require.NoError(t, err)
		return converted
	}
	request := requestFor(inJSON(object), inJSON(old))
	request.Resource.Resource, request.Name = resource, "flush"
	return request
}

const (
	goodScript     = `{metadata: {name: flush}, spec: {script: "#!/bin/sh\nflush\n"}}`
	goodScriptJSON = `{"metadata": {"name": "flush"}, "spec": {"script": "#!/bin/sh\\nflush\\n"}}`
	goodTemplate   = `{metadata: {name: flush}, spec: {application: PostgreSQL, params: [{name: database}],
		hooks: [{name: checkpoint, stages: [PreSnapshot], exec: {command: [psql, -d, $(database), -c, CHECKPOINT]}}]}}`
)

// libraryOf is what the library has; all else is absent.
func libraryOf(there map[usage.Target]Presence) Lookup {
	return func(_ context.Context, target usage.Target) Presence {
		if presence, known := there[target]; known {
			return presence
		}
		return Absent
	}
}

// lenientLibrary finds no mistakes.
func lenientLibrary() *LibraryValidator {
	return &LibraryValidator{
		CheckScript:   func(*v1alpha1.HookScriptSpec) error { return nil },
		CheckTemplate: func(*v1alpha1.HookTemplateSpec) error { return nil },
		Library:       libraryOf(nil),
	}
}

func TestTheLibraryIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	tests := map[string]struct {
		resource, object string
		says             []string
	}{
		"a script with a mistake": {
			"hookscripts", goodScript, []string{`HookScript "flush" cannot be used: spec.script: a mistake; and another`},
		},
		"a script of a newer CRD": {
			"hookscripts", `{metadata: {name: flush}, spec: {script: x, sudo: true}}`,
			[]string{`HookScript "flush" cannot be used: spec.sudo: this version of quiesce-webhook does not know the field`},
		},
		"a script that has no name yet": {
			"hookscripts", `{metadata: {generateName: fl-}, spec: {script: x}}`, []string{`HookScript "fl-" cannot be used: `},
		},
		"a template with a mistake": {
			"hooktemplates", goodTemplate, []string{`HookTemplate "flush" cannot be used: spec.params[database]: a mistake`},
		},
		"a template of a newer CRD": {
			"hooktemplates", `{metadata: {name: flush}, spec: {hooks: [{name: x, wasm: {}}]}}`, []string{"spec.hooks[0].wasm: this version"},
		},
		"a template beyond all bounds": {
			"hooktemplates", `{metadata: {name: flush}, spec: {description: ` + strings.Repeat("x", v1alpha1.MaxSpecBytes) + `}}`, []string{"may have 524288"},
		},
	}
	validator := &LibraryValidator{
		CheckScript: func(*v1alpha1.HookScriptSpec) error {
			return errors.Join(errors.New("spec.script: a mistake"), errors.New("and another"))
		},
		CheckTemplate: func(*v1alpha1.HookTemplateSpec) error { return errors.New("spec.params[database]: a mistake") },
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := validator.Handle(t.Context(), libraryRequest(t, test.resource, test.object, ""))
			require.False(t, response.Allowed)
			assert.EqualValues(t, http.StatusUnprocessableEntity, response.Result.Code)
			for _, want := range test.says {
				assert.Contains(t, response.Result.Message, want)
			}
		})
	}
	response := validator.Handle(t.Context(), libraryRequest(t, "hookscripts", goodScript, goodScript))
	assert.True(t, response.Allowed, "what was taken once can still be relabelled")
}

func TestTheLibraryIsTakenWithWarnings(t *testing.T) {
	tests := map[string]struct {
		resource, object, old string
		warns                 []string
	}{
		"a good script":                {"hookscripts", goodScript, "", nil},
		"a good template":              {"hooktemplates", goodTemplate, "", nil},
		"a broken recipe":              {"hooktemplates", strings.Replace(goodTemplate, "CHECKPOINT", "SELECT pg_start_backup('x')", 1), "", []string{`hook "checkpoint": pg_start_backup`}},
		"a script that is not there":   {"hooktemplates", strings.Replace(goodTemplate, "exec: {command: [psql, -d, $(database), -c, CHECKPOINT]}", "script: {name: gone}", 1), "", []string{`there is no HookScript "gone": `}},
		"a change that reaches nobody": {"hookscripts", goodScript, `{metadata: {name: flush}, spec: {script: x}, status: {uses: 0}}`, nil},
		"a change that reaches others": {
			"hookscripts", goodScript, `{metadata: {name: flush}, spec: {script: x}, status: {uses: 2, users: "HookPolicy/a, HookPolicy/b"}}`,
			[]string{`HookScript "flush" is used by HookPolicy/a, HookPolicy/b: the change reaches all of them`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := lenientLibrary().Handle(t.Context(), libraryRequest(t, test.resource, test.object, test.old))
			require.True(t, response.Allowed, response.Result)
			require.Len(t, response.Warnings, len(test.warns), response.Warnings)
			for i, want := range test.warns {
				assert.Contains(t, response.Warnings[i], want)
			}
		})
	}
}

func TestAPolicyThatNamesWhatIsNotThereIsTakenWithAWarning(t *testing.T) {
	spec := `{template: {name: pg}, hooks: [{name: a, stages: [PreSnapshot], script: {name: there}},
		{name: b, stages: [PreSnapshot], script: {name: leaving}}, {name: c, stages: [PreSnapshot], script: {name: doubtful}},
		{name: d, stages: [PostSnapshot], script: {name: gone}}, {name: e, stages: [PostSnapshot], script: {name: gone}}]}`
	validator := &Validator{Check: noMistake, Library: libraryOf(map[usage.Target]Presence{
		{Kind: usage.Script, Name: "there"}: Present, {Kind: usage.Script, Name: "leaving"}: Leaving, {Kind: usage.Script, Name: "doubtful"}: Unknown,
	})}
	response := validator.Handle(t.Context(), requestFor(policyJSON(t, spec, "{}"), nil))
	require.True(t, response.Allowed)
	require.Len(t, response.Warnings, 3)
	assert.Contains(t, response.Warnings[0], `there is no HookTemplate "pg": nothing of this is used until it is created`)
	assert.Contains(t, response.Warnings[1], `HookScript "leaving" has been deleted`)
	assert.Contains(t, response.Warnings[2], `there is no HookScript "gone"`)
}

func TestWhatComesIntoTheLibraryHasAnAuthorAndTheFinalizer(t *testing.T) {
	const other = `{metadata: {name: flush, annotations: {a: b}}, spec: {script: "#!/bin/sh\n"}}`
	tests := map[string]struct {
		object, old string
		author      any
		finalizers  []any
	}{
		"a new one":                           {goodScript, "", "alice", []any{v1alpha1.InUseFinalizer}},
		"a new one with another finalizer":    {`{metadata: {name: flush, finalizers: [a/b]}, spec: {}}`, "", "alice", []any{"a/b", v1alpha1.InUseFinalizer}},
		"a new one that has it":               {`{metadata: {name: flush, finalizers: [quiesce.io/in-use]}, spec: {}}`, "", "alice", []any{v1alpha1.InUseFinalizer}},
		"a new one with none, written so":     {`{metadata: {name: flush, finalizers: []}, spec: {}}`, "", "alice", []any{v1alpha1.InUseFinalizer}},
		"a changed one, let go of in between": {goodScript, other, "alice", nil},
		"one that is let go of":               {goodScript, goodScript, nil, nil},
	}
	for name, test := range tests {
		for _, resource := range []string{"hookscripts", "hooktemplates"} {
			t.Run(name+" "+resource, func(t *testing.T) {
				request := libraryRequest(t, resource, test.object, test.old)
				response := (&Recorder{Library: true}).Handle(t.Context(), request)
				require.True(t, response.Allowed)
				patched := request.Object.Raw
				if len(response.Patches) > 0 {
					operations, err := json.Marshal(response.Patches)
					require.NoError(t, err)
					patch, err := jsonpatch.DecodePatch(operations)
					require.NoError(t, err)
					patched, err = patch.Apply(patched)
					require.NoError(t, err, "%s", operations)
				}
				var object struct {
					Metadata struct {
						Annotations map[string]any
						Finalizers  []any
					}
				}
				require.NoError(t, json.Unmarshal(patched, &object))
				assert.Equal(t, test.author, object.Metadata.Annotations[v1alpha1.AuthorAnnotation])
				assert.Equal(t, test.finalizers, object.Metadata.Finalizers)
			})
		}
	}
	request := requestFor(policyJSON(t, goodSpec, "null"), nil)
	for _, patch := range (&Recorder{}).Handle(t.Context(), request).Patches {
		assert.NotContains(t, patch.Path, "finalizers", "a policy goes when it is deleted")
	}
}

func TestTheLibrarysHandlersRefuseWhatTheyCannotJudge(t *testing.T) {
	policy := libraryRequest(t, "hookpolicies", goodScript, "")
	status := libraryRequest(t, "hookscripts", goodScript, goodScript)
	status.SubResource = "status"
	broken := libraryRequest(t, "hookscripts", goodScript, "")
	broken.Object.Raw = []byte("{")
	for kind, handler := range map[string]admission.Handler{"validator": lenientLibrary(), "recorder": &Recorder{Library: true}, "guard": &Guard{}} {
		for request, says := range map[*admission.Request]string{
			&policy: "sends hookpolicies here: send hookscripts and hooktemplates only", &status: "send hookscripts and hooktemplates only", &broken: "",
		} {
			response := handler.Handle(t.Context(), *request)
			require.False(t, response.Allowed, kind)
			assert.EqualValues(t, http.StatusBadRequest, response.Result.Code, kind)
			assert.Contains(t, response.Result.Message, says, kind)
		}
	}
}

// deletion asks whether something may be deleted.
func deletion(resource, name string) admission.Request {
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: admissionv1.Delete, Name: name,
		Resource: metav1.GroupVersionResource{Group: "quiesce.io", Version: "v1alpha1", Resource: resource},
	}}
}

func TestTheGuardRefusesToDeleteWhatIsUsed(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	hooks := []v1alpha1.Hook{
		{Name: "flush", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Script: &v1alpha1.ScriptAction{Name: "flush"}},
		{Name: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Script: &v1alpha1.ScriptAction{Name: "flush"}},
	}
	live := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&v1alpha1.HookPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: "a"},
			Spec:       v1alpha1.HookPolicySpec{Suspend: true, Template: &v1alpha1.TemplateUse{Name: "pg"}, Hooks: hooks},
		},
		&v1alpha1.NamespacedHookPolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db"}, Spec: v1alpha1.HookPolicySpec{Template: &v1alpha1.TemplateUse{Name: "pg"}},
		},
		&v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "pg"}, Spec: v1alpha1.HookTemplateSpec{Hooks: hooks[:1]}},
	).Build()
	tests := map[string]struct {
		resource, name string
		says           string // nothing where it may be deleted
	}{
		"a script of a policy and a template": {
			"hookscripts", "flush",
			`HookScript "flush" is used by HookPolicy "a" (hooks flush, lock; PreSnapshot), HookTemplate "pg" (hook flush; PreSnapshot): take it out of these first`,
		},
		"a template of policies": {
			"hooktemplates", "pg", `HookTemplate "pg" is used by HookPolicy "a", NamespacedHookPolicy "db" in namespace shop: take it out of these first`,
		},
		"a script that nobody uses":       {"hookscripts", "pg", ""},
		"a template that nobody uses":     {"hooktemplates", "flush", ""},
		"a script that has gone in time":  {"hookscripts", "gone", ""},
		"a template of a name of another": {"hooktemplates", "a", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := (&Guard{live}).Handle(t.Context(), deletion(test.resource, test.name))
			if test.says == "" {
				assert.True(t, response.Allowed)
				return
			}
			require.False(t, response.Allowed)
			assert.EqualValues(t, http.StatusConflict, response.Result.Code)
			assert.Equal(t, metav1.StatusReasonConflict, response.Result.Reason)
			assert.Equal(t, test.says, response.Result.Message)
		})
	}
	t.Run("what cannot be told", func(t *testing.T) {
		silent := interceptor.NewClient(live, interceptor.Funcs{
			List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
				return errors.New("no answer")
			},
		})
		response := (&Guard{silent}).Handle(t.Context(), deletion("hookscripts", "flush"))
		require.False(t, response.Allowed)
		assert.EqualValues(t, http.StatusInternalServerError, response.Result.Code)
		assert.Contains(t, response.Result.Message, `HookScript "flush" is not deleted, since it cannot be told who uses it: try again`)
	})
	t.Run("one of many", func(t *testing.T) {
		request := deletion("hookscripts", "")
		request.OldObject.Raw = []byte(goodScriptJSON)
		response := (&Guard{live}).Handle(t.Context(), request)
		require.False(t, response.Allowed)
		assert.EqualValues(t, http.StatusConflict, response.Result.Code)
	})
	t.Run("no name", func(t *testing.T) {
		for _, raw := range []string{"", "{", "{}"} {
			request := deletion("hookscripts", "")
			request.OldObject.Raw = []byte(raw)
			response := (&Guard{live}).Handle(t.Context(), request)
			require.False(t, response.Allowed)
			assert.EqualValues(t, http.StatusBadRequest, response.Result.Code)
			assert.Contains(t, response.Result.Message, "script or template that is to be deleted")
		}
	})
	t.Run("a panic", func(t *testing.T) {
		response := (&Guard{}).Handle(t.Context(), deletion("hookscripts", "flush"))
		require.False(t, response.Allowed)
		assert.EqualValues(t, http.StatusInternalServerError, response.Result.Code)
	})
}
