package match

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func initHook(containers ...v1alpha1.InitContainer) v1alpha1.Hook {
	return v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{Containers: containers}}
}

// withContainer is a good init hook, its container changed.
func withContainer(change func(*v1alpha1.InitContainer)) v1alpha1.Hook {
	container := v1alpha1.InitContainer{Command: []string{"x"}}
	change(&container)
	return initHook(container)
}

func TestAnInitHookThatNoRestoredPodCanHaveIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	command := []string{"x"}
	tests := map[string]struct {
		hook v1alpha1.Hook
		want string // after spec.hooks[a]
	}{
		"exec beside it": {
			v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Exec: &v1alpha1.ExecAction{Command: command}, Init: &v1alpha1.InitAction{}},
			": write exactly one action: exec, script, hold, httpGet",
		},
		"a stage of backups": {
			v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Init: &v1alpha1.InitAction{}},
			`.stages: ["PreBackup"]: init containers are for restored pods: write [PostRestore]`,
		},
		"a stage of backups beside its own": {
			v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PostRestore, v1alpha1.PostBackup}, Init: &v1alpha1.InitAction{}},
			`.stages: ["PostRestore" "PostBackup"]: init containers are for restored pods: write [PostRestore]`,
		},
		"no stage": {
			v1alpha1.Hook{Name: "a", Init: &v1alpha1.InitAction{}},
			".stages: write at least one stage: PreBackup, PreSnapshot, PostSnapshot, PostBackup, PreRestore or PostRestore",
		},
		"what only a session does": {func() v1alpha1.Hook {
			hook := initHook(v1alpha1.InitContainer{Command: command})
			hook.MaxRetries = 1
			return hook
		}(), ": init containers run in every restored pod, once, before anything is ready: leave out onlyIf, runOn, maxRetries, ifNotReady and executionPolicy"},
		"no container":   {initHook(), ".init.containers: it has 0: write 1 to 8 containers"},
		"too many":       {initHook(make([]v1alpha1.InitContainer, 9)...), ".init.containers: it has 9: write 1 to 8 containers"},
		"two of a name":  {initHook(v1alpha1.InitContainer{Name: "x", Command: command}, v1alpha1.InitContainer{Name: "x", Command: command}), `.init.containers[1].name: "x" is taken`},
		"one of a place": {initHook(v1alpha1.InitContainer{Name: "2", Command: command}, v1alpha1.InitContainer{Command: command}), `.init.containers[1].name: "2" is taken (one without a name is called by its place): give each container a name of its own, or none`},
		"a name that can be none": {
			withContainer(func(c *v1alpha1.InitContainer) { c.Name = "Load" }),
			`.init.containers[0].name: "Load": write lower-case letters, digits and hyphens, such as load-data`,
		},
		"nothing to run": {
			initHook(v1alpha1.InitContainer{Name: "x", Args: []string{"y"}}),
			".init.containers[0]: write command, or the image of a program that ends: the pod's own would start the application",
		},
		"a mistake in the second": {
			initHook(v1alpha1.InitContainer{Command: command}, v1alpha1.InitContainer{Image: "a b"}),
			`.init.containers[1].image: "a b" is no reference of an image`,
		},
		"a mistake of the hook's, later": {func() v1alpha1.Hook {
			hook := initHook(v1alpha1.InitContainer{Command: command})
			hook.OnError = "Ignore"
			return hook
		}(), `.onError: "Ignore" is none: write Fail or Continue`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(test.hook)
			err := Check(policy.Ref, policy.Spec)
			require.ErrorContains(t, err, "spec.hooks[a]")
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestAnInitHookMayHaveSeveralContainers(t *testing.T) {
	for name, hook := range map[string]v1alpha1.Hook{
		"one":                     initHook(v1alpha1.InitContainer{Command: []string{"x"}}),
		"as many as there may be": initHook(slices.Repeat([]v1alpha1.InitContainer{{Command: []string{"x"}}}, 8)...),
		"names beside places":     initHook(v1alpha1.InitContainer{Name: "1", Command: []string{"x"}}, v1alpha1.InitContainer{Command: []string{"x"}}, v1alpha1.InitContainer{Name: "x", Command: []string{"x"}}),
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(hook)
			assert.NoError(t, Check(policy.Ref, policy.Spec))
		})
	}
}

