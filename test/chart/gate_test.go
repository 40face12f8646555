package chart_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const gateWebhook = "backups.quiesce.io"

func TestTheEntryForVelerosObjects(t *testing.T) {
	for values, timeout := range map[string]int32{"defaults.yaml": 3, "all-options.yaml": 10} {
		t.Run(values, func(t *testing.T) {
			webhook := mutatingWebhook(t, values, gateWebhook)
			assert.Equal(t, admissionregistrationv1.Ignore, *webhook.FailurePolicy, "whatever the values say of pods: a backup without hooks is better than none")
			assert.Equal(t, timeout, *webhook.TimeoutSeconds)
			assert.Equal(t, admissionregistrationv1.Equivalent, *webhook.MatchPolicy)
			assert.Equal(t, admissionregistrationv1.SideEffectClassNone, *webhook.SideEffects)
			assert.Equal(t, admissionregistrationv1.NeverReinvocationPolicy, *webhook.ReinvocationPolicy)
			require.Len(t, webhook.Rules, 1)
			assert.Equal(t, []admissionregistrationv1.OperationType{admissionregistrationv1.Create}, webhook.Rules[0].Operations)
			assert.Equal(t, []string{"velero.io"}, webhook.Rules[0].APIGroups)
			assert.Equal(t, []string{"backups", "restores"}, webhook.Rules[0].Resources)
			assert.Nil(t, webhook.NamespaceSelector, "Velero's namespace need not opt in")
			assert.Empty(t, webhook.MatchConditions)
			assert.Equal(t, service("/gate-backups"), webhook.ClientConfig)
		})
	}
}

func TestWithoutTheGateNothingOfItIsThere(t *testing.T) {
	all := render(t, "one-replica.yaml")
	for _, object := range all {
		assert.NotContains(t, []string{"quiesce-gate", "quiesce-break-glass"}, object.GetName(), object.GetKind())
	}
	configuration := find[admissionregistrationv1.MutatingWebhookConfiguration](t, all, "MutatingWebhookConfiguration", "quiesce-webhook")
	for _, webhook := range configuration.Webhooks {
		assert.NotEqual(t, gateWebhook, webhook.Name)
	}
	for name, template := range templates(t, all) {
		assert.Contains(t, template.Spec.Containers[0].Args, "--velero-gate=false", name)
	}
}

func TestTheBreakGlassGroupsHaveTheRightsThatTheCommandNeeds(t *testing.T) {
	binding := find[rbacv1.ClusterRoleBinding](t, render(t, "all-options.yaml"), "ClusterRoleBinding", "quiesce-break-glass")
	assert.Equal(t, []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "example:on-call"}}, binding.Subjects)
}

// asMember talks to the API server as a user of a group.
func asMember(t *testing.T, user, group string) client.Client {
	t.Helper()
	config := rest.CopyConfig(administrator)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated", group}}
	impersonating, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	require.NoError(t, err)
	return impersonating
}

// installVelero makes Velero's kinds known, and gives some users the rights to them.
func installVelero(t *testing.T, users ...string) {
	t.Helper()
	for _, plural := range []string{"backups", "restores"} {
		source, err := os.ReadFile(filepath.Join("testdata/velero", plural+".yaml"))
		require.NoError(t, err)
		for _, crd := range objects(t, source) {
			keep(t, crd)
		}
	}
	role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "chart-test-velero"}
	keep(t, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: role.Name}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"velero.io"}, Resources: []string{"*"}, Verbs: []string{"*"}}}})
	for _, user := range users {
		keep(t, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "chart-test-velero-" + strings.ReplaceAll(user, ":", "-")}, RoleRef: role,
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
		})
	}
}

// veleroObject is a Backup or Restore with a mark and a phase; empty for none.
func veleroObject(kind, mark, phase string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "velero.io/v1", "kind": kind,
		"metadata": map[string]any{"generateName": "nightly-", "namespace": "default"},
	}}
	if mark != "" {
		object.SetAnnotations(map[string]string{"quiesce.io/gate": mark, "quiesce.io/gate-message": "waits for db-0\nof shop"})
	}
	if phase != "" {
		object.Object["status"] = map[string]any{"phase": phase}
	}
	return object
}

// waitForGate waits until the API server serves Velero's kinds and has the policy in force.
func waitForGate(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"Backup", "Restore"} {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			object := veleroObject(kind, "held", "")
			require.NoError(c, server.Create(t.Context(), object))
			err := server.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(`{"status": {"phase": "InProgress"}}`)))
			require.ErrorContains(c, err, "is held by Quiesce")
		}, time.Minute, 50*time.Millisecond)
	}
}

const veleroAccount = "system:serviceaccount:velero:velero"

