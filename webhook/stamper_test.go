package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const minimalPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"web-"},"spec":{"containers":[{"name":"app"}]}}`

// reviewOf is an admission request for a pod, changed as a test needs it.
func reviewOf(t *testing.T, pod string, change func(*admissionv1.AdmissionRequest)) []byte {
	t.Helper()
	var decoded admissionv1.AdmissionReview
	require.NoError(t, json.Unmarshal(admissionRequest(t, []byte(pod)), &decoded))
	change(decoded.Request)
	body, err := json.Marshal(decoded)
	require.NoError(t, err)
	return body
}

func TestTheAnswerBelongsToTheRequest(t *testing.T) {
	response := admit(t, stampingHandler(t, benchmarkPolicy("p", "shop")), []byte(minimalPod))
	assert.EqualValues(t, "0a1b2c3d-0000-4000-8000-000000000000", response.UID)
	assert.True(t, response.Allowed)
}

func TestRequestsThatAreNotThePodsCreationPassUntouched(t *testing.T) {
	everything := benchmarkPolicy("p", "")
	everything.Spec.Selector = v1alpha1.PolicySelector{}
	handler := stampingHandler(t, everything)
	require.NotEmpty(t, admit(t, handler, []byte(minimalPod)).Patch)

	tests := map[string]func(*admissionv1.AdmissionRequest){
		"an update": func(r *admissionv1.AdmissionRequest) { r.Operation = admissionv1.Update },
		"a deletion": func(r *admissionv1.AdmissionRequest) {
			r.Operation = admissionv1.Delete
			r.Object = runtime.RawExtension{}
		},
		"a connection":                   func(r *admissionv1.AdmissionRequest) { r.Operation = admissionv1.Connect; r.SubResource = "exec" },
		"a subresource":                  func(r *admissionv1.AdmissionRequest) { r.SubResource = "binding" },
		"another resource":               func(r *admissionv1.AdmissionRequest) { r.Resource.Resource = "deployments" },
		"a pod in kube-system":           func(r *admissionv1.AdmissionRequest) { r.Namespace = "kube-system" },
		"a pod in our release's own one": func(r *admissionv1.AdmissionRequest) { r.Namespace = "quiesce-system" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			response := post(t, handler, reviewOf(t, minimalPod, change))
			assert.True(t, response.Allowed)
			assert.Empty(t, response.Patch)
			assert.Empty(t, response.Warnings)
		})
	}
}

func TestAPodThatCannotBeReadIsAllowedWithAWarning(t *testing.T) {
	handler := stampingHandler(t, benchmarkPolicy("p", "shop"))
	for name, pod := range map[string]string{
		"labels that are a list":         `{"metadata":{"labels":[]}}`,
		"an annotation that is a number": `{"metadata":{"annotations":{"a":1}}}`,
		"no metadata":                    `{"spec":{}}`,
		"metadata null":                  `{"metadata":null}`,
		"containers that are a string":   `{"metadata":{},"spec":{"containers":"x"}}`,
		"not an object":                  `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			response := admit(t, handler, []byte(pod))
			assert.True(t, response.Allowed)
			assert.Empty(t, response.Patch)
			require.Len(t, response.Warnings, 1)
			assert.Contains(t, response.Warnings[0], "quiesce: the pod passes without backup hooks: reading the pod")
		})
	}
}

func TestBeforeThePoliciesAreLoadedAPodIsAllowedWithAWarning(t *testing.T) {
	handler := &review{handler: &stamper{policies: fixedPolicies{}, namespaces: fixedLabels{}}}
	response := admit(t, handler, []byte(minimalPod))
	assert.True(t, response.Allowed)
	assert.Equal(t, []string{"quiesce: the pod passes without backup hooks: the policies are not loaded yet"}, response.Warnings)
}

type panicking struct{}

func (panicking) Labels(context.Context, string) (map[string]string, bool) { panic("out of order") }

func TestAPanicIsAllowedWithAWarning(t *testing.T) {
	response := admit(t, &review{handler: &stamper{policies: fixedPolicies{&stamp.Policies{}}, namespaces: panicking{}}}, []byte(minimalPod))
	assert.True(t, response.Allowed)
	assert.Empty(t, response.Patch)
	require.Len(t, response.Warnings, 1)
	assert.Contains(t, response.Warnings[0], "internal error")
	assert.NotContains(t, response.Warnings[0], "out of order", "the cause is for the log")
}

