package authoring

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const goodSpec = `{hooks: [{name: flush, stages: [PreSnapshot], exec: {command: [flush]}, timeout: 30s}]}`

// policyJSON is a HookPolicy with a spec and annotations in YAML, and fields that no type of ours has.
func policyJSON(t *testing.T, spec, annotations string) []byte {
	t.Helper()
	object, err := yaml.YAMLToJSON([]byte(`{apiVersion: quiesce.io/v1alpha1, kind: HookPolicy, future: {a: 1.0},
		metadata: {name: postgres, managedFields: [{manager: kubectl}], annotations: ` + annotations + `}, spec: ` + spec + `}`))
	require.NoError(t, err)
	return object
}

// requestFor writes a policy as alice does; without an old one it is new.
func requestFor(object, old []byte) admission.Request {
	request := admissionv1.AdmissionRequest{
		Operation: admissionv1.Create,
		Resource:  metav1.GroupVersionResource{Group: "quiesce.io", Version: "v1alpha1", Resource: "hookpolicies"},
		Name:      "postgres",
		UserInfo:  authenticationv1.UserInfo{Username: "alice"},
		Object:    runtime.RawExtension{Raw: object},
	}
	if old != nil {
		request.Operation = admissionv1.Update
		request.OldObject.Raw = old
	}
	return admission.Request{AdmissionRequest: request}
}

func noMistake(match.Ref, *v1alpha1.HookPolicySpec) error { return nil }

func TestTheValidatorRefusesWithTheFieldAndWhatToWrite(t *testing.T) {
	tests := map[string]struct {
		spec  string
		check func(match.Ref, *v1alpha1.HookPolicySpec) error
		says  []string
	}{
		"what cannot be compiled": {
			spec: goodSpec,
			check: func(ref match.Ref, _ *v1alpha1.HookPolicySpec) error {
				assert.Equal(t, match.Ref{Name: "postgres"}, ref)
				return errors.New("spec.selector.containerImages[0]: write a regular expression")
			},
			says: []string{`HookPolicy "postgres" cannot be used: spec.selector.containerImages[0]: write a regular expression`},
		},
		"several mistakes, on one line": {
			spec: goodSpec,
			check: func(match.Ref, *v1alpha1.HookPolicySpec) error {
				return errors.Join(errors.New("first"), errors.New("second"))
			},
			says: []string{"cannot be used: first; second"},
		},
		"a field of a newer CRD": {
			spec: `{hooks: [{name: flush, wasm: {name: flush}}]}`,
			says: []string{"spec.hooks[0].wasm: this version of quiesce-webhook does not know the field"},
		},
		"a type that is another's": {spec: `{hooks: {}}`, says: []string{"reading the spec: ", "/hooks"}},
		"a spec beyond all bounds": {
			spec: `{hooks: [{name: flush, exec: {command: [` + strings.Repeat("x", v1alpha1.MaxSpecBytes) + `]}}]}`,
			says: []string{"spec: it has 524", "may have 524288", "write shorter commands"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			check := test.check
			if check == nil {
				check = noMistake
			}
			response := (&Validator{Check: check}).Handle(t.Context(), requestFor(policyJSON(t, test.spec, "{}"), nil))
			require.False(t, response.Allowed)
			assert.EqualValues(t, http.StatusUnprocessableEntity, response.Result.Code)
			assert.Equal(t, metav1.StatusReasonInvalid, response.Result.Reason)
			assert.NotContains(t, response.Result.Message, "\n")
			for _, want := range test.says {
				assert.Contains(t, response.Result.Message, want)
			}
		})
	}
}