func TestWhatIsHeldGoesNoFurtherAndOnlyThoseWhoMayLetItGo(t *testing.T) {
	all := render(t, "defaults.yaml")
	for _, object := range all { // before Velero's kinds are known
		if name := object.GetName(); name == "quiesce-gate" || name == "quiesce-break-glass" {
			keep(t, object)
		}
	}
	accounts := []string{}
	for _, name := range []string{"controller", "webhook", "uninstall"} {
		accounts = append(accounts, "system:serviceaccount:"+namespace+":quiesce-"+name)
	}
	installVelero(t, append([]string{veleroAccount, "editor", "system:serviceaccount:other:quiesce-controller"}, accounts...)...)
	waitForGate(t)
	clients := map[string]client.Client{
		"velero": as(t, veleroAccount), "user": as(t, "editor"), "controller": as(t, accounts[0]), "administrator": server,
		"break-glass": asMember(t, "anybody", "quiesce:break-glass"),
	}
	try := func(t *testing.T, who string, object *unstructured.Unstructured, patch string) error {
		t.Helper()
		require.NoError(t, server.Create(t.Context(), object))
		return clients[who].Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch)))
	}

	t.Run("steps", func(t *testing.T) {
		tests := map[string][]struct {
			from, to, whenHeld, whenRefused string
		}{
			"Backup": {
				{"", "Queued", "denied", "denied"},
				{"", "ReadyToStart", "denied", "denied"},
				{"", "InProgress", "denied", "denied"}, // before 1.18
				{"New", "Queued", "denied", "denied"},
				{"New", "InProgress", "denied", "denied"},
				{"Queued", "ReadyToStart", "denied", "denied"},
				{"Queued", "InProgress", "denied", "denied"},
				{"Failed", "Queued", "denied", "denied"}, // a late patch of Velero's
				{"ReadyToStart", "InProgress", "allowed", "allowed"},
				{"ReadyToStart", "FailedValidation", "allowed", "allowed"},
				{"ReadyToStart", "New", "allowed", "allowed"},
				{"InProgress", "Failed", "allowed", "allowed"},
				{"InProgress", "WaitingForPluginOperations", "allowed", "allowed"},
				{"Queued", "New", "allowed", "allowed"},
				{"", "New", "allowed", "allowed"},
				{"", "Failed", "allowed", "allowed"},
				{"New", "FailedValidation", "allowed", "allowed"},
				{"New", "Deleting", "allowed", "allowed"},
				{"Failed", "Deleting", "allowed", "allowed"},
			},
			"Restore": {
				{"", "InProgress", "denied", "denied"},
				{"New", "InProgress", "denied", "denied"},
				{"New", "Completed", "denied", "denied"},
				{"Failed", "InProgress", "denied", "denied"},
				{"", "New", "allowed", "allowed"},
				{"", "FailedValidation", "allowed", "allowed"},
				{"New", "Failed", "allowed", "allowed"},
				{"InProgress", "Completed", "allowed", "allowed"},
				{"InProgress", "PartiallyFailed", "allowed", "allowed"},
			},
		}
		for kind, steps := range tests {
			for _, step := range steps {
				for mark, want := range map[string]string{"held": step.whenHeld, "refused": step.whenRefused, "open": "allowed", "": "allowed", "other": "allowed"} {
					for _, who := range []string{"velero", "user", "controller", "break-glass", "administrator"} {
						err := try(t, who, veleroObject(kind, mark, step.from), `{"status": {"phase": "`+step.to+`"}}`)
						if want == "allowed" {
							assert.NoError(t, err, "%s %q: %q to %q as %s", kind, mark, step.from, step.to, who)
						} else {
							assert.True(t, apierrors.IsForbidden(err), "%s %q: %q to %q as %s: %v", kind, mark, step.from, step.to, who, err)
						}
					}
				}
			}
		}
	})
	t.Run("what is held can be changed otherwise", func(t *testing.T) {
		for _, patch := range []string{
			`{"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["velero.io/a"]}}`, `{"spec": {"ttl": "1h"}}`,
			`{"status": {"queuePosition": 3}}`, `{"status": {"failureReason": "x"}}`,
		} {
			for _, phase := range []string{"", "New", "Queued", "InProgress"} {
				assert.NoError(t, try(t, "velero", withoutFinalizers(t, veleroObject("Backup", "held", phase)), patch), "%s in %q", patch, phase)
			}
		}
	})
	t.Run("the mark", func(t *testing.T) {
		changes := map[string]string{
			"open":           `{"metadata": {"annotations": {"quiesce.io/gate": "open"}}}`,
			"refuse":         `{"metadata": {"annotations": {"quiesce.io/gate": "refused"}}}`,
			"remove":         `{"metadata": {"annotations": {"quiesce.io/gate": null}}}`,
			"remove all":     `{"metadata": {"annotations": null}}`,
			"another time":   `{"metadata": {"annotations": {"quiesce.io/gate-since": "2026-01-01T00:00:00Z"}}}`,
			"another reason": `{"metadata": {"annotations": {"quiesce.io/gate-message": "x"}}}`,
			"another phase":  `{"metadata": {"annotations": {"quiesce.io/gate-returns-to": "ReadyToStart"}}}`,
			"thaw and begin": `{"metadata": {"annotations": {"quiesce.io/attempt": "2"}}}`,
			"prove":          `{"metadata": {"annotations": {"quiesce.io/consistent": "True"}}}`,
			"another proof":  `{"metadata": {"annotations": {"quiesce.io/consistent-message": "x"}}}`,
			"open and begin": `{"metadata": {"annotations": {"quiesce.io/gate": "open"}}, "status": {"phase": "Queued"}}`,
		}
		for what, patch := range changes {
			for _, kind := range []string{"Backup", "Restore"} {
				for _, who := range []string{"velero", "user"} {
					assert.ErrorContains(t, try(t, who, veleroObject(kind, "held", ""), patch),
						"the annotations quiesce.io/gate, gate-since, gate-message, gate-returns-to, attempt, consistent and consistent-message of "+kind+" default/nightly-", "%s as %s", what, who)
				}
				for _, who := range []string{"controller", "break-glass", "administrator"} {
					assert.NoError(t, try(t, who, veleroObject(kind, "held", ""), patch), "%s as %s", what, who)
				}
			}
		}
		assert.Error(t, try(t, "user", veleroObject("Backup", "", ""), `{"metadata": {"annotations": {"quiesce.io/gate": "held"}}}`), "nobody holds a Backup of another's")
		assert.NoError(t, try(t, "controller", veleroObject("Backup", "open", "ReadyToStart"),
			`{"metadata": {"annotations": {"quiesce.io/gate": "held"}}, "status": {"phase": "New"}}`), "back through the gate")
		assert.Error(t, try(t, "controller", veleroObject("Backup", "open", "New"),
			`{"metadata": {"annotations": {"quiesce.io/gate": "held"}}, "status": {"phase": "Queued"}}`), "it is the new mark that counts")
		for _, account := range accounts {
			clients["account"] = as(t, account)
			assert.NoError(t, try(t, "account", veleroObject("Backup", "held", ""), changes["open"]), account)
		}
		clients["namesake"] = as(t, "system:serviceaccount:other:quiesce-controller")
		assert.Error(t, try(t, "namesake", veleroObject("Backup", "held", ""), changes["open"]), "of another namespace")
	})
	t.Run("the denial says what it waits for and how to let it go", func(t *testing.T) {
		held := veleroObject("Backup", "held", "")
		err := try(t, "velero", held, `{"status": {"phase": "Queued"}}`)
		require.ErrorContains(t, err, "Backup default/"+held.GetName()+" is held by Quiesce until its pods are quiesced: waits for db-0 of shop; to let it go as it is: "+
			"kubectl -n default annotate backups.velero.io "+held.GetName()+" quiesce.io/gate=open --overwrite --as=admin --as-group=quiesce:break-glass")
		refused := veleroObject("Restore", "refused", "")
		err = try(t, "velero", refused, `{"status": {"phase": "InProgress"}}`)
		require.ErrorContains(t, err, "Restore default/"+refused.GetName()+" was refused by Quiesce: waits for db-0 of shop")
		assert.NotContains(t, err.Error(), "kubectl")
		err = try(t, "user", veleroObject("Restore", "held", ""), `{"metadata": {"annotations": {"quiesce.io/gate": "open"}}}`)
		assert.ErrorContains(t, err, "are for Quiesce to write, or for a member of the groups quiesce:break-glass, system:masters: kubectl -n default annotate restores.velero.io nightly-")
	})
	t.Run("what is created may bring a mark along, which the webhook sees to", func(t *testing.T) {
		for _, mark := range []string{"held", "open", "refused"} {
			object := veleroObject("Backup", mark, "")
			require.NoError(t, clients["user"].Create(t.Context(), object))
			assert.NoError(t, server.Delete(t.Context(), object))
		}
	})
	t.Run("what is held can be deleted", func(t *testing.T) {
		object := veleroObject("Backup", "held", "")
		require.NoError(t, server.Create(t.Context(), object))
		assert.NoError(t, clients["user"].Delete(t.Context(), object))
	})
}

// withoutFinalizers takes an object's finalizers off before it is deleted.
func withoutFinalizers(t *testing.T, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	t.Cleanup(func() {
		live := object.DeepCopy()
		assert.NoError(t, server.Patch(context.Background(), live, client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`))))
	})
	return object
}
