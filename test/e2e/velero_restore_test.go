//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// A restore into another namespace: a hook before it, for which Velero waits; an init container ahead of each pod; and a command in each
// pod when it is ready. Each once, and none in what was there already.
func TestARestoreUnderANamespaceMappingRunsItsHooksOnceInEveryPod(t *testing.T) {
	t.Parallel()
	source := newFreezer(t, 0, 10*time.Minute, inSessions)
	for _, name := range []string{"pod-0", "pod-1"} {
		source.pods = append(source.pods, source.containerWith(func(spec *corev1.PodSpec) {
			spec.RestartPolicy = corev1.RestartPolicyAlways
			spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
			spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
			spec.Containers[0].ReadinessProbe = &corev1.Probe{
				PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}},
			}
		}, name, "quiesce.test/busybox:1.35", shell("echo app >>/data/log; exec sleep 3600")...))
	}
	backup := source.backUp()
	backup.waitEnded("Completed")
	source.waitFinished(backup.waitSession(source.namespace), v1alpha1.PhaseComplete)

	verify := does("verify", "echo verify >>/data/log", v1alpha1.PostRestore)
	verify.WaitFor = v1alpha1.PodReady
	prepare := v1alpha1.Hook{Name: "prepare", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{
		InheritVolumeMounts: true, Containers: []v1alpha1.InitContainer{{Command: shell("echo prepare >>/data/log")}},
	}}
	target := newFreezer(t, 0, 10*time.Minute, hooks(prepare, verify))
	old := target.container("old", "quiesce.test/busybox:1.35", "sleep", "3600")
	// Of a policy of its own: where one has run something before the restore, its hooks of after it run too, since they may undo that.
	target.createPolicyNamed("before-"+target.namespace, &v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{
		Hooks: []v1alpha1.Hook{does("before", until("a"), v1alpha1.PreRestore)},
	}})
	restore := createInVelero(t, "Restore", source.namespace, nil, map[string]any{
		"backupName": backup.GetName(), "includedNamespaces": []any{source.namespace},
		"namespaceMapping": map[string]any{source.namespace: target.namespace},
	})
	target.reach(old, "a")
	restore.requireHeld()
	assert.Empty(t, restore.phase(), "Velero has not touched it")
	target.in(old, "touch /tmp/a")
	restore.waitEnded("Completed")
	session := restore.waitSession(target.namespace)
	target.waitFinished(session, v1alpha1.PhaseComplete)
	opened, err := time.Parse(time.RFC3339Nano, restore.GetAnnotations()[v1alpha1.GateSinceAnnotation])
	require.NoError(t, err)
	t.Logf("open to InProgress %s:\n%s", restore.seen(inPhase("InProgress")).Sub(opened).Round(time.Millisecond), restore.story())

	assert.Len(t, restore.sessions(), 1, "none in the namespace from which it comes")
	assert.Equal(t, v1alpha1.OperationRestore, session.Spec.Operation)
	assert.Equal(t, v1alpha1.VeleroRestore, session.Spec.Velero.Kind)
	for _, name := range []string{"pod-0", "pod-1"} {
		pod := &corev1.Pod{}
		require.NoError(t, api.Get(t.Context(), client.ObjectKey{Namespace: target.namespace, Name: name}, pod))
		assert.Equal(t, "prepare\napp\nverify", target.in(pod, "cat /data/log"), name)
	}
	assert.Equal(t, []string{"a"}, target.log(old))
	assert.EqualValues(t, 3, session.Status.Hooks.Succeeded, describe(session).String())
}