func TestTheValidatorPassesAGoodPolicyAndWarnsOfABrokenRecipe(t *testing.T) {
	validator := &Validator{Check: noMistake}
	response := validator.Handle(t.Context(), requestFor(policyJSON(t, goodSpec, "{}"), nil))
	assert.True(t, response.Allowed)
	assert.Empty(t, response.Warnings)
	assert.Empty(t, response.Patches)

	lock := `{hooks: [{name: lock, stages: [PreSnapshot], exec: {command: [mysql, -e, FLUSH TABLES WITH READ LOCK]}}]}`
	response = validator.Handle(t.Context(), requestFor(policyJSON(t, lock, "{}"), nil))
	assert.True(t, response.Allowed)
	require.Len(t, response.Warnings, 1)
	assert.Contains(t, response.Warnings[0], `hook "lock": FLUSH TABLES WITH READ LOCK`)
}

func TestTheValidatorNamesANamespacedPolicyThatHasNoNameYet(t *testing.T) {
	request := requestFor([]byte(`{"metadata": {"generateName": "pg-"}, "spec": {}}`), nil)
	request.Resource.Resource, request.Name, request.Namespace = "namespacedhookpolicies", "", "shop"
	var got match.Ref
	(&Validator{Check: func(ref match.Ref, _ *v1alpha1.HookPolicySpec) error { got = ref; return nil }}).Handle(t.Context(), request)
	assert.Equal(t, match.Ref{Namespace: "shop", Name: "pg-"}, got)
}

// A policy that was good once and is no longer must still be freed of a finalizer, relabelled and stopped.
func TestTheValidatorJudgesAnUpdateOnlyWhereItChangesWhatRuns(t *testing.T) {
	tests := map[string]struct {
		old, spec string
		judged    bool
	}{
		"the same spec":                            {old: goodSpec, spec: goodSpec},
		"the same spec in another order":           {old: `{priority: 1, hooks: []}`, spec: `{hooks: [], priority: 1}`},
		"a number in another spelling":             {old: `{priority: 1}`, spec: `{priority: 1.0}`},
		"suspended":                                {old: `{priority: 1, suspend: false}`, spec: `{priority: 1, suspend: true}`},
		"suspended, where the field was absent":    {old: `{priority: 1}`, spec: `{priority: 1, suspend: true}`},
		"suspended and changed":                    {old: `{priority: 1}`, spec: `{priority: 2, suspend: true}`, judged: true},
		"suspended, and a field dropped":           {old: `{priority: 1}`, spec: `{suspend: true}`, judged: true},
		"changed while it is suspended":            {old: `{priority: 1, suspend: true}`, spec: `{priority: 2, suspend: true}`, judged: true},
		"resumed":                                  {old: `{priority: 1, suspend: true}`, spec: `{priority: 1, suspend: false}`, judged: true},
		"resumed by leaving the field out":         {old: `{priority: 1, suspend: true}`, spec: `{priority: 1}`, judged: true},
		"changed":                                  {old: `{priority: 1}`, spec: `{priority: 2}`, judged: true},
		"a list in another order":                  {old: `{a: [1, 2]}`, spec: `{a: [2, 1]}`, judged: true},
		"a spec where there was none":              {old: `null`, spec: goodSpec, judged: true},
		"null in place of a field that was absent": {old: `{priority: 1}`, spec: `{priority: 1, suspend: null}`, judged: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			judged := false
			validator := &Validator{Check: func(match.Ref, *v1alpha1.HookPolicySpec) error { judged = true; return nil }}
			response := validator.Handle(t.Context(), requestFor(policyJSON(t, test.spec, "{}"), policyJSON(t, test.old, "{}")))
			assert.Equal(t, test.judged, judged || !response.Allowed)
		})
	}
}

