package restore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const room = 64 << 10

var shop = match.Namespace{Name: "shop"}

// initHook has a container for each command.
func initHook(name string, commands ...string) v1alpha1.Hook {
	hook := v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, OnError: v1alpha1.Fail, Init: &v1alpha1.InitAction{}}
	for _, command := range commands {
		hook.Init.Containers = append(hook.Init.Containers, v1alpha1.InitContainer{Command: []string{command}})
	}
	return hook
}

func policy(name string, priority int32, hooks ...v1alpha1.Hook) match.Source {
	return match.Source{Ref: match.Ref{Name: name}, Spec: &v1alpha1.HookPolicySpec{Priority: priority, Hooks: hooks}}
}

func compiled(t *testing.T, sources ...match.Source) *Policies {
	t.Helper()
	index, refused := match.CompileAll(sources)
	require.Empty(t, refused)
	return New(index)
}

// podOf is a pod of one container, app, with init containers of these names.
func podOf(initContainers ...string) Pod {
	pod := Pod{
		Pod:    match.Pod{Labels: map[string]string{v1alpha1.VeleroRestoreLabel: "r1"}, Containers: []match.Container{{Name: "app", Image: "app:1"}}},
		Room:   room,
		Marker: Marker{Key: v1alpha1.VeleroRestoreLabel, Value: "r1"},
		Spec: &corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: "app", Image: "app:1", ImagePullPolicy: corev1.PullIfNotPresent,
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "token", MountPath: serviceAccountPath, ReadOnly: true}},
			}},
			Volumes: []corev1.Volume{{Name: "data"}, {Name: "token"}},
		},
	}
	for _, name := range initContainers {
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: name, Image: name})
	}
	return pod
}

// apply makes the edits, as the API server does.
func apply(pod Pod, made []Edit) Pod {
	list := slices.Clone(pod.Spec.InitContainers)
	for _, edit := range made {
		if edit.Add == nil {
			list = slices.Delete(list, edit.At, edit.At+1)
		} else {
			list = slices.Insert(list, edit.At, *edit.Add.DeepCopy())
		}
	}
	spec := *pod.Spec
	spec.InitContainers = list
	pod.Spec = &spec
	return pod
}

func names(pod Pod) []string {
	list := []string{}
	for i := range pod.Spec.InitContainers {
		list = append(list, pod.Spec.InitContainers[i].Name)
	}
	return list
}

func prepared(t *testing.T, policies *Policies, pod Pod) Pod {
	t.Helper()
	decision := policies.Decide(shop, pod)
	require.Empty(t, decision.Refusals())
	return apply(pod, decision.Edits)
}

// Facts of reference: Velero puts restore-wait (older: restic-wait) in front of a pod's own init containers, and volume data
// arrives once it runs.
func TestOursComeAfterThoseThatWaitForDataAndBeforeThePodsOwn(t *testing.T) {
	const h1, h2 = "quiesce-p-a-1", "quiesce-p-b-1"
	policies := compiled(t, policy("p", 0, initHook("a", "x"), initHook("b", "y")))
	for _, test := range []struct{ has, want []string }{
		{[]string{}, []string{h1, h2}},
		{[]string{"s1", "s2", "s3"}, []string{h1, h2, "s1", "s2", "s3"}},
		{[]string{"restore-wait"}, []string{"restore-wait", h1, h2}},
		{[]string{"restic-wait"}, []string{"restic-wait", h1, h2}},
		{[]string{"restore-wait", "s1", "s2"}, []string{"restore-wait", h1, h2, "s1", "s2"}},
		{[]string{"proxy", "restore-wait", "s1"}, []string{"proxy", "restore-wait", h1, h2, "s1"}},
		{[]string{"restic-wait", "s1", "restore-wait", "s2"}, []string{"restic-wait", "s1", "restore-wait", h1, h2, "s2"}},
	} {
		for sidecar := range len(test.has) + 1 {
			pod := podOf(test.has...)
			if sidecar < len(test.has) { // one of them native
				always := corev1.ContainerRestartPolicyAlways
				pod.Spec.InitContainers[sidecar].RestartPolicy = &always
			}
			assert.Equal(t, test.want, names(prepared(t, policies, pod)), "%v", test.has)
		}
	}
}

