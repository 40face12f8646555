package integration

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// preparing selects pods labelled app=NAME, and prepares restored ones by an init container for each command.
func preparing(name string, commands ...string) *v1alpha1.HookPolicy {
	policy := flushPolicy(name)
	policy.Spec.Hooks = nil
	for _, command := range commands {
		policy.Spec.Hooks = append(policy.Spec.Hooks, v1alpha1.Hook{
			Name: command, Stages: []v1alpha1.Stage{v1alpha1.PostRestore},
			Init: &v1alpha1.InitAction{Containers: []v1alpha1.InitContainer{{Command: []string{command}}}},
		})
	}
	return policy
}

func restoredPod(namespace, app string) *corev1.Pod {
	pod := appPod(namespace, app)
	pod.Labels[v1alpha1.VeleroRestoreLabel] = "nightly"
	return pod
}

func initContainers(pod *corev1.Pod) []string {
	var names []string
	for i := range pod.Spec.InitContainers {
		names = append(names, pod.Spec.InitContainers[i].Name)
	}
	return names
}

// waitPrepared waits until a pod would be created with these init containers, since the webhook has to hear of a policy.
func waitPrepared(t *testing.T, pod *corev1.Pod, want ...string) *corev1.Pod {
	t.Helper()
	var created *corev1.Pod
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var err error
		created, err = tryPod(t.Context(), pod)
		require.NoError(c, err)
		require.Equal(c, want, initContainers(created))
	}, patience, tick)
	return created
}

