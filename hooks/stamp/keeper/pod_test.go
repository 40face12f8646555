package keeper

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestPodsThatHaveEndedAreLeftAlone(t *testing.T) {
	now := metav1.Now()
	tests := map[string]struct {
		pod  corev1.Pod
		want bool
	}{
		"running":        {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}, false},
		"pending":        {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending}}, false},
		"succeeded":      {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodSucceeded}}, true},
		"failed":         {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed}}, true},
		"being deleted":  {corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}}, true},
		"not yet begun":  {corev1.Pod{}, false},
		"unknown (lost)": {corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodUnknown}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, ended(&test.pod)) })
	}
}

func fullPod() *corev1.Pod {
	now := metav1.Now()
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web-0", Namespace: "shop", UID: "u", ResourceVersion: "7",
			Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d", v1alpha1.VeleroPrePrefix + "command": `["x"]`},
			DeletionTimestamp: &now, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "x"}},
			OwnerReferences: []metav1.OwnerReference{{Name: "web"}},
		},
		Spec: corev1.PodSpec{
			NodeName: "n",
			Volumes:  []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}, {Name: "kube-api-access-x7k2p"}},
			InitContainers: []corev1.Container{
				{Name: "quiesce-p-h-1", Image: "m", Command: []string{"x"}, Env: []corev1.EnvVar{{Name: v1alpha1.InitEnv, Value: "hookpolicy/p/h/1/0"}, {Name: "SECRET"}}},
				{Name: "migrate", Image: "m"},
				{Name: "mesh", Image: "p", RestartPolicy: new(corev1.ContainerRestartPolicyAlways), Env: []corev1.EnvVar{{Name: "SECRET"}}},
			},
			Containers: []corev1.Container{{Name: "app", Image: "i", Env: []corev1.EnvVar{{Name: "SECRET"}}}, {Name: "db", Image: "postgres:17"}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"},
	}
}

func TestASlimPodHasWhatStampingReadsAndNoMore(t *testing.T) {
	full := fullPod()
	before := describe(full)
	assert.Equal(t, []match.Container{{Name: "app", Image: "i"}, {Name: "db", Image: "postgres:17"}, {Name: "mesh", Image: "p", Sidecar: true}}, before.Containers)
	var slimmer Slimmer
	slimmed, err := slimmer.Pod(full.DeepCopy())
	require.NoError(t, err)
	slim := slimmed.(*corev1.Pod)
	assert.Equal(t, before, describe(slim))
	assert.Equal(t, ended(full), ended(slim))
	assert.True(t, alike(full.DeepCopy(), rescheduled(full)))
	assert.Equal(t, "7", slim.ResourceVersion)
	assert.Empty(t, slim.Spec.Containers[0].Env)
	assert.Equal(t, []corev1.Volume{{Name: "data"}}, slim.Spec.Volumes)
	require.Len(t, slim.Spec.InitContainers, 2)
	assert.Equal(t, corev1.Container{Name: "quiesce-p-h-1", Env: []corev1.EnvVar{{Name: v1alpha1.InitEnv, Value: "hookpolicy/p/h/1/0"}}}, slim.Spec.InitContainers[0])
	assert.Empty(t, slim.ManagedFields)
	assert.Empty(t, slim.OwnerReferences)
	assert.Empty(t, slim.Status.PodIP)
	again, err := slimmer.Pod(slim.DeepCopy())
	require.NoError(t, err)
	assert.Equal(t, slim, again)
	_, err = slimmer.Pod(&corev1.Secret{})
	assert.ErrorContains(t, err, "want a pod")
}

// rescheduled is a pod in another state that does not matter.
func rescheduled(full *corev1.Pod) *corev1.Pod {
	other := full.DeepCopy()
	other.Status.PodIP, other.ResourceVersion, other.Spec.NodeName = "10.0.0.2", "8", "m"
	return other
}

func TestAPodIsLookedAtAgainWhenItHasChangedInWhatMatters(t *testing.T) {
	tests := map[string]struct {
		change func(*corev1.Pod)
		same   bool
	}{
		"nothing":           {func(*corev1.Pod) {}, true},
		"its address":       {func(p *corev1.Pod) { p.Status.PodIP = "10.0.0.2" }, true},
		"it runs now":       {func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }, true},
		"a label":           {func(p *corev1.Pod) { p.Labels["a"] = "c" }, false},
		"an annotation":     {func(p *corev1.Pod) { delete(p.Annotations, "c") }, false},
		"an image":          {func(p *corev1.Pod) { p.Spec.Containers[1].Image = "postgres:18" }, false},
		"a sidecar's image": {func(p *corev1.Pod) { p.Spec.InitContainers[1].Image = "q" }, false},
		"it has ended":      {func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, false},
		"it is another":     {func(p *corev1.Pod) { p.UID = "v" }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := fullPod()
			before.DeletionTimestamp = nil
			after := before.DeepCopy()
			test.change(after)
			assert.Equal(t, test.same, samePod(before, after))
		})
	}
}