func TestPoliciesComeByTheirRankAndHooksAndContainersByTheList(t *testing.T) {
	late, early, team := policy("a", 0, initHook("h", "x")), policy("z", 9, initHook("second", "x", "y"), initHook("first", "z")), policy("b", 9, initHook("h", "x"))
	team.Namespace = "shop"
	for _, sources := range [][]match.Source{{late, early, team}, {team, early, late}} {
		pod := prepared(t, compiled(t, sources...), podOf("own"))
		assert.Equal(t, []string{"quiesce-z-second-1", "quiesce-z-second-2", "quiesce-z-first-1", "quiesce-b-h-1", "quiesce-a-h-1", "own"}, names(pod))
	}
}

func TestAPodThatComesBackAgainHasEachOnce(t *testing.T) {
	policies := compiled(t, policy("p", 0, initHook("a", "x"), initHook("b", "y")))
	pod := prepared(t, policies, podOf("own"))
	assert.Empty(t, policies.Decide(shop, pod).Edits, "asked once more, nothing is to be done")

	// From a backup of the restored pod, restored with its volumes: Velero has put its own in front.
	pod.Spec.InitContainers = slices.Insert(pod.Spec.InitContainers, 0, corev1.Container{Name: "restore-wait"})
	pod = prepared(t, policies, pod)
	assert.Equal(t, []string{"restore-wait", "quiesce-p-a-1", "quiesce-p-b-1", "own"}, names(pod))

	// The policy is another by now.
	policies = compiled(t, policy("p", 0, initHook("b", "z")))
	pod = prepared(t, policies, pod)
	assert.Equal(t, []string{"restore-wait", "quiesce-p-b-1", "own"}, names(pod))
	assert.Equal(t, []string{"z"}, pod.Spec.InitContainers[1].Command)

	// And then there is none.
	pod = prepared(t, compiled(t), pod)
	assert.Equal(t, []string{"restore-wait", "own"}, names(pod))
}

// The API server calls us again when others have changed the pod after us; what they have done to ours is theirs to do, as
// when images are to come from a mirror, or to be pulled always. In the next restore all of it is ours again.
func TestWhatOthersDoToOursStaysForThisRestore(t *testing.T) {
	policies := compiled(t, policy("p", 0, initHook("a", "x"), initHook("b", "y")))
	pod := prepared(t, policies, podOf("own"))
	changed := &pod.Spec.InitContainers[0]
	changed.Image, changed.ImagePullPolicy = "mirror/app:1", corev1.PullAlways
	changed.VolumeMounts = append([]corev1.VolumeMount{{Name: "data", MountPath: "/mesh"}}, changed.VolumeMounts...)
	changed.Env = append(changed.Env, corev1.EnvVar{Name: "MESH", Value: "on"})
	changed.Command = append(changed.Command, "--more")
	kept := *changed
	assert.Empty(t, policies.Decide(shop, pod).Edits)

	pod.Spec.InitContainers = slices.Insert(pod.Spec.InitContainers, 0, corev1.Container{Name: "mesh"})
	moved := prepared(t, policies, pod)
	assert.Equal(t, []string{"quiesce-p-a-1", "quiesce-p-b-1", "mesh", "own"}, names(moved))
	assert.Equal(t, kept, moved.Spec.InitContainers[0], "put in its place, with what was done to it")

	moved.Marker.Value = "r2"
	next := prepared(t, policies, moved).Spec.InitContainers[0]
	assert.Equal(t, []string{"x"}, next.Command)
	assert.Equal(t, "app:1", next.Image)
	assert.NotContains(t, variables(next), "MESH")
}

