package world

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero/velerotest"
)

// clusterOf has objects, and answers with an error whatever refuse says so of, by kind.
func clusterOf(t *testing.T, refuse func(kind string) error, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	velerotest.AddToScheme(scheme)
	ask := func(object runtime.Object) error {
		kinds, _, err := scheme.ObjectKinds(object)
		if err != nil {
			kinds = []schema.GroupVersionKind{object.GetObjectKind().GroupVersionKind()}
		}
		return refuse(kinds[0].Kind)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if err := ask(object); err != nil {
				return err
			}
			return c.Get(ctx, key, object, options...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if err := ask(list); err != nil {
				return err
			}
			return c.List(ctx, list, options...)
		},
	}).Build()
}

func nothing(string) error { return nil }

func forbid(kinds ...string) func(string) error {
	return func(kind string) error {
		if slices.Contains(kinds, kind) {
			return apierrors.NewForbidden(schema.GroupResource{Resource: kind}, "", errors.New("no right"))
		}
		return nil
	}
}

func webhookDeployment(namespace string, args ...string) *appsv1.Deployment {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: webhookName}}
	deployment.Spec.Template.Spec.Containers = []corev1.Container{{Name: "webhook", Args: args}}
	return deployment
}

// configuration as the chart has it, in a release's namespace.
func configuration(namespace string, excluded, unprepared []string) *admissionregistrationv1.MutatingWebhookConfiguration {
	webhook := func(name string, excluded []string) admissionregistrationv1.MutatingWebhook {
		return admissionregistrationv1.MutatingWebhook{
			Name:         name,
			ClientConfig: admissionregistrationv1.WebhookClientConfig{Service: &admissionregistrationv1.ServiceReference{Namespace: namespace, Name: webhookName}},
			NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled},
				MatchExpressions: []metav1.LabelSelectorRequirement{
					{Key: v1alpha1.NamespaceNameLabel, Operator: metav1.LabelSelectorOpNotIn, Values: excluded}},
			},
		}
	}
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: webhookName},
		Webhooks: []admissionregistrationv1.MutatingWebhook{
			webhook("policies.quiesce.io", nil), webhook(stampingWebhook, excluded), webhook(preparingWebhook, unprepared)},
	}
}

func schedule(t *testing.T) client.Object {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": map[string]any{"name": "nightly", "namespace": "velero"},
		"spec": map[string]any{"template": map[string]any{"hooks": map[string]any{"resources": []any{
			map[string]any{"name": "own", "pre": []any{map[string]any{"exec": map[string]any{"command": []any{"x"}}}}}}}}},
	}}
	return object
}

// hooked is a policy of one hook for all pods.
func hooked(name string) *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		{Name: "sync", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Timeout: v1alpha1.Duration{Duration: time.Minute}, OnError: v1alpha1.Fail, Exec: &v1alpha1.ExecAction{Command: []string{"sync"}}}}}}
}

var enabled = match.Namespace{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}

// reason why a pod of a sidecar alone is not stamped.
func reason(w *World) string {
	if w.Policies[0].Refusal != nil {
		return w.Policies[0].Refusal.Error()
	}
	pod := stamp.Pod{Pod: match.Pod{Containers: []match.Container{{Name: "c", Sidecar: true}}}}
	outcome := w.Compiled.Decide(enabled, pod).Outcomes[0]
	if len(outcome.Obstacles) == 0 {
		return ""
	}
	return outcome.Obstacles[0].Reason
}

