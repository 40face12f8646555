package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessionPolicy has Velero wait until the pods of an app are quiesced, and for a hook of before restores.
func sessionPolicy(app string) *v1alpha1.HookPolicy {
	policy := flushPolicy(app)
	policy.Spec.Velero.Mode = v1alpha1.VeleroSession
	before := policy.Spec.Hooks[0]
	before.Name, before.Stages = "before-restore", []v1alpha1.Stage{v1alpha1.PreRestore}
	policy.Spec.Hooks = append(policy.Spec.Hooks, before)
	return policy
}

// of has a Backup or Restore be of a namespace.
func of(namespace string) string { return "includedNamespaces: [" + namespace + "]" }

// waitMark waits until an object has a mark, and returns its annotations.
func waitMark(t *testing.T, object *unstructured.Unstructured, mark string) map[string]string {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
		require.Equal(c, mark, object.GetAnnotations()[v1alpha1.GateAnnotation])
	}, patience, tick)
	return object.GetAnnotations()
}

// waitGated waits until the webhook marks what is created.
func waitGated(t *testing.T, namespace string) {
	t.Helper()
	for _, kind := range []string{"Backup", "Restore"} {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			object := veleroObject(t, kind, "waits", of(namespace))
			require.NoError(c, api.Create(t.Context(), object, client.DryRunAll))
			require.Equal(c, v1alpha1.GateHeld, object.GetAnnotations()[v1alpha1.GateAnnotation])
		}, patience, tick)
	}
}

// The controller makes the CA, and is gone then. That it ever led is not known to the webhook.
func TestVelerosObjectsAreMarkedAndLetGoWithoutAController(t *testing.T) {
	withVelero(t)
	namespace, other := optedIn(t, nil), optedIn(t, nil)
	policy := sessionPolicy("gated")
	policy.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(namespace)}
	create(t, policy)
	controller := startController(t)
	webhook := startWebhook(t, "--controller-gone-after=30s")
	waitReady(t, webhook)
	waitReady(t, controller)
	waitGated(t, namespace)
	require.NoError(t, controller.Process.Kill())
	<-controller.exited

	// One leads, by the Lease.
	now := metav1.NowMicro()
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "quiesce-controller", Namespace: release},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("test"), RenewTime: &now},
	}
	create(t, lease)
	renewing := time.NewTicker(2 * time.Second)
	defer renewing.Stop()
	held := map[string]*unstructured.Unstructured{}
	for kind, name := range map[string]string{"Backup": "b", "Restore": "r"} {
		object := veleroObject(t, kind, name, of(namespace))
		object.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: "open", v1alpha1.ConsistentAnnotation: "True", "example.com/a": "b"})
		create(t, object)
		annotations := object.GetAnnotations()
		assert.Equal(t, v1alpha1.GateHeld, annotations[v1alpha1.GateAnnotation], kind)
		assert.NotContains(t, annotations, v1alpha1.ConsistentAnnotation)
		assert.Equal(t, "b", annotations["example.com/a"])
		since, err := time.Parse(time.RFC3339Nano, annotations[v1alpha1.GateSinceAnnotation])
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), since, patience)
		held[kind] = object
	}
	for name, spec := range map[string]string{"elsewhere": of(other), "no-pods": "includedResources: [configmaps]"} {
		object := veleroObject(t, "Backup", name, spec)
		object.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateHeld})
		create(t, object)
		assert.NotContains(t, object.GetAnnotations(), v1alpha1.GateAnnotation, name)
	}
	synced := veleroObject(t, "Backup", "synced", of(namespace))
	synced.Object["status"] = map[string]any{"phase": "Completed"}
	create(t, synced)
	assert.NotContains(t, synced.GetAnnotations(), v1alpha1.GateAnnotation)

	for start := time.Now(); time.Since(start) < 40*time.Second; <-renewing.C { // longer than without a leader
		now = metav1.NowMicro()
		lease.Spec.RenewTime = &now
		require.NoError(t, api.Update(t.Context(), lease))
	}
	waitMark(t, held["Backup"], v1alpha1.GateHeld)
	waitMark(t, held["Restore"], v1alpha1.GateHeld)

	// And leads no more.
	backup := waitMark(t, held["Backup"], v1alpha1.GateOpen)
	assert.Equal(t, "it goes on without being quiesced, since no controller of Quiesce has led for 30s", backup[v1alpha1.GateMessageAnnotation])
	assert.Equal(t, "False", backup[v1alpha1.ConsistentAnnotation])
	assert.Contains(t, backup[v1alpha1.ConsistentMessageAnnotation], v1alpha1.ReasonGateMissed)
	assert.NotContains(t, waitMark(t, held["Restore"], v1alpha1.GateOpen), v1alpha1.ConsistentAnnotation)
	assert.Contains(t, webhook.told(), "What Velero had waiting was let go")

	later := veleroObject(t, "Backup", "later", of(namespace))
	create(t, later)
	waitMark(t, later, v1alpha1.GateOpen)
}