func TestAContainerOfTheUserIsNeverTouchedAndThatIsTold(t *testing.T) {
	policies := compiled(t, policy("p", 0, initHook("a", "x")))
	pod := podOf("quiesce-p-a-1")
	pod.Spec.InitContainers[0].Env = []corev1.EnvVar{{Name: v1alpha1.InitEnv, Value: "hookpolicy/q/a/1/00000000"}}
	decision := policies.Decide(shop, pod)
	require.Len(t, decision.Notes, 1)
	assert.Contains(t, decision.Notes[0], `HookPolicy "p", hook "a": the pod has a container "quiesce-p-a-1" that Quiesce has not added and leaves alone`)
	again := apply(pod, decision.Edits)
	require.Len(t, again.Spec.InitContainers, 2)
	assert.Regexp(t, `^quiesce-p-a-1-[0-9a-f]{8}$`, again.Spec.InitContainers[0].Name)
	assert.Equal(t, pod.Spec.InitContainers[0], again.Spec.InitContainers[1])
	assert.Empty(t, policies.Decide(shop, again).Edits)
	assert.Equal(t, []string{"quiesce-p-a-1"}, names(prepared(t, compiled(t), again)), "ours goes, the user's stays")
}

func TestTwoPoliciesThatWantOneNameGetTwo(t *testing.T) {
	team := policy("p", 0, initHook("a", "y"))
	team.Namespace = "shop"
	policies := compiled(t, policy("p", 0, initHook("a", "x")), team, policy("p-a", -1, initHook("1", "z")), policy("p.a", -2, initHook("1", "w")))
	pod := prepared(t, policies, podOf())
	got := names(pod)
	require.Len(t, got, 4)
	assert.Equal(t, "quiesce-p-a-1", got[0])
	assert.Regexp(t, `^quiesce-p-a-1-[0-9a-f]{8}$`, got[1])
	assert.Equal(t, "quiesce-p-a-1-1", got[2])
	assert.Regexp(t, `^quiesce-p-a-1-1-[0-9a-f]{8}$`, got[3])
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(got))), 4)
	assert.Empty(t, policies.Decide(shop, pod).Edits)
}

