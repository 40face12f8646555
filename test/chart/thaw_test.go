package chart_test

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// session is a HookSession that has quiesced something, and so has our finalizer.
func session(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "quiesce.io/v1alpha1", "kind": "HookSession",
		"metadata": map[string]any{"name": name, "namespace": "default", "finalizers": []any{"quiesce.io/thaw", "example.com/theirs"}},
		"spec":     map[string]any{"operation": "Backup"},
	}}
	keep(t, object)
	t.Cleanup(func() {
		assert.NoError(t, server.Patch(context.Background(), object.DeepCopy(), client.RawPatch(types.MergePatchType,
			[]byte(`{"metadata": {"finalizers": null, "annotations": {"quiesce.io/abandon": "true"}}}`))))
	})
	return object
}

func TestNobodyTakesASessionsFinalizerOffWhoDoesNotTakeOverItsThaw(t *testing.T) {
	for _, object := range render(t, "defaults.yaml") {
		if object.GetKind() == "CustomResourceDefinition" || object.GetName() == "quiesce-thaw" || object.GetName() == "quiesce-edit" {
			keep(t, object)
		}
	}
	waitForCRDs(t)
	for _, user := range []string{"editor", "system:serviceaccount:" + namespace + ":quiesce-controller"} {
		keep(t, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "edit-" + strings.ReplaceAll(user, ":", "-"), Namespace: "default"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "quiesce-edit"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
		})
	}
	take := func(user string, object *unstructured.Unstructured, patch string) error {
		return as(t, user).Patch(t.Context(), object.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)))
	}
	const off = `{"metadata": {"finalizers": ["example.com/theirs"]}}`
	kept := session(t, "kept")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.ErrorContains(c, take("editor", kept, off), "keeps kept until what it has quiesced is thawed: delete it and wait; "+
			"if its pods cannot be reached, set the annotation quiesce.io/abandon=true")
	}, time.Minute, 50*time.Millisecond)
	assert.ErrorContains(t, server.Patch(t.Context(), kept.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(off))), "keeps kept", "not even an administrator")
	require.NoError(t, take("editor", kept, `{"metadata": {"finalizers": ["quiesce.io/thaw"]}}`), "what is theirs is theirs")
	require.NoError(t, take("editor", kept, `{"spec": {"cancel": true}}`))
	require.NoError(t, take("editor", kept, `{"metadata": {"finalizers": [], "annotations": {"quiesce.io/abandon": "true"}}}`), "who takes over the thaw")
	require.NoError(t, take("system:serviceaccount:"+namespace+":quiesce-controller", session(t, "thawed"), off))

	assert.ErrorContains(t, as(t, "editor").Status().Patch(t.Context(), session(t, "his").DeepCopy(),
		client.RawPatch(types.MergePatchType, []byte(`{"status": {"phase": "Complete"}}`))), "forbidden", "what became of it is not the editor's to say")
}

// ourMetrics are those that the programs have for sessions (hooks/session/tell), and for what Velero has waiting (hooks/signal).
var ourMetrics = []string{
	"quiesce_velero_held", "quiesce_velero_held_oldest_seconds",
	"quiesce_hook_duration_seconds", "quiesce_quiesced_seconds", "quiesce_sessions_open", "quiesce_quiesced_pods", "quiesce_overdue_thaws", "quiesce_sessions_total",
	"quiesce_sessions_consistent_total",
}

func TestAlertsAndDashboardNameMetricsThatThereAre(t *testing.T) {
	all := render(t, "prometheus-operator.yaml")
	at := slices.IndexFunc(all, func(object *unstructured.Unstructured) bool { return object.GetKind() == "PrometheusRule" })
	require.GreaterOrEqual(t, at, 0)
	rule := all[at]
	require.NoError(t, server.Create(t.Context(), rule.DeepCopy(), client.DryRunAll), "the API server judges it")
	written, err := json.Marshal(rule.Object)
	require.NoError(t, err)
	requireKnownMetrics(t, string(written))
	assert.Contains(t, string(written), "QuiesceOverdueThaw")
	expressions := alerts(t, rule)
	assert.Equal(t, `sum( (quiesce_sessions_total{outcome="failed"} unless max_over_time(quiesce_sessions_total{outcome="failed"}[2h] offset 1h)) `+
		`or increase(quiesce_sessions_total{outcome="failed"}[1h]) ) > 0`, expressions["QuiesceSessionsFail"], "a first failure, too")
	controller := templates(t, all)["quiesce-controller"].Spec.Containers[0]
	assert.Contains(t, controller.Args, "--leader-elect=true", "or none would ever lead")
	assert.Equal(t, `absent(leader_election_master_status{name="quiesce-controller"} == 1)`, expressions["QuiesceControllerAway"])
	assert.Equal(t, "max(quiesce_velero_held_oldest_seconds) > 3600", expressions["QuiesceBackupHeld"])
	assert.Contains(t, string(written), "after 5m the webhook lets go, unquiesced, what Velero has waiting")
	assert.Equal(t, "prometheus", rule.GetLabels()["release"])

	dashboard := find[corev1.ConfigMap](t, all, "ConfigMap", "quiesce-dashboard")
	assert.Equal(t, "1", dashboard.Labels["grafana_dashboard"])
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(dashboard.Data["quiesce.json"]), &board))
	require.NotEmpty(t, board.Panels)
	for _, panel := range board.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			requireKnownMetrics(t, target.Expr)
		}
	}
}

// alerts are the expressions of a PrometheusRule, by the names of the alerts.
func alerts(t *testing.T, rule *unstructured.Unstructured) map[string]string {
	t.Helper()
	var spec struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	written, err := json.Marshal(rule.Object["spec"])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(written, &spec))
	expressions := map[string]string{}
	for _, group := range spec.Groups {
		for _, rule := range group.Rules {
			expressions[rule.Alert] = rule.Expr
		}
	}
	return expressions
}

var metricName = regexp.MustCompile(`quiesce_[a-z_]+`)

func requireKnownMetrics(t *testing.T, expression string) {
	t.Helper()
	found := metricName.FindAllString(expression, -1)
	require.NotEmpty(t, found, expression)
	for _, name := range found {
		base := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
		require.True(t, slices.Contains(ourMetrics, base), "there is no metric %s, in %s", name, expression)
	}
}