func TestANamespaceThatTheInformerDoesNotKnowYet(t *testing.T) {
	byName := benchmarkPolicy("by-name", "")
	byName.Spec.Selector = v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{"just-*"}}
	byKnownLabel := benchmarkPolicy("by-known-label", "")
	byKnownLabel.Spec.Selector = v1alpha1.PolicySelector{NamespaceSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{
		v1alpha1.NamespaceNameLabel: "just-created", v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}}
	byOtherLabel := benchmarkPolicy("by-other-label", "")
	byOtherLabel.Spec.Selector = v1alpha1.PolicySelector{NamespaceSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"team": "web"}}}

	for policy, stamped := range map[*v1alpha1.HookPolicy]bool{&byName: true, &byKnownLabel: true, &byOtherLabel: false} {
		response := post(t, stampingHandler(t, *policy), reviewOf(t, minimalPod, func(r *admissionv1.AdmissionRequest) { r.Namespace = "just-created" }))
		assert.Equal(t, stamped, len(response.Patch) > 0, policy.Name)
	}
}

// A pod can be larger in a request than in etcd, where it is no JSON; so one of 2 MiB may come, and be stored.
func TestALargePodIsStampedAndAHugeOneIsLeftAlone(t *testing.T) {
	everything := benchmarkPolicy("p", "shop")
	large := admit(t, stampingHandler(t, everything), podOfSize(t, 1<<20))
	assert.Empty(t, large.Warnings)
	assert.NotEmpty(t, large.Patch)
	assert.Less(t, len(large.Patch), 64<<10, "the stamp, and nothing of the pod")

	huge := admit(t, stampingHandler(t, everything), podOfSize(t, 2<<20))
	assert.True(t, huge.Allowed)
	assert.Empty(t, huge.Patch)
	require.Len(t, huge.Warnings, 1)
	assert.Contains(t, huge.Warnings[0], "bytes, and with their annotations it could be more than the cluster stores")
}

func podOfSize(t *testing.T, bytes int) []byte {
	t.Helper()
	var env []string
	for i := range bytes / 110 {
		env = append(env, fmt.Sprintf(`{"name":"E%d","value":%q}`, i, strings.Repeat("x", 80)))
	}
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"large","labels":{"app":"shop"}},"spec":{"containers":[{"name":"app","env":[` +
		strings.Join(env, ",") + `]}]}}`
	require.InEpsilon(t, bytes, len(pod), 0.1)
	return []byte(pod)
}

func TestKeysAreEscapedInPatches(t *testing.T) {
	operations := annotationPatch(map[string]string{"x": ""}, map[string]string{"b.io/~set": "v"}, []string{"a.io/remove~"})
	raw, err := json.Marshal(operations)
	require.NoError(t, err)
	assert.JSONEq(t, `[
		{"op": "remove", "path": "/metadata/annotations/a.io~1remove~0"},
		{"op": "add", "path": "/metadata/annotations/b.io~1~0set", "value": "v"}
	]`, string(raw))
}

func TestBodiesThatAreNoAdmissionReviewGetAnHTTPError(t *testing.T) {
	handler := stampingHandler(t)
	for body, want := range map[string]int{
		``:            http.StatusBadRequest,
		`{}`:          http.StatusBadRequest,
		`{"kind": 1}`: http.StatusBadRequest,
		`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`:                   http.StatusBadRequest,
		`{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{}}`: http.StatusBadRequest,
		`{"a":"` + strings.Repeat("x", maxReviewBytes) + `"}`:                             http.StatusRequestEntityTooLarge,
	} {
		recorder := serve(handler, []byte(body))
		assert.Equal(t, want, recorder.Code, "%.80s", body)
	}
}

func TestUnknownAndDuplicateFieldsOfARequestDoNotMatter(t *testing.T) {
	body := strings.Replace(string(admissionRequest(t, []byte(minimalPod))), `"request":{`, `"future":{"a":[1]},"request":{"later":null,`, 1)
	require.Contains(t, body, "future")
	everything := benchmarkPolicy("p", "")
	everything.Spec.Selector = v1alpha1.PolicySelector{}
	assert.NotEmpty(t, post(t, stampingHandler(t, everything), []byte(body)).Patch)
	double := strings.Replace(minimalPod, `"metadata":`, `"metadata":{},"metadata":`, 1)
	assert.NotEmpty(t, admit(t, stampingHandler(t, everything), []byte(double)).Patch)
}