func TestEqualHooksOfManyPodsAreOnePieceOfMemory(t *testing.T) {
	var slimmer Slimmer
	first := slimPod(t, &slimmer, 0, 8<<10)
	second := slimPod(t, &slimmer, 1, 8<<10)
	key := v1alpha1.VeleroPrePrefix + v1alpha1.VeleroCommand
	require.Equal(t, first.Annotations[key], second.Annotations[key])
	assert.Same(t, unsafe.StringData(first.Annotations[key]), unsafe.StringData(second.Annotations[key]))
}

func TestAnInternerDoesNotHoldOnToEverything(t *testing.T) {
	var i interner
	for n := range 100 {
		i.of(strings.Repeat("x", 1<<20) + strconv.Itoa(n))
		assert.LessOrEqual(t, i.bytes, maxInterned+2<<20)
	}
}

// Ten thousand pods with 16 KiB of hooks each, and some env that must not stay.
func TestTenThousandStampedPodsFitIntoMemory(t *testing.T) {
	var slimmer Slimmer
	before := heap()
	pods := make([]*corev1.Pod, 10_000)
	for i := range pods {
		pods[i] = slimPod(t, &slimmer, i, 8<<10)
	}
	grown := float64(heap()-before) / (1 << 20)
	t.Logf("%.1f MiB", grown)
	assert.Less(t, grown, 100.0)
	runtime.KeepAlive(pods)
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// slimPod is a slim pod with annotations of its own memory, as when each is read from the API server.
func slimPod(t *testing.T, slimmer *Slimmer, i, bytes int) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("web-%d", i), Namespace: "shop", Labels: map[string]string{}, Annotations: map[string]string{}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "app", Image: "registry.example.com/shop/app:1.2.3"}, {Name: "proxy", Image: "registry.example.com/mesh/proxy:4.5.6"}}},
	}
	for label := range 10 {
		pod.Labels[fmt.Sprintf("example.com/label-%d", label)] = fmt.Sprintf("value-%d", label)
	}
	for _, prefix := range []string{v1alpha1.VeleroPrePrefix, v1alpha1.VeleroPostPrefix} {
		pod.Annotations[prefix+v1alpha1.VeleroCommand] = strings.Repeat(prefix[:1], bytes)
		pod.Annotations[prefix+v1alpha1.VeleroContainer] = strings.Clone("app")
		pod.Annotations[prefix+v1alpha1.VeleroTimeout] = strings.Clone("1m30s")
		pod.Annotations[prefix+v1alpha1.VeleroOnError] = strings.Clone("Fail")
	}
	pod.Annotations[v1alpha1.StampAnnotation] = strings.Repeat("{", 200)
	for env := range 20 {
		pod.Spec.Containers[0].Env = append(pod.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprintf("E%d", env), Value: strings.Repeat("v", 50)})
	}
	slim, err := slimmer.Pod(pod)
	require.NoError(t, err)
	return slim.(*corev1.Pod)
}

// What a survey costs for a pod that carries what it should, with 16 KiB of hooks.
func BenchmarkFind(b *testing.B) {
	spec := &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		{Name: "freeze", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"x", strings.Repeat("y", 4<<10)}}},
		{Name: "thaw", Stages: []v1alpha1.Stage{v1alpha1.PostSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"x"}}},
	}}
	index, refused := match.CompileAll([]match.Source{{Ref: match.Ref{Name: "p"}, Spec: spec}})
	require.Empty(b, refused)
	compiled := stamp.New(index, stamp.Options{})
	set := &policies.Set{Compiled: compiled}
	k := &Keeper{}
	shop := match.Namespace{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}
	pod := fullPod()
	pod.Annotations = nil
	pod.Annotations = compiled.Decide(shop, describe(pod)).Set
	b.ReportAllocs()
	for b.Loop() {
		finding, some := k.find(set, shop, pod)
		if !some || finding.Pending {
			b.Fatal("the pod carries what it should")
		}
	}
}