// Alone, the API server would refuse these.
func TestAnInitContainerMayLowerWhateverThePodsContainerHas(t *testing.T) {
	amounts := func(list ...string) corev1.ResourceList {
		all := corev1.ResourceList{}
		for i := 0; i < len(list); i += 2 {
			all[corev1.ResourceName(list[i])] = resource.MustParse(list[i+1])
		}
		return all
	}
	for name, resources := range map[string]corev1.ResourceRequirements{
		"a request of an extended resource": {Requests: amounts("example.com/gpu", "0")},
		"less of one than its limit":        {Requests: amounts("example.com/gpu", "1"), Limits: amounts("example.com/gpu", "2")},
		"huge pages, and no memory":         {Limits: amounts("hugepages-2Mi", "0")},
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(withContainer(func(c *v1alpha1.InitContainer) { c.Resources = &resources }))
			assert.NoError(t, Check(policy.Ref, policy.Spec))
		})
	}
}

func TestImagesAreReadAsTheKubeletReadsThem(t *testing.T) {
	sha256, sha512 := strings.Repeat("0123456789abcdef", 4), strings.Repeat("0123456789abcdef", 8)
	checkImage := func(image string) error {
		policy := policyOf(initHook(v1alpha1.InitContainer{Image: image}))
		return Check(policy.Ref, policy.Spec)
	}
	for name, image := range map[string]string{
		"a short name":                     "busybox",
		"a short name and a tag":           "busybox:1.36",
		"a user's":                         "team/tool:v1",
		"a registry":                       "registry.example.com/team/tool:v1.2.3-rc_4",
		"a registry with a port":           "registry.example.com:5000/tool",
		"localhost":                        "localhost/tool",
		"localhost with a port":            "localhost:5000/tool:v1",
		"an address":                       "127.0.0.1:5000/tool",
		"an address of six":                "[fd00::1]:5000/tool:v1",
		"a registry in capitals":           "Registry.EXAMPLE.com/team/tool",
		"a tag in capitals":                "busybox:LATEST",
		"a path of many parts":             "registry.example.com/a/b/c/d:1",
		"separators in a part":             "a_b/c__d/e.f/g-h/i---j",
		"a digest":                         "busybox@sha256:" + sha256,
		"a longer digest":                  "busybox@sha512:" + sha512,
		"a tag and a digest":               "registry.example.com:5000/team/tool:v1@sha256:" + sha256,
		"the longest tag":                  "busybox:" + strings.Repeat("x", 128),
		"hexadecimal digits, but not 64":   sha256[:63],
		"what looks like a port, is a tag": "tool:5000",
	} {
		t.Run("good: "+name, func(t *testing.T) { assert.NoError(t, checkImage(image)) })
	}
	for name, image := range map[string]string{
		"a space":                       "busy box",
		"a space ahead":                 " busybox",
		"a line's end":                  "busybox\n",
		"nothing but a space":           " ",
		"a NUL character":               "busybox\x00",
		"a name in capitals":            "Busybox",
		"a path in capitals":            "registry.example.com/Team/tool",
		"a colon without a tag":         "busybox:",
		"a tag without a name":          ":1.36",
		"two tags":                      "busybox:1:2",
		"a tag with a slash":            "busybox:feature/x",
		"a tag that is too long":        "busybox:" + strings.Repeat("x", 129),
		"an @ without a digest":         "busybox@",
		"a digest without its kind":     "busybox@" + sha256,
		"a digest that is too short":    "busybox@sha256:" + sha256[:63],
		"a digest in capitals":          "busybox@sha256:" + strings.ToUpper(sha256),
		"a digest of an unknown kind":   "busybox@md9:" + sha256,
		"a digest ahead of the tag":     "busybox@sha256:" + sha256 + ":1",
		"a URL":                         "https://registry.example.com/tool",
		"another scheme":                "docker://busybox",
		"a slash ahead":                 "/busybox",
		"a slash behind":                "registry.example.com/",
		"an empty part":                 "team//tool",
		"a part that begins with a dot": "team/.tool",
		"letters of another script":     "büsybox",
		"a placeholder":                 "$(IMAGE)",
		"a template":                    "{{ .Values.image }}",
		"an ID and no name":             sha256,
		"a name that is too long":       strings.Repeat("x", 256),
	} {
		t.Run("bad: "+name, func(t *testing.T) {
			assert.ErrorContains(t, checkImage(image), fmt.Sprintf("spec.hooks[a].init.containers[0].image: %q is no reference of an image", image))
			assert.ErrorContains(t, checkImage(image), "write one such as busybox:1.36 or registry.example.com/team/tool@sha256:…")
		})
	}
}