func TestWithoutAControllerWhatWaitsFailsWhereThatIsWanted(t *testing.T) {
	withVelero(t)
	namespace := optedIn(t, nil)
	create(t, sessionPolicy("refused"))
	controller := startController(t)
	webhook := startWebhook(t, "--controller-gone-after=30s", "--controller-gone-action=Refuse")
	waitReady(t, webhook)
	waitReady(t, controller)
	waitGated(t, namespace)
	require.NoError(t, controller.Process.Kill())
	<-controller.exited
	backup, restore := veleroObject(t, "Backup", "b", of(namespace)), veleroObject(t, "Restore", "r", of(namespace))
	create(t, backup)
	create(t, restore)
	for _, object := range []*unstructured.Unstructured{backup, restore} {
		assert.Equal(t, v1alpha1.GateHeld, object.GetAnnotations()[v1alpha1.GateAnnotation])
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
			status, _, err := unstructured.NestedMap(object.Object, "status")
			require.NoError(c, err)
			require.Equal(c, "Failed", status["phase"])
			require.Equal(c, "Quiesce: no controller of Quiesce has led for 30s", status["failureReason"])
		}, 2*patience, tick)
		assert.Equal(t, v1alpha1.GateRefused, object.GetAnnotations()[v1alpha1.GateAnnotation])
	}
	location, _, err := unstructured.NestedString(backup.Object, "spec", "storageLocation")
	require.NoError(t, err)
	assert.Equal(t, "default", location)
}

func TestWithTheGateOffNothingIsMarked(t *testing.T) {
	withVelero(t)
	namespace := optedIn(t, nil)
	create(t, sessionPolicy("ungated"))
	startController(t)
	webhook := startWebhook(t, "--velero-gate=false")
	waitReady(t, webhook)
	waitAuthoring(t)
	backup := veleroObject(t, "Backup", "b", of(namespace))
	require.NoError(t, api.Create(t.Context(), backup, client.DryRunAll))
	assert.Empty(t, backup.GetAnnotations())
}

// With a controller that does not start, which could let nothing go.
func TestAnUninstallLetsGoWhatVeleroHasWaiting(t *testing.T) {
	withVelero(t)
	namespace := optedIn(t, nil)
	held := veleroObject(t, "Backup", "held", of(namespace))
	held.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateHeld})
	create(t, held)
	restore := veleroObject(t, "Restore", "held", of(namespace))
	restore.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateHeld})
	create(t, restore)
	refused := veleroObject(t, "Backup", "refused", of(namespace))
	refused.SetAnnotations(map[string]string{v1alpha1.GateAnnotation: v1alpha1.GateRefused, v1alpha1.GateMessageAnnotation: "the hook failed"})
	create(t, refused)
	program := run(t, "quiesce-controller", "uninstall", "--kubeconfig="+uninstaller(t), "--namespace="+release, "--timeout=60s")
	<-program.exited
	require.Zero(t, program.ProcessState.ExitCode(), program.told())
	assert.Contains(t, program.told(), "Let go, without being quiesced: Backup "+release+"/held, Restore "+release+"/held")
	assert.Contains(t, program.told(), "Ended, since a hook of before had failed: Backup "+release+"/refused")
	assert.Equal(t, "it goes on without being quiesced, since Quiesce is being uninstalled", waitMark(t, held, v1alpha1.GateOpen)[v1alpha1.GateMessageAnnotation])
	waitMark(t, restore, v1alpha1.GateOpen)
	waitMark(t, refused, v1alpha1.GateRefused)
	reason, _, err := unstructured.NestedString(refused.Object, "status", "failureReason")
	require.NoError(t, err)
	assert.Equal(t, "Quiesce: the hook failed", reason)
}

// The samples are what users begin with.
func TestTheSampleOfASessionHasVeleroWait(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(repository, "config/samples/velero-session.yaml"))
	require.NoError(t, err)
	policy := &v1alpha1.HookPolicy{}
	require.NoError(t, yaml.UnmarshalStrict(source, policy))
	assert.Equal(t, v1alpha1.VeleroSession, policy.Spec.Velero.Mode)
	assert.NoError(t, client.WithFieldValidation(api, metav1.FieldValidationStrict).Create(t.Context(), policy, client.DryRunAll), strings.TrimSpace(policy.Name))
}