func TestLongNamesAreShortenedAndStayTheirOwn(t *testing.T) {
	long := strings.Repeat("x", 63)
	hook := initHook(long, "a", "b")
	hook.Init.Containers[0].Name, hook.Init.Containers[1].Name = long, long[:62]+"y"
	policies := compiled(t, policy(strings.Repeat("p.", 100)+"p", 0, hook))
	pod := prepared(t, policies, podOf())
	got := names(pod)
	require.Len(t, got, 2)
	assert.NotEqual(t, got[0], got[1])
	for _, name := range got {
		assert.LessOrEqual(t, len(name), 63)
		assert.Regexp(t, `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, name)
	}
	assert.Empty(t, policies.Decide(shop, pod).Edits)
}

func TestWhatIsLeftOutComesFromThePodsContainer(t *testing.T) {
	pod := podOf()
	app := &pod.Spec.Containers[0]
	app.Env = []corev1.EnvVar{{Name: "MODE", Value: "app"}, {Name: "HOST", Value: "db"}}
	app.EnvFrom = []corev1.EnvFromSource{{Prefix: "APP_"}}
	app.VolumeDevices = []corev1.VolumeDevice{{Name: "raw", DevicePath: "/dev/x"}}
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "raw"})
	hook := initHook("a", "x")
	source := &hook.Init.Containers[0]
	source.Env = []corev1.EnvVar{{Name: "MODE", Value: "init $(QUIESCE_POD_NAME)"}}
	source.VolumeMounts = []corev1.VolumeMount{{Name: "token", MountPath: "/data/"}}

	plain := prepared(t, compiled(t, policy("p", 0, hook)), pod).Spec.InitContainers[0]
	assert.Equal(t, "app:1", plain.Image)
	assert.Equal(t, corev1.PullIfNotPresent, plain.ImagePullPolicy)
	assert.Equal(t, []corev1.VolumeMount{{Name: "token", MountPath: "/data/"}, {Name: "token", MountPath: serviceAccountPath, ReadOnly: true}}, plain.VolumeMounts,
		"the token of the ServiceAccount comes along")
	assert.Equal(t, []string{"QUIESCE_INIT", "QUIESCE_RESTORE_NAME", "QUIESCE_BACKUP_NAME", "QUIESCE_POD_NAME", "QUIESCE_POD_NAMESPACE", "MODE"}, variables(plain))
	assert.Empty(t, plain.EnvFrom)
	assert.Equal(t, "metadata.labels['velero.io/restore-name']", plain.Env[1].ValueFrom.FieldRef.FieldPath)
	assert.Equal(t, "metadata.labels['velero.io/backup-name']", plain.Env[2].ValueFrom.FieldRef.FieldPath)

	hook.Init.InheritEnv, hook.Init.InheritVolumeMounts = true, true
	source.Image = "tool:1"
	heir := prepared(t, compiled(t, policy("p", 0, hook)), pod).Spec.InitContainers[0]
	assert.Equal(t, "tool:1", heir.Image)
	assert.Empty(t, heir.ImagePullPolicy, "that was for another image")
	assert.Equal(t, []string{"QUIESCE_INIT", "QUIESCE_RESTORE_NAME", "QUIESCE_BACKUP_NAME", "QUIESCE_POD_NAME", "QUIESCE_POD_NAMESPACE", "MODE", "HOST"}, variables(heir))
	assert.Equal(t, "init $(QUIESCE_POD_NAME)", heir.Env[5].Value, "its own wins")
	assert.Equal(t, app.EnvFrom, heir.EnvFrom)
	assert.Equal(t, app.VolumeDevices, heir.VolumeDevices)
	assert.Equal(t, plain.VolumeMounts, heir.VolumeMounts, "at /data its own is mounted already")

	app.Env = append(app.Env, corev1.EnvVar{Name: "URL", Value: "$(HOST)/$(MODE)"}, corev1.EnvVar{Name: v1alpha1.RestoreNameEnv, Value: "of another time"})
	heir = prepared(t, compiled(t, policy("p", 0, hook)), pod).Spec.InitContainers[0]
	assert.Equal(t, []string{"MODE", "HOST", "URL"}, variables(heir)[5:], "its own stands where others are made of it")
	assert.Empty(t, heir.Env[1].Value)

	source.VolumeMounts = nil
	heir = prepared(t, compiled(t, policy("p", 0, hook)), pod).Spec.InitContainers[0]
	assert.Equal(t, app.VolumeMounts, heir.VolumeMounts)
}

func variables(container corev1.Container) (names []string) {
	for _, variable := range container.Env {
		names = append(names, variable.Name)
	}
	return names
}

func TestAMountWhosePathIsMadeOfVariablesBringsThem(t *testing.T) {
	pod := podOf()
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "SHARD", Value: "7"}}
	pod.Spec.Containers[0].VolumeMounts[0].SubPathExpr = "shard-$(SHARD)"
	hook := initHook("a", "x")
	assert.NotContains(t, variables(prepared(t, compiled(t, policy("p", 0, hook)), pod).Spec.InitContainers[0]), "SHARD")
	hook.Init.InheritVolumeMounts = true
	assert.Contains(t, variables(prepared(t, compiled(t, policy("p", 0, hook)), pod).Spec.InitContainers[0]), "SHARD")
}

func TestTheTargetIsTheNamedContainerTheMatchingOrTheFirst(t *testing.T) {
	pod := podOf("plain")
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "db", Image: "postgres:17"})
	pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: "side", Image: "side:1"})
	pod.Containers = append(pod.Containers, match.Container{Name: "db", Image: "postgres:17"}, match.Container{Name: "side", Image: "side:1", Sidecar: true})
	image := func(hook v1alpha1.Hook, patterns ...v1alpha1.ImagePattern) string {
		source := policy("p", 0, hook)
		source.Spec.Selector.ContainerImages = patterns
		return prepared(t, compiled(t, source), pod).Spec.InitContainers[0].Image
	}
	hook := initHook("a", "x")
	assert.Equal(t, "app:1", image(hook))
	assert.Equal(t, "postgres:17", image(hook, "^postgres:"))
	hook.Container = "side"
	assert.Equal(t, "side:1", image(hook, "^postgres:"))
}

func TestWhatCannotBeAddedIsLeftOutOrRefusesThePodAsTheHookSays(t *testing.T) {
	mounts := initHook("mounts", "ok", "bad")
	mounts.Init.Containers[1].VolumeMounts = []corev1.VolumeMount{{Name: "gone", MountPath: "/gone"}}
	device := initHook("device", "x")
	device.Init.Containers[0].VolumeDevices = []corev1.VolumeDevice{{Name: "raw", DevicePath: "/dev/raw"}}
	container := initHook("container", "x")
	container.Container = "gone"
	large := initHook("large", strings.Repeat("x", room))
	for _, test := range []struct {
		hook v1alpha1.Hook
		says string
		left []string
	}{
		{mounts, `HookPolicy "p", hook "mounts": its init container "2" mounts volume "gone" at /gone, and the pod has no such volume: write one of its volumes, or narrow the selector`,
			[]string{"quiesce-p-mounts-1"}},
		{device, `its init container "1" mounts volume "raw" at /dev/raw, and the pod has no such volume`, []string{}},
		{container, `the pod has no container "gone", from which its init containers inherit: write one of its containers in container, or narrow the selector`, []string{}},
		{large, `its init container "1" would make the pod larger than the cluster stores`, []string{}},
	} {
		refused := compiled(t, policy("p", 0, test.hook)).Decide(shop, podOf())
		require.Len(t, refused.Refusals(), 1)
		assert.Contains(t, refused.Refusals()[0], test.says)
		assert.Empty(t, refused.Edits, "a pod that is refused is not changed")

		test.hook.OnError = v1alpha1.Continue
		passed := compiled(t, policy("p", 0, test.hook)).Decide(shop, podOf())
		assert.Empty(t, passed.Refusals())
		require.Len(t, passed.LeftOut(), 1)
		assert.Contains(t, passed.LeftOut()[0], test.says)
		assert.Equal(t, test.left, names(apply(podOf(), passed.Edits)))
	}
}

func TestOnlyWhatIsAddedTakesRoom(t *testing.T) {
	huge := initHook("huge", strings.Repeat("x", room))
	huge.OnError = v1alpha1.Continue
	policies := compiled(t, policy("p", 0, huge, initHook("most", strings.Repeat("x", room/2)), initHook("small", "x")))
	pod := podOf()
	decision := policies.Decide(shop, pod)
	require.Len(t, decision.LeftOut(), 1)
	require.Empty(t, decision.Refusals(), "what is left out takes no room")
	pod = apply(pod, decision.Edits)
	require.Len(t, names(pod), 2)

	pod.Room -= room/2 + 2000 // the pod has grown by what we added
	again := policies.Decide(shop, pod)
	assert.Empty(t, again.Refusals(), "and what is there already takes none once more")
	assert.Empty(t, again.Edits)
}

func TestANameThatIsTakenWithItsHashIsTold(t *testing.T) {
	policies := compiled(t, policy("p.q", 0, initHook("a", "x")))
	taken := names(prepared(t, policies, podOf()))[0]
	decision := policies.Decide(shop, podOf(taken))
	require.Len(t, decision.Refusals(), 1)
	assert.Contains(t, decision.Refusals()[0], `its init container "1" would be called "`+taken+`", as one of the pod's is that Quiesce has not added`)
	assert.Empty(t, decision.Edits)
}

func TestAPodOptsOutByAnnotation(t *testing.T) {
	policies := compiled(t, policy("p", 0, initHook("a", "x")), policy("q", 0, initHook("a", "x")))
	pod := prepared(t, policies, podOf())
	pod.Annotations = map[string]string{v1alpha1.SkipPoliciesAnnotation: "x, q"}
	assert.Equal(t, []string{"quiesce-p-a-1"}, names(prepared(t, policies, pod)))
	pod.Annotations = map[string]string{v1alpha1.SkipAnnotation: "true"}
	assert.Empty(t, names(prepared(t, policies, pod)))
}

func TestAHooksOwnLabelSelectorNarrows(t *testing.T) {
	hook := initHook("a", "x")
	hook.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"role": "primary"}}
	policies := compiled(t, policy("p", 0, hook))
	pod := podOf()
	assert.Empty(t, policies.Decide(shop, pod).Edits)
	pod.Labels["role"] = "primary"
	assert.Len(t, policies.Decide(shop, pod).Edits, 1)
}