func TestRestores(t *testing.T) {
	controller := startController(t)
	webhook := startWebhook(t)
	waitReady(t, webhook)
	waitReady(t, controller)
	waitAuthoring(t)
	namespace := optedIn(t, nil)
	policy := preparing("seeded", "load", "chown")
	create(t, policy)

	t.Run("a restored pod gets its init containers, and again, each once", func(t *testing.T) {
		pod := restoredPod(namespace, "seeded")
		pod.Spec.InitContainers = []corev1.Container{{Name: "restore-wait", Image: "quiesce.test/none:1"}, {Name: "own", Image: "quiesce.test/none:1"}}
		want := []string{"restore-wait", "quiesce-seeded-load-1", "quiesce-seeded-chown-1", "own"}
		waitPrepared(t, pod, want...)
		var list corev1.PodList
		require.NoError(t, api.List(t.Context(), &list, client.InNamespace(namespace)))
		require.Empty(t, list.Items, "a dry run creates nothing")

		for range 3 { // each from the one before, as a backup of it has it
			create(t, pod)
			require.Equal(t, want, initContainers(pod))
			pod = pod.DeepCopy()
			pod.ObjectMeta = metav1.ObjectMeta{GenerateName: "seeded-", Namespace: namespace, Labels: pod.Labels, Annotations: pod.Annotations}
			pod.Status = corev1.PodStatus{}
		}
		waitCondition(t, policy, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInUse)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			require.NoError(c, api.Get(t.Context(), client.ObjectKeyFromObject(policy), policy))
			require.EqualValues(c, 3, policy.Status.PreparedPods)
			require.EqualValues(c, 3, policy.Status.MatchedPods)
			require.NotNil(c, policy.Status.LastRestore)
			require.Equal(c, "nightly", policy.Status.LastRestore.Name)
			require.EqualValues(c, 3, policy.Status.LastRestore.Pods)
			require.WithinDuration(c, time.Now(), policy.Status.LastRestore.Time.Time, patience)
		}, patience, tick)
		assert.Equal(t, "PostRestore", policy.Status.Stages)
		assert.Equal(t, v1alpha1.ReasonNothingToStamp, waitCondition(t, policy, v1alpha1.ConditionStampable, metav1.ConditionTrue, v1alpha1.ReasonNothingToStamp).Reason)
	})

	t.Run("a pod that nobody restored gets none", func(t *testing.T) {
		created, err := tryPod(t.Context(), appPod(namespace, "seeded"))
		require.NoError(t, err)
		assert.Empty(t, created.Spec.InitContainers)
	})

	t.Run("a policy that is suspended takes its own away from pods to come", func(t *testing.T) {
		pod := waitPrepared(t, restoredPod(namespace, "seeded"), "quiesce-seeded-load-1", "quiesce-seeded-chown-1")
		again := restoredPod(namespace, "seeded")
		again.Spec = pod.Spec
		change(t, policy, `{"spec":{"suspend":true}}`)
		waitPrepared(t, again)
		change(t, policy, `{"spec":{"suspend":false}}`)
		waitPrepared(t, again, "quiesce-seeded-load-1", "quiesce-seeded-chown-1")
	})

	t.Run("a namespace that has just been created is known by its labels", func(t *testing.T) {
		byLabel := preparing("by-label", "load")
		byLabel.Spec.Selector.NamespaceSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"team": "data"}}
		create(t, byLabel)
		waitPrepared(t, restoredPod(optedIn(t, map[string]string{"team": "data"}), "by-label"), "quiesce-by-label-load-1")
		for range 20 {
			created, err := tryPod(t.Context(), restoredPod(optedIn(t, map[string]string{"team": "data"}), "by-label"))
			require.NoError(t, err)
			require.Equal(t, []string{"quiesce-by-label-load-1"}, initContainers(created))
		}
	})

	t.Run("a pod that cannot be prepared is refused, or passes with a warning, as the hook says", func(t *testing.T) {
		lacking := preparing("lacking", "load", "chown")
		lacking.Spec.Hooks[1].Init.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
		create(t, lacking)
		create(t, appPod(namespace, "lacking"))
		preparable := waitCondition(t, lacking, v1alpha1.ConditionPreparable, metav1.ConditionFalse, v1alpha1.ReasonNotPreparable)
		assert.Contains(t, preparable.Message, `hook "chown" could not prepare it: its init container "1" mounts volume "data" at /data, and the pod has no such volume`)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			_, err := tryPod(t.Context(), restoredPod(namespace, "lacking"))
			require.ErrorContains(c, err, `HookPolicy "lacking", hook "chown": its init container "1" mounts volume "data" at /data, and the pod has no such volume`)
		}, patience, tick)

		change(t, lacking, `{"spec":{"hooks":[{"name":"load","stages":["PostRestore"],"init":{"containers":[{"command":["load"]}]}},`+
			`{"name":"chown","stages":["PostRestore"],"onError":"Continue","init":{"containers":[{"command":["x"],"volumeMounts":[{"name":"data","mountPath":"/data"}]}]}}]}}`)
		waitPrepared(t, restoredPod(namespace, "lacking"), "quiesce-lacking-load-1")
		other, told := somebody(t, "restorer")
		require.NoError(t, other.Create(t.Context(), restoredPod(namespace, "lacking"), client.DryRunAll))
		require.Len(t, told.told, 1)
		assert.Contains(t, told.told[0], `quiesce: HookPolicy "lacking", hook "chown": its init container "1" mounts volume "data"`)
	})

	t.Run("a pod that passes Pod Security restricted still does, and one more of root does not", func(t *testing.T) {
		restricted := optedIn(t, map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
		pod := restoredPod(restricted, "seeded")
		pod.Spec.SecurityContext = &corev1.PodSecurityContext{
			RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}
		pod.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}
		waitPrepared(t, pod, "quiesce-seeded-load-1", "quiesce-seeded-chown-1")

		root := preparing("root", "chown")
		root.Spec.Hooks[0].Init.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: new(int64(0))}
		create(t, root)
		waitPrepared(t, restoredPod(namespace, "root"), "quiesce-root-chown-1")
		pod.Labels["app"] = "root"
		_, err := tryPod(t.Context(), pod)
		require.ErrorContains(t, err, "violates PodSecurity")
		assert.ErrorContains(t, err, `container "quiesce-root-chown-1" must not set securityContext.runAsNonRoot=false`)
	})

	t.Run("a LimitRange's defaults, and a container's own wishes, ask for no more than the pod did", func(t *testing.T) {
		limited := optedIn(t, nil)
		create(t, &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "defaults", Namespace: limited}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type:           corev1.LimitTypeContainer,
			Default:        corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("1Gi")},
			DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("512Mi")},
		}}}})
		greedy := preparing("greedy", "load")
		greedy.Spec.Hooks[0].Init.Containers[0].Resources = &corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("64")}}
		create(t, greedy)
		pod := restoredPod(limited, "greedy")
		pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}
		require.EventuallyWithT(t, func(c *assert.CollectT) { // the API server has to hear of the LimitRange too
			created, err := tryPod(t.Context(), pod)
			require.NoError(c, err)
			require.Len(c, created.Spec.InitContainers, 1)
			app, ours := created.Spec.Containers[0].Resources, created.Spec.InitContainers[0].Resources
			require.Equal(c, "512Mi", app.Requests.Memory().String())
			require.Equal(c, "100m", ours.Requests.Cpu().String())
			require.LessOrEqual(c, ours.Requests.Memory().Cmp(*app.Requests.Memory()), 0)
		}, patience, tick)

		// envtest has no controller that would say what is used.
		quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "tight", Namespace: limited}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
			corev1.ResourceRequestsCPU: resource.MustParse("100m"), corev1.ResourceRequestsMemory: resource.MustParse("512Mi"),
			corev1.ResourceLimitsCPU: resource.MustParse("2"), corev1.ResourceLimitsMemory: resource.MustParse("1Gi"),
		}}}
		create(t, quota)
		quota.Status = corev1.ResourceQuotaStatus{Hard: quota.Spec.Hard, Used: corev1.ResourceList{
			corev1.ResourceRequestsCPU: resource.MustParse("0"), corev1.ResourceRequestsMemory: resource.MustParse("0"),
			corev1.ResourceLimitsCPU: resource.MustParse("0"), corev1.ResourceLimitsMemory: resource.MustParse("0"),
		}}
		require.NoError(t, api.Status().Update(t.Context(), quota))
		more := pod.DeepCopy()
		more.Spec.InitContainers = []corev1.Container{{Name: "own", Image: "quiesce.test/none:1", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("101m")}}}}
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			_, err := tryPod(t.Context(), more)
			require.ErrorContains(c, err, "exceeded quota: tight, requested: requests.cpu=101m")
		}, patience, tick, "what asks for more does not fit")
		create(t, pod)
		require.Len(t, pod.Spec.InitContainers, 1)
	})

	t.Run("whoever else changes pods has his way with ours too", testOthersAdmission)

	t.Run("many init containers of the pod's own are no obstacle", func(t *testing.T) {
		pod := restoredPod(namespace, "seeded")
		var want []string
		for i := range 20 {
			pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: fmt.Sprintf("own-%d", i), Image: "quiesce.test/none:1"})
			want = append(want, fmt.Sprintf("own-%d", i))
		}
		waitPrepared(t, pod, slices.Concat([]string{"quiesce-seeded-load-1", "quiesce-seeded-chown-1"}, want)...)
	})

	t.Run("without the webhook a restored pod is refused, and others are created", func(t *testing.T) {
		require.NoError(t, webhook.Process.Signal(syscall.SIGTERM))
		select {
		case <-webhook.exited:
		case <-time.After(patience):
			t.Fatal("the webhook has not ended")
		}
		_, err := tryPod(t.Context(), restoredPod(namespace, "seeded"))
		require.ErrorContains(t, err, `failed calling webhook "restored-pods.quiesce.io"`)
		_, err = tryPod(t.Context(), appPod(namespace, "seeded"))
		require.NoError(t, err)
	})
}
