package chart_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// restoredPod is one that runs something, with labels and annotations.
func restoredPod(namespace string, labels, annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "restored", Namespace: namespace, Labels: labels, Annotations: annotations},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
}

// Nothing answers here, so that what the API server would ask the webhook about is refused, as the failurePolicy says, and
// nothing else is.
func TestRestoredPodsAndNoOthersAreAskedAbout(t *testing.T) {
	type pod struct{ labels, annotations map[string]string }
	key := func(key string) map[string]string { return map[string]string{key: "nightly"} }
	var (
		labelled  = func(name string) pod { return pod{labels: key(name)} }
		annotated = func(name string) pod { return pod{annotations: key(name)} }
	)
	always := map[string]pod{
		"Velero's label":                 labelled(v1alpha1.VeleroRestoreLabel),
		"Velero's label, without a name": {labels: map[string]string{v1alpha1.VeleroRestoreLabel: ""}},
		"our label":                      labelled(v1alpha1.RestoredKey),
		"our annotation":                 annotated(v1alpha1.RestoredKey),
		"a label among others":           {labels: map[string]string{"app": "shop", v1alpha1.VeleroRestoreLabel: "nightly", v1alpha1.VeleroBackupLabel: "b"}, annotations: key("a")},
		"an annotation among others":     {labels: key("app"), annotations: map[string]string{"a": "b", v1alpha1.RestoredKey: "nightly"}},
	}
	never := map[string]pod{
		"no labels and no annotations":  {},
		"other labels":                  labelled("app"),
		"other annotations":             annotated("app"),
		"labels and annotations":        {labels: key("app"), annotations: key("a")},
		"Velero's label, annotated":     annotated(v1alpha1.VeleroRestoreLabel),
		"the label of a backup alone":   labelled(v1alpha1.VeleroBackupLabel),
		"a marker as a value":           {labels: map[string]string{"app": "restored"}, annotations: map[string]string{"a": v1alpha1.RestoredKey}},
		"a key that begins as a marker": labelled(v1alpha1.RestoredKey + "-not"),
	}
	further := map[string]pod{
		"a further label":                  labelled("example.com/restore"),
		"another further label":            labelled("restored-by"),
		"a further annotation":             annotated("example.com/restored-at"),
		"a further label and nothing else": {labels: map[string]string{"restored-by": ""}},
	}
	exchanged := map[string]pod{
		"a further label, annotated":     annotated("example.com/restore"),
		"a further annotation, labelled": labelled("example.com/restored-at"),
	}
	tests := map[string]struct{ asked, passed []map[string]pod }{
		"defaults.yaml":            {asked: []map[string]pod{always}, passed: []map[string]pod{never, further, exchanged}},
		"another-backup-tool.yaml": {asked: []map[string]pod{always, further}, passed: []map[string]pod{never, exchanged}},
	}
	const optedIn, other = "takes-part", "takes-no-part"
	newNamespace(t, optedIn, map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled})
	newNamespace(t, other, nil)
	createIn := func(namespace string, pod pod) error {
		return server.Create(t.Context(), restoredPod(namespace, pod.labels, pod.annotations), client.DryRunAll)
	}
	// The API server looks at webhooks some moments after they were made, and after they are gone.
	waitUntil := func(t *testing.T, refused bool) {
		t.Helper()
		assert.Eventually(t, func() bool {
			return refused == (createIn(optedIn, always["Velero's label"]) != nil)
		}, time.Minute, 50*time.Millisecond)
	}
	install := func(t *testing.T, values string) {
		t.Helper()
		t.Cleanup(func() { waitUntil(t, false) })
		for _, object := range render(t, values) {
			if object.GetKind() == "MutatingWebhookConfiguration" {
				keep(t, object)
			}
		}
		waitUntil(t, true)
	}
	for values, test := range tests {
		t.Run(values, func(t *testing.T) {
			install(t, values)
			for _, pods := range test.asked {
				for name, pod := range pods {
					err := createIn(optedIn, pod)
					assert.True(t, apierrors.IsInternalError(err), "%s: %v", name, err)
					assert.ErrorContains(t, err, `failed calling webhook "`+restoredPodsWebhook+`"`, name)
					assert.NoError(t, createIn(other, pod), "%s, and the namespace has not opted in", name)
				}
			}
			for _, pods := range test.passed {
				for name, pod := range pods {
					assert.NoError(t, createIn(optedIn, pod), name)
				}
			}
		})
	}
	t.Run("unless the values have them start unprepared", func(t *testing.T) {
		install(t, "defaults.yaml")
		var configuration admissionregistrationv1.MutatingWebhookConfiguration
		require.NoError(t, server.Get(t.Context(), client.ObjectKey{Name: "quiesce-webhook"}, &configuration))
		configuration.Webhooks = []admissionregistrationv1.MutatingWebhook{mutatingWebhook(t, "all-options.yaml", restoredPodsWebhook)}
		require.NoError(t, server.Update(t.Context(), &configuration))
		waitUntil(t, false)
	})
}

// newNamespace makes one that stays: envtest has no controller that would remove it.
func newNamespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	require.NoError(t, server.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}))
}