func TestHooksOfBackupsAddNothing(t *testing.T) {
	exec := v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Exec: &v1alpha1.ExecAction{Command: []string{"x"}}}
	assert.Equal(t, Decision{}, compiled(t, policy("p", 0, exec)).Decide(shop, podOf("own")))
}

// Whatever policies there have been and are, and whatever a pod has come with: its own init containers stay as they are and
// in their order, ours come each once, and a second look finds nothing to do.
func TestWhateverThePoliciesAndThePod(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		some := func() *Policies {
			var sources []match.Source
			for i := range random.IntN(4) {
				source := policy([]string{"p", "p-a", "q.r", strings.Repeat("long", 20)}[i], int32(random.IntN(3)))
				for j := range 1 + random.IntN(3) {
					hook := initHook(fmt.Sprintf("h%d", j), []string{"x", "y", "z"}[:1+random.IntN(3)]...)
					hook.Init.InheritEnv, hook.Init.InheritVolumeMounts = random.IntN(2) == 0, random.IntN(2) == 0
					source.Spec.Hooks = append(source.Spec.Hooks, hook)
				}
				if random.IntN(2) == 0 {
					source.Namespace = "shop"
				}
				sources = append(sources, source)
			}
			return compiled(t, sources...)
		}
		own := []string{"s1", "restore-wait", "s2", "quiesce-p-h0-1"}
		random.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		own = own[:random.IntN(len(own)+1)]
		pod := podOf(own...)
		for range 3 {
			policies := some()
			decision := policies.Decide(shop, pod)
			pod = apply(pod, decision.Edits)
			require.Empty(t, policies.Decide(shop, pod).Edits, "seed %d", seed)
			require.Equal(t, decision.Prepared, policies.Decide(shop, pod).Prepared, "seed %d", seed)
			all := names(pod)
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(all))), len(all), "seed %d: %v", seed, all)
			var theirs []string
			var by []match.Ref
			for i := range pod.Spec.InitContainers {
				container := &pod.Spec.InitContainers[i]
				id, ours := identify(container)
				if !ours {
					theirs = append(theirs, container.Name)
				} else if ref := id.ref("shop"); !slices.Contains(by, ref) {
					by = append(by, ref)
				}
			}
			require.ElementsMatch(t, own, theirs, "seed %d", seed)
			require.Equal(t, strings.Join(own, " "), strings.Join(theirs, " "), "seed %d", seed)
			require.Equal(t, decision.Prepared, by, "seed %d", seed)
		}
	}
}

