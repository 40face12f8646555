package integration

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// veleroKinds are Velero's kinds that matter to hooks, with a schema that takes everything. Like Velero's own they have
// no status subresource.
func veleroKinds() envtest.CRDInstallOptions {
	var options envtest.CRDInstallOptions
	for kind, plural := range map[string]string{
		"Schedule": "schedules", "Backup": "backups", "Restore": "restores", "BackupStorageLocation": "backupstoragelocations",
	} {
		options.CRDs = append(options.CRDs, &apiextensionsv1.CustomResourceDefinition{
			ObjectMeta: metav1.ObjectMeta{Name: plural + ".velero.io"},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{
				Group: "velero.io",
				Scope: apiextensionsv1.NamespaceScoped,
				Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Kind: kind, ListKind: kind + "List"},
				Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
					Name: "v1", Served: true, Storage: true,
					Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
						Type: "object", XPreserveUnknownFields: new(true)}},
				}},
			},
		})
	}
	return options
}

// veleroObject is a Schedule or Backup, with a spec as YAML.
func veleroObject(t *testing.T, kind, name, spec string) *unstructured.Unstructured {
	t.Helper()
	fields := map[string]any{}
	merge(t, fields, spec)
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "velero.io/v1", "kind": kind,
		"metadata": map[string]any{"name": name, "namespace": release},
		"spec":     fields,
	}}
}

func TestPodsWhoseBackupHasHooksOfItsOwnAreNotStamped(t *testing.T) {
	startController(t)
	namespace, other := optedIn(t, nil), optedIn(t, nil)
	policy := bothSides("scheduled")
	create(t, policy)
	pod, elsewhere := appPod(namespace, "scheduled"), appPod(other, "scheduled")
	create(t, pod)
	create(t, elsewhere)
	waitCommand(t, pod, `["flush","scheduled"]`)
	waitCondition(t, policy, v1alpha1.ConditionConflicted, metav1.ConditionFalse, v1alpha1.ReasonNoConflict)

	// Velero comes when the controller runs already.
	kinds := veleroKinds()
	_, err := envtest.InstallCRDs(config, kinds)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, envtest.UninstallCRDs(config, kinds)) })

	hooks := `includedNamespaces: [` + namespace + `]
hooks: {resources: [{name: own, pre: [{exec: {command: [own]}}]}]}`
	schedule := veleroObject(t, "Schedule", "nightly", "schedule: '@daily'")
	schedule.Object["spec"].(map[string]any)["template"] = veleroObject(t, "", "", hooks).Object["spec"]
	create(t, schedule)
	waitExactly(t, pod, nil)
	waitCommand(t, elsewhere, `["flush","scheduled"]`)
	condition := waitCondition(t, policy, v1alpha1.ConditionConflicted, metav1.ConditionTrue, v1alpha1.ReasonBackupHooks)
	assert.Contains(t, condition.Message, "Schedule "+release+"/nightly has hooks of its own for pod "+namespace+"/"+pod.Name)

	change(t, schedule, `{"spec":{"template":{"hooks":null}}}`)
	waitCommand(t, pod, `["flush","scheduled"]`)
	waitCondition(t, policy, v1alpha1.ConditionConflicted, metav1.ConditionFalse, v1alpha1.ReasonNoConflict)

	backup := veleroObject(t, "Backup", "by-hand", hooks)
	create(t, backup)
	waitExactly(t, pod, nil)
	change(t, backup, `{"status":{"phase":"InProgress"}}`)
	waitCondition(t, policy, v1alpha1.ConditionConflicted, metav1.ConditionTrue, v1alpha1.ReasonBackupHooks)
	change(t, backup, `{"status":{"phase":"Completed"}}`)
	waitCommand(t, pod, `["flush","scheduled"]`)

	// And it goes, with all that it had.
	change(t, schedule, `{"spec":{"template":{"hooks":{"resources":[{"name":"own","post":[{"exec":{"command":["own"]}}]}]}}}}`)
	waitExactly(t, pod, nil)
	require.NoError(t, envtest.UninstallCRDs(config, kinds))
	waitCommand(t, pod, `["flush","scheduled"]`)
}

func TestHooksOfBackupsAreOverriddenOnDemand(t *testing.T) {
	kinds := veleroKinds()
	_, err := envtest.InstallCRDs(config, kinds)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, envtest.UninstallCRDs(config, kinds)) })
	create(t, veleroObject(t, "Backup", "everything", `hooks: {resources: [{name: own, pre: [{exec: {command: [own]}}]}]}`))
	namespace := optedIn(t, nil)
	policy := bothSides("overriding")
	create(t, policy)
	pod := appPod(namespace, "overriding")
	create(t, pod)

	controller := startController(t)
	waitCondition(t, policy, v1alpha1.ConditionConflicted, metav1.ConditionTrue, v1alpha1.ReasonBackupHooks)
	waitExactly(t, pod, nil)
	require.NoError(t, controller.Process.Kill())
	controller.again(t, "--velero-backup-hooks=Override")
	waitCommand(t, pod, `["flush","overriding"]`)
}