func TestHowQuiesceIsInstalledIsReadWhereItCanBe(t *testing.T) {
	const defaults = "the defaults are assumed"
	tests := map[string]struct {
		objects    []client.Object
		refuse     func(string) error
		scope      match.Scope
		unprepared []string
		reason     string
		gap        string
	}{
		"where the documentation puts it": {
			objects: []client.Object{webhookDeployment("quiesce-system", "--namespace=$(POD_NAMESPACE)", "--excluded-namespaces=a,b", "--velero-native-sidecars=true")},
			scope:   match.Scope{Own: "quiesce-system", Excluded: []string{"a", "b"}},
			reason:  v1alpha1.ReasonBackupHooks,
		},
		"in another namespace, which the configuration tells": {
			objects: []client.Object{
				webhookDeployment("backup", "--excluded-namespaces", "a", "--velero-backup-hooks", "Override"),
				configuration("backup", []string{"kube-system", "backup", "a"}, []string{"kube-system", "backup", "a", "b"})},
			scope:      match.Scope{Own: "backup", Excluded: []string{"a"}},
			unprepared: []string{"kube-system", "backup", "a", "b"},
			reason:     v1alpha1.ReasonNativeSidecar,
		},
		"native sidecars and no yielding": {
			objects: []client.Object{webhookDeployment("quiesce-system", "--velero-native-sidecars=true", "--velero-backup-hooks=Override")},
			scope:   match.Scope{Own: "quiesce-system"},
		},
		"by the Deployment alone": {
			objects: []client.Object{webhookDeployment("quiesce-system"), configuration("quiesce-system", nil, []string{"shop"})},
			refuse:  forbid("MutatingWebhookConfiguration"),
			scope:   match.Scope{Own: "quiesce-system"},
			reason:  v1alpha1.ReasonBackupHooks,
			gap:     "for which namespaces restored pods get no init containers (restore.excludedNamespaces) is not known, since MutatingWebhookConfiguration quiesce-webhook cannot be read",
		},
		"by the configuration alone": {
			objects: []client.Object{webhookDeployment("backup", "--excluded-namespaces=a"), configuration("backup", []string{"kube-system", "backup", "a"}, nil)},
			refuse:  forbid("Deployment"),
			scope:   match.Scope{Own: "backup", Excluded: []string{"a"}},
			reason:  v1alpha1.ReasonBackupHooks,
			gap:     "since Deployment backup/quiesce-webhook cannot be read: " + defaults,
		},
		"not at all": {
			objects: []client.Object{webhookDeployment("quiesce-system", "--excluded-namespaces=a")},
			refuse:  forbid("Deployment", "MutatingWebhookConfiguration"),
			scope:   match.Scope{Own: "quiesce-system"},
			reason:  v1alpha1.ReasonBackupHooks,
			gap:     "since neither Deployment quiesce-system/quiesce-webhook nor MutatingWebhookConfiguration quiesce-webhook can be read: " + defaults,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			refuse := test.refuse
			if refuse == nil {
				refuse = nothing
			}
			w, err := Load(t.Context(), clusterOf(t, refuse, append(test.objects, hooked("p"), schedule(t))...), "shop")
			require.NoError(t, err)
			assert.Equal(t, test.scope, w.Scope)
			assert.Equal(t, test.unprepared, w.UnpreparedNamespaces)
			assert.Equal(t, test.reason, reason(w))
			if test.gap == "" {
				assert.Empty(t, w.Gaps)
			} else {
				require.Len(t, w.Gaps, 1)
				assert.Contains(t, w.Gaps[0], test.gap)
			}
		})
	}
}

func TestWhatMayNotBeListedIsAGap(t *testing.T) {
	own := &v1alpha1.NamespacedHookPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "own"}, Spec: hooked("own").Spec}
	other := own.DeepCopy()
	other.Namespace = "crm"
	objects := []client.Object{webhookDeployment("quiesce-system"), hooked("p"), own, other}

	w, err := Load(t.Context(), clusterOf(t, forbid("HookPolicyList", "HookScriptList", "HookTemplateList", "ScheduleList", "BackupList"), objects...), "shop")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"HookPolicies, HookScripts and HookTemplates are not known, since you may not list them in the whole cluster: " +
			"ask an administrator to bind ClusterRole quiesce-view to you for the whole cluster",
		"Velero's Schedules and Velero's Backups are not known, since you may not list them in the whole cluster: " +
			"pods for which these have hooks of their own are not stamped",
	}, w.Gaps)
	require.Len(t, w.Policies, 1, "those of one namespace")
	assert.Equal(t, match.Ref{Namespace: "shop", Name: "own"}, w.Policies[0].Ref)
	assert.True(t, w.Unread("HookPolicy"))
	assert.False(t, w.Unread("NamespacedHookPolicy"))

	w, err = Load(t.Context(), clusterOf(t, forbid("NamespacedHookPolicyList"), objects...), "shop")
	require.NoError(t, err)
	assert.Equal(t, []string{"NamespacedHookPolicies of namespace shop are not known, since you may not list them there: " +
		"ask an administrator to bind ClusterRole quiesce-view to you"}, w.Gaps)

	w, err = Load(t.Context(), clusterOf(t, nothing, objects...), "")
	require.NoError(t, err)
	assert.Empty(t, w.Gaps)
	assert.Len(t, w.Policies, 3)
}

func TestAClusterThatDoesNotAnswerIsAnError(t *testing.T) {
	gone := errors.New("connection refused")
	for _, kind := range []string{"HookPolicyList", "NamespacedHookPolicyList", "ScheduleList", "Deployment"} {
		_, err := Load(t.Context(), clusterOf(t, func(asked string) error {
			if asked == kind {
				return gone
			}
			return nil
		}), "shop")
		assert.ErrorIs(t, err, gone, kind)
	}
}
