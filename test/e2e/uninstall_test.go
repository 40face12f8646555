//go:build e2e

package e2e

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

func TestUninstallTakesEveryStampAlongAndLeavesWhatIsTheUsers(t *testing.T) {
	s := newScene(t, optedIn)
	policy := s.addPolicy("main")
	for range 20 {
		require.True(t, stamped(s.createPod()))
	}
	owned := s.pod()
	owned.Annotations = map[string]string{"a.io/b": "c", "post.hook.backup.velero.io/command": `["mine"]`}
	require.NoError(t, api.Create(t.Context(), owned))
	theirs := maps.Clone(owned.Annotations)

	f := newFreezer(t, 1, 10*time.Minute)
	session := f.begin()
	f.waitReady(session)
	require.True(t, f.frozen(f.pods[0]))
	gated := newFreezer(t, 1, 10*time.Minute, inSessions, hooks(
		does("freeze", freeze, v1alpha1.PreSnapshot), does("more", until("a"), v1alpha1.PreSnapshot), does("thaw", thaw, v1alpha1.PostSnapshot)))
	held := gated.backUp()
	gated.reach(gated.pods[0], "a")
	held.requireHeld()

	t.Cleanup(func() { assert.NoError(t, install(context.Background())) })
	_, err := terminal.Run(t.Context(), "helm", "uninstall", "quiesce", "-n", walkthrough.Release, "--wait")
	require.NoError(t, err)

	var pods corev1.PodList
	require.NoError(t, api.List(t.Context(), &pods))
	for i := range pods.Items {
		assert.Empty(t, stamp.Unstamp(pods.Items[i].Annotations), pods.Items[i].Name)
	}
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(owned), owned))
	assert.Equal(t, theirs, owned.Annotations)
	for _, configuration := range []client.Object{
		&admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{},
	} {
		assert.True(t, apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKey{Name: webhookName}, configuration)))
	}
	var policies admissionregistrationv1.ValidatingAdmissionPolicyList
	require.NoError(t, api.List(t.Context(), &policies))
	for i := range policies.Items {
		assert.NotContains(t, policies.Items[i].Name, "quiesce")
	}
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy), "policies stay, with their kinds")
	f.requireThawed(0)
	f.requireUnguarded()
	require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(session), session))
	assert.Equal(t, v1alpha1.PhaseCancelled, session.Status.Phase)
	assert.Empty(t, session.Finalizers, "nobody would take them off any more")

	held.waitEnded("Completed") // nobody would let it go any more
	t.Logf("what was held went on:\n%s", held.story())
	gated.requireThawed(0)
	gated.requireUnguarded()

	require.NoError(t, install(t.Context()))
	s.waitPods(patience, func(pod *corev1.Pod) bool { return pod.Name == owned.Name || stamped(pod) })
}