func TestWhatARestoreWouldMeetIsForeseen(t *testing.T) {
	mounts := initHook("mounts", "ok", "bad")
	mounts.Init.Containers[1].VolumeMounts = []corev1.VolumeMount{{Name: "gone", MountPath: "/gone"}}
	container := initHook("container", "x")
	container.Container, container.OnError = "gone", v1alpha1.Continue
	policies := compiled(t, policy("p", 0, mounts, container, initHook("good", "x")))
	pod := podOf()
	obstacles := policies.Forecast(shop, pod.Pod, nil, pod.Spec)
	require.Len(t, obstacles, 2)
	assert.Equal(t, []string{"mounts", "container"}, []string{obstacles[0].Hook, obstacles[1].Hook})
	assert.Equal(t, []bool{true, false}, []bool{obstacles[0].Refuses, obstacles[1].Refuses})
	assert.Empty(t, policies.Forecast(shop, pod.Pod, map[string]string{v1alpha1.SkipAnnotation: "true"}, pod.Spec), "who opts out gets none")

	restored := prepared(t, compiled(t, policy("p", 0, initHook("good", "x"))), podOf())
	assert.Empty(t, compiled(t, policy("p", 0, initHook("good", "x"))).Forecast(shop, restored.Pod, nil, restored.Spec), "one that was restored once is no obstacle")
	var none *Policies
	assert.Empty(t, none.Forecast(shop, pod.Pod, nil, pod.Spec))
}

func TestWhoeverAsksForMoreThanThePodHasIsTold(t *testing.T) {
	hook := initHook("a", "x")
	hook.Init.Containers[0].Resources = &corev1.ResourceRequirements{Requests: list("memory", "1Gi")}
	pod := podOf()
	notes := func() []string { return compiled(t, policy("p", 0, hook)).Decide(shop, pod).Notes }
	require.Len(t, notes(), 1)
	assert.Contains(t, notes()[0], `HookPolicy "p", hook "a": its init container "1" gets less than its resources say, since the pod's container has no more`)
	pod.Spec.Containers[0].Resources.Requests = list("memory", "1Gi")
	assert.Empty(t, notes())
}
