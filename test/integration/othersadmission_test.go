package integration

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const mirror = "mirror.test/"

// startMirror serves somebody else's webhook, which has images come from a mirror. The API server calls webhooks in the order
// of their configurations' names, and this one only once.
func startMirror(t *testing.T, name, namespace string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		var pod corev1.Pod
		if json.NewDecoder(r.Body).Decode(&review) != nil || json.Unmarshal(review.Request.Object.Raw, &pod) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var patch []string
		for list, containers := range map[string][]corev1.Container{"containers": pod.Spec.Containers, "initContainers": pod.Spec.InitContainers} {
			for i := range containers {
				if image := containers[i].Image; !strings.HasPrefix(image, mirror) {
					patch = append(patch, fmt.Sprintf(`{"op":"replace","path":"/spec/%s/%d/image","value":%q}`, list, i, mirror+image))
				}
			}
		}
		kind := admissionv1.PatchTypeJSONPatch
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true, PatchType: &kind, Patch: []byte("[" + strings.Join(patch, ",") + "]")}
		assert.NoError(t, json.NewEncoder(w).Encode(review))
	}))
	t.Cleanup(server.Close)
	create(t, &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: "mirror.example.com", SideEffects: new(admissionregistrationv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL: &server.URL, CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.NamespaceNameLabel: namespace}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		}},
	})
}

// testOthersAdmission is a part of TestRestores: whatever comes before us or after us, both have their way.
func testOthersAdmission(t *testing.T) {
	for what, name := range map[string]string{"ahead of ours": "a-mirror", "behind ours": "z-mirror"} {
		t.Run(what, func(t *testing.T) {
			namespace := optedIn(t, nil)
			startMirror(t, name, namespace)
			policy := preparing(name, "load", "chown")
			load := &policy.Spec.Hooks[0].Init.Containers[0]
			load.Image, load.ImagePullPolicy = "quiesce.test/load:1", corev1.PullIfNotPresent
			create(t, policy)
			pod := restoredPod(namespace, name)
			created := waitPrepared(t, pod, "quiesce-"+name+"-load-1", "quiesce-"+name+"-chown-1")
			require.EventuallyWithT(t, func(c *assert.CollectT) { // the API server has to hear of the other webhook
				var err error
				created, err = tryPod(t.Context(), pod)
				require.NoError(c, err)
				require.Equal(c, mirror+"quiesce.test/none:1", created.Spec.Containers[0].Image)
			}, patience, tick)
			ours := created.Spec.InitContainers
			require.Len(t, ours, 2)
			assert.Equal(t, mirror+"quiesce.test/none:1", ours[1].Image, "it has the application's")
			if name == "z-mirror" {
				assert.Equal(t, mirror+"quiesce.test/load:1", ours[0].Image)
			}
			for i := range ours {
				assert.Equal(t, corev1.PullAlways, ours[i].ImagePullPolicy)
			}
			create(t, pod)
		})
	}
}