func TestBothHandlersRefuseWhatTheyCannotJudge(t *testing.T) {
	good := policyJSON(t, goodSpec, "{}")
	pods := requestFor(good, nil)
	pods.Resource.Resource = "pods"
	status := requestFor(good, good)
	status.SubResource = "status"
	deletion := requestFor(good, good)
	deletion.Operation = admissionv1.Delete
	tests := map[string]struct {
		request admission.Request
		says    string
	}{
		"no object":               {requestFor(nil, nil), "reading the policy"},
		"no JSON":                 {requestFor([]byte("{"), nil), "reading the policy"},
		"no old object":           {requestFor(good, []byte("{")), "reading the policy as it was"},
		"another resource":        {pods, "a webhook configuration sends pods here: send hookpolicies and namespacedhookpolicies only"},
		"a subresource":           {status, "send hookpolicies and namespacedhookpolicies only"},
		"an operation of no spec": {deletion, "a webhook configuration sends more than CREATE and UPDATE here"},
		"a name twice":            {requestFor([]byte(`{"metadata":{},"spec":{"a":1,"a":2}}`), nil), "duplicate"},
	}
	for name, test := range tests {
		for kind, handler := range map[string]admission.Handler{"validator": &Validator{Check: noMistake}, "recorder": &Recorder{}} {
			t.Run(name+" "+kind, func(t *testing.T) {
				response := handler.Handle(t.Context(), test.request)
				require.False(t, response.Allowed)
				assert.EqualValues(t, http.StatusBadRequest, response.Result.Code)
				assert.Contains(t, response.Result.Message, test.says)
			})
		}
	}
}

func TestAPanicIsARefusal(t *testing.T) {
	for kind, handler := range map[string]admission.Handler{
		"validator": &Validator{Check: func(match.Ref, *v1alpha1.HookPolicySpec) error { panic("out of order") }},
		"recorder":  &Recorder{Now: func() time.Time { panic("no time") }},
	} {
		response := handler.Handle(t.Context(), requestFor(policyJSON(t, goodSpec, "{}"), nil))
		require.False(t, response.Allowed, kind)
		assert.EqualValues(t, http.StatusInternalServerError, response.Result.Code, kind)
		assert.Contains(t, response.Result.Message, "see the log of quiesce-webhook", kind)
	}
}

func TestTheRecorder(t *testing.T) {
	const (
		bob   = `{quiesce.io/author: bob, quiesce.io/authored-at: "2026-01-01T00:00:00Z"}`
		alice = `{quiesce.io/author: alice, quiesce.io/authored-at: "2026-06-01T10:00:00Z"}`
	)
	changed := strings.Replace(goodSpec, "[flush]", "[flush, --all]", 1)
	tests := map[string]struct {
		old, oldAnnotations string
		spec, annotations   string
		want                string
	}{
		"a new policy":                             {spec: goodSpec, annotations: `null`, want: alice},
		"a new policy with annotations":            {spec: goodSpec, annotations: `{a/b: c}`, want: `{a/b: c, ` + alice[1:]},
		"a new policy with an author of its own":   {spec: goodSpec, annotations: bob, want: alice},
		"a new policy with no annotations":         {spec: goodSpec, annotations: `{}`, want: alice},
		"a new policy of a shape that is wrong":    {spec: `[1]`, annotations: `{}`, want: alice},
		"a changed policy":                         {old: goodSpec, oldAnnotations: bob, spec: changed, annotations: bob, want: alice},
		"a changed policy, keeping a false author": {old: goodSpec, oldAnnotations: bob, spec: changed, annotations: `{quiesce.io/author: carol}`, want: alice},
		"one changed in no way":                    {old: goodSpec, oldAnnotations: bob, spec: goodSpec, annotations: bob, want: bob},
		"one changed in its annotations":           {old: goodSpec, oldAnnotations: bob, spec: goodSpec, annotations: `{a: b, ` + bob[1:], want: `{a: b, ` + bob[1:]},
		"one whose author was changed":             {old: goodSpec, oldAnnotations: bob, spec: goodSpec, annotations: alice, want: bob},
		"one whose author was removed":             {old: goodSpec, oldAnnotations: bob, spec: goodSpec, annotations: `null`, want: bob},
		"one that never had an author":             {old: goodSpec, oldAnnotations: `{}`, spec: goodSpec, annotations: `{a: b, ` + alice[1:], want: `{a: b}`},
		"one that never had one, and gets none":    {old: goodSpec, oldAnnotations: `null`, spec: goodSpec, annotations: `null`, want: `null`},
		"one that is only suspended":               {old: `{suspend: false}`, oldAnnotations: bob, spec: `{suspend: true}`, annotations: bob, want: bob},
		"one that is resumed":                      {old: `{suspend: true}`, oldAnnotations: bob, spec: `{suspend: false}`, annotations: bob, want: alice},
		"one that loses its spec":                  {old: goodSpec, oldAnnotations: bob, spec: `null`, annotations: bob, want: alice},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			object := policyJSON(t, test.spec, test.annotations)
			var old []byte
			if test.old != "" {
				old = policyJSON(t, test.old, test.oldAnnotations)
			}
			clock := func() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.FixedZone("CEST", 2*60*60)) }
			response := (&Recorder{Now: clock}).Handle(t.Context(), requestFor(object, old))
			require.True(t, response.Allowed)
			operations, err := json.Marshal(response.Patches)
			require.NoError(t, err)
			patched := object
			if len(response.Patches) > 0 {
				patch, err := jsonpatch.DecodePatch(operations)
				require.NoError(t, err)
				patched, err = patch.Apply(object)
				require.NoError(t, err, "%s", operations)
			}
			assert.JSONEq(t, string(policyJSON(t, test.spec, test.want)), string(patched), "nothing else may change")
		})
	}
}

