package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The body of an 8 KiB pod's admission request goes in, the body of the answer comes out: ours beside
// controller-runtime's typed defaulter writing the same annotations.
func BenchmarkAdmission(b *testing.B) {
	body := admissionRequest(b, benchmarkPod(b))
	b.Run("handler=quiesce", func(b *testing.B) { benchmarkHandler(b, quiesceHandler(b, 3, byLabel), body) })
	b.Run("handler=typed-defaulter", func(b *testing.B) { benchmarkHandler(b, typedDefaulter(b), body) })
}

// Three policies select the pod. However many others there are, and by whatever they select theirs, it costs the pod
// little.
func BenchmarkPolicies(b *testing.B) {
	body := admissionRequest(b, benchmarkPod(b))
	for name, selector := range map[string]func(i int) v1alpha1.PolicySelector{
		"label": byLabel, "namespace": byNamespace, "glob": byGlob, "namespaceSelector": byNamespaceLabel, "exists": byExistence, "image": byImage,
	} {
		for _, policies := range []int{3, 10_000} {
			b.Run(fmt.Sprintf("selector=%s/policies=%d", name, policies), func(b *testing.B) {
				benchmarkHandler(b, quiesceHandler(b, policies, selector), body)
			})
		}
	}
}

func byLabel(i int) v1alpha1.PolicySelector { return appSelector(fmt.Sprintf("app-%d", i)) }

func byNamespace(i int) v1alpha1.PolicySelector {
	return v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(fmt.Sprintf("team-%d", i))},
		LabelSelector: appSelector("shop").LabelSelector}
}

func byGlob(i int) v1alpha1.PolicySelector {
	return v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(fmt.Sprintf("team-%d-*", i))}}
}

func byNamespaceLabel(i int) v1alpha1.PolicySelector {
	return v1alpha1.PolicySelector{NamespaceSelector: appSelector(fmt.Sprintf("app-%d", i)).LabelSelector}
}

func byExistence(i int) v1alpha1.PolicySelector {
	return v1alpha1.PolicySelector{LabelSelector: &v1alpha1.LabelSelector{MatchExpressions: []v1alpha1.LabelRequirement{
		{Key: fmt.Sprintf("app-%d", i), Operator: metav1.LabelSelectorOpExists}}}}
}

func byImage(i int) v1alpha1.PolicySelector {
	return v1alpha1.PolicySelector{ContainerImages: []v1alpha1.ImagePattern{v1alpha1.ImagePattern(fmt.Sprintf("(^|/)database-%d:", i))}}
}

func appSelector(app string) v1alpha1.PolicySelector {
	return v1alpha1.PolicySelector{LabelSelector: &v1alpha1.LabelSelector{
		MatchLabels: map[string]v1alpha1.LabelValue{"app": v1alpha1.LabelValue(app)}}}
}

func benchmarkHandler(b *testing.B, handler http.Handler, body []byte) {
	b.Helper()
	recorder := serve(handler, body)
	require.Equal(b, http.StatusOK, recorder.Code)
	require.Contains(b, recorder.Body.String(), `"patch":`)
	b.ReportAllocs()
	for b.Loop() {
		serve(handler, body)
	}
}

func serve(handler http.Handler, body []byte) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, StampPath, bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

// quiesceHandler serves our handler with that many policies, three of which select the benchmark's pod and are stamped, on
// both sides. The selectors of the others are given.
func quiesceHandler(tb testing.TB, policies int, selector func(i int) v1alpha1.PolicySelector) http.Handler {
	tb.Helper()
	list := make([]v1alpha1.HookPolicy, policies)
	for i := range list {
		list[i] = benchmarkPolicy(fmt.Sprintf("policy-%d", i), "shop")
		if i >= 3 {
			list[i].Spec.Selector = selector(i)
		}
	}
	return stampingHandler(tb, list...)
}

type fixedLabels map[string]map[string]string

func (f fixedLabels) Labels(_ context.Context, namespace string) (map[string]string, bool) {
	labels, known := f[namespace]
	return labels, known
}

func benchmarkPolicy(name, app string) v1alpha1.HookPolicy {
	return v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.HookPolicySpec{
			Selector: appSelector(app),
			Hooks: []v1alpha1.Hook{
				{Name: "freeze", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, OnError: v1alpha1.Fail,
					Exec: &v1alpha1.ExecAction{Command: []string{"fsfreeze", "--freeze", "/data"}}},
				{Name: "thaw", Stages: []v1alpha1.Stage{v1alpha1.PostSnapshot}, OnError: v1alpha1.Fail,
					Exec: &v1alpha1.ExecAction{Command: []string{"fsfreeze", "--unfreeze", "/data"}}},
			},
		},
	}
}

// typedDefaulter is the ordinary way to write such a webhook. It writes what our handler does.
func typedDefaulter(tb testing.TB) http.Handler {
	tb.Helper()
	scheme := runtime.NewScheme()
	require.NoError(tb, corev1.AddToScheme(scheme))
	index, refused := match.CompileAll(match.Sources([]v1alpha1.HookPolicy{
		benchmarkPolicy("policy-0", "shop"), benchmarkPolicy("policy-1", "shop"), benchmarkPolicy("policy-2", "shop")}, nil))
	require.Empty(tb, refused)
	policies := stamp.New(index, stamp.Options{})
	pod, err := decodePod(benchmarkPod(tb))
	require.NoError(tb, err)
	return admission.WithDefaulter[*corev1.Pod](scheme, annotator(policies.Decide(match.Namespace{Name: "shop"}, pod).Set))
}

type annotator map[string]string

func (a annotator) Default(_ context.Context, pod *corev1.Pod) error {
	maps.Copy(pod.Annotations, a)
	return nil
}

// benchmarkPod is a pod of 8 KiB as JSON, such as a Deployment of a Java service makes: labels, env, probes, volumes.
func benchmarkPod(tb testing.TB) []byte {
	tb.Helper()
	labels := map[string]string{"app": "shop"}
	for i := range 9 {
		labels[fmt.Sprintf("example.com/label-%d", i)] = fmt.Sprintf("value-%d", i)
	}
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-5d8f7c9b6d-", Namespace: "shop", Labels: labels,
			Annotations: map[string]string{"checksum/config": strings.Repeat("a1", 32)}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "app", Image: "registry.example.com/shop/app:1.2.3"},
			{Name: "proxy", Image: "registry.example.com/mesh/proxy:4.5.6"},
		}},
	}
	size := func() int { raw, _ := json.Marshal(pod); return len(raw) }
	for i := 0; size() < 8<<10; i++ {
		container := &pod.Spec.Containers[i%2]
		container.Env = append(container.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", i), Value: strings.Repeat("x", 40)})
		if i%6 == 0 {
			name := fmt.Sprintf("volume-%d", i)
			container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: "/mnt/" + name})
			pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: name,
				VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		}
	}
	raw, err := json.Marshal(pod)
	require.NoError(tb, err)
	return raw
}

func admissionRequest(tb testing.TB, pod []byte) []byte {
	tb.Helper()
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID:       "0a1b2c3d-0000-4000-8000-000000000000",
			Kind:      metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
			Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
			Namespace: "shop",
			Operation: admissionv1.Create,
			Object:    runtime.RawExtension{Raw: pod},
		},
	})
	require.NoError(tb, err)
	return body
}