// What is as it should be needs no patch, or each request would be told of a change.
func TestTheRecorderDoesNotTouchWhatIsRight(t *testing.T) {
	good := policyJSON(t, goodSpec, `{quiesce.io/author: bob, quiesce.io/authored-at: "2026-01-01T00:00:00Z"}`)
	assert.Empty(t, (&Recorder{}).Handle(t.Context(), requestFor(good, good)).Patches)
}

func TestTheRecorderHasAClock(t *testing.T) {
	response := (&Recorder{}).Handle(t.Context(), requestFor(policyJSON(t, goodSpec, "null"), nil))
	require.Len(t, response.Patches, 1)
	record := response.Patches[0].Value.(map[string]string)
	_, err := time.Parse(time.RFC3339, record[v1alpha1.AuthoredAtAnnotation])
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(record[v1alpha1.AuthoredAtAnnotation], "Z"), "in UTC")
}

// What a policy refers to is judged with it, as far as it is there.
func TestTheValidatorJudgesWhatAPolicyComesTo(t *testing.T) {
	known := &library.Library{Templates: map[string]*v1alpha1.HookTemplateSpec{"pg": {
		Params: []v1alpha1.TemplateParam{{Name: "user", Required: true}},
		Hooks: []v1alpha1.Hook{{
			Name: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"mysql", "-e", "FLUSH TABLES WITH READ LOCK"}},
		}},
	}}}
	tests := map[string]struct {
		spec    string
		refused string
		warned  string
		judged  int // hooks
	}{
		"a template that is not there yet": {spec: `{template: {name: other}}`},
		"one without its param":            {spec: `{template: {name: pg}}`, refused: "spec.template.params"},
		"one with it":                      {spec: `{template: {name: pg, params: [{name: user, value: app}]}}`, warned: "FLUSH TABLES WITH READ LOCK", judged: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			judged := -1
			validator := &Validator{Resolve: known.Resolve, Check: func(_ match.Ref, spec *v1alpha1.HookPolicySpec) error {
				judged = len(spec.Hooks)
				return nil
			}}
			response := validator.Handle(t.Context(), requestFor(policyJSON(t, test.spec, "{}"), nil))
			if test.refused != "" {
				require.False(t, response.Allowed)
				assert.Contains(t, response.Result.Message, test.refused)
				return
			}
			require.True(t, response.Allowed, "%+v", response.Result)
			assert.Equal(t, test.judged, judged)
			assert.Contains(t, strings.Join(response.Warnings, "\n"), test.warned)
		})
	}
}
