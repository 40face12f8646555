package match

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

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

func withMount(mounts ...corev1.VolumeMount) v1alpha1.Hook {
	return withContainer(func(c *v1alpha1.InitContainer) { c.VolumeMounts = mounts })
}

func withEnv(variables ...corev1.EnvVar) v1alpha1.Hook {
	return withContainer(func(c *v1alpha1.InitContainer) { c.Env = variables })
}

func withEnvFrom(sources ...corev1.EnvFromSource) v1alpha1.Hook {
	return withContainer(func(c *v1alpha1.InitContainer) { c.EnvFrom = sources })
}

func TestAnInitHookThatNoRestoredPodCanHaveIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	command := []string{"x"}
	secret := &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "k"}
	tests := map[string]struct {
		hook v1alpha1.Hook
		want string // after spec.hooks[a]
	}{
		"exec beside it": {
			v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Exec: &v1alpha1.ExecAction{Command: command}, Init: &v1alpha1.InitAction{}},
			": write exactly one action: exec or init",
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
			".stages: write at least one stage: PreBackup, PreSnapshot, PostSnapshot, PostBackup or PostRestore",
		},
		"exec after a restore": {
			hook(v1alpha1.PostRestore, "x"),
			`.stages: ["PostRestore"]: exec runs before and after backups: write none but PreBackup, PreSnapshot, PostSnapshot and PostBackup`,
		},
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
		"an empty program": {
			withContainer(func(c *v1alpha1.InitContainer) { c.Command = []string{"", "x"} }),
			".init.containers[0].command[0]: write a program, such as sh, or leave command out for the image's own",
		},
		"an option": {
			withContainer(func(c *v1alpha1.InitContainer) { c.Command = []string{"-c", "x"} }),
			`.init.containers[0].command[0]: "-c" is an option and not a program: write the program ahead of it, such as [sh, -c], or write it in args`,
		},
		"a NUL character in the command": {
			withContainer(func(c *v1alpha1.InitContainer) { c.Command = []string{"x", "y\x00"} }),
			".init.containers[0].command[1]: it has a NUL character, at which every program would end the argument: leave it out",
		},
		"a NUL character in an argument": {
			withContainer(func(c *v1alpha1.InitContainer) { c.Args = []string{"\x00"} }),
			".init.containers[0].args[0]: it has a NUL character",
		},
		"a mistake in the second": {
			initHook(v1alpha1.InitContainer{Command: command}, v1alpha1.InitContainer{Image: "a b"}),
			`.init.containers[1].image: "a b" is no reference of an image`,
		},

		"a mount of no volume":   {withMount(corev1.VolumeMount{MountPath: "/data"}), ".init.containers[0].volumeMounts[0].name: write the name of one of the pod's volumes"},
		"a mount at no path":     {withMount(corev1.VolumeMount{Name: "data"}), `.init.containers[0].volumeMounts[0].mountPath: "": write a path without a colon, such as /data`},
		"a mount at two paths":   {withMount(corev1.VolumeMount{Name: "data", MountPath: "/a:/b"}), `.volumeMounts[0].mountPath: "/a:/b": write a path without a colon`},
		"two mounts at a path":   {withMount(corev1.VolumeMount{Name: "a", MountPath: "/data"}, corev1.VolumeMount{Name: "b", MountPath: "/data"}), `.volumeMounts[1].mountPath: "/data" is taken: mount one volume at one path`},
		"a mount of both paths":  {withMount(corev1.VolumeMount{Name: "data", MountPath: "/data", SubPath: "a", SubPathExpr: "b"}), ".volumeMounts[0]: write subPath or subPathExpr, not both"},
		"a path from the root":   {withMount(corev1.VolumeMount{Name: "data", MountPath: "/data", SubPath: "/etc"}), `.volumeMounts[0].subPath: "/etc": write a path within the volume, with neither .. nor a / ahead`},
		"a path that leads out":  {withMount(corev1.VolumeMount{Name: "data", MountPath: "/data", SubPath: "a/../.."}), `.volumeMounts[0].subPath: "a/../.."`},
		"and one with variables": {withMount(corev1.VolumeMount{Name: "data", MountPath: "/data", SubPathExpr: "$(POD)/.."}), `.volumeMounts[0].subPathExpr: "$(POD)/..": write a path within the volume`},
		"a device of no volume":  {withContainer(func(c *v1alpha1.InitContainer) { c.VolumeDevices = []corev1.VolumeDevice{{DevicePath: "/dev/x"}} }), ".volumeDevices[0]: write the name of one of the pod's volumes, and devicePath"},
		"a device at no path":    {withContainer(func(c *v1alpha1.InitContainer) { c.VolumeDevices = []corev1.VolumeDevice{{Name: "x"}} }), ".volumeDevices[0]: write the name of one of the pod's volumes, and devicePath"},
		"a device at a mount": {
			withContainer(func(c *v1alpha1.InitContainer) {
				c.VolumeMounts = []corev1.VolumeMount{{Name: "a", MountPath: "/x"}}
				c.VolumeDevices = []corev1.VolumeDevice{{Name: "b", DevicePath: "/x"}}
			}),
			`.volumeDevices[0].devicePath: "/x" is taken`,
		},

		"a variable without a name":   {withEnv(corev1.EnvVar{Value: "x"}), `.init.containers[0].env[0].name: "": write the name of a variable, such as MODE`},
		"a name with its value":       {withEnv(corev1.EnvVar{Name: "A=b"}), `.env[0].name: "A=b": write the name of a variable`},
		"a name in another script":    {withEnv(corev1.EnvVar{Name: "Größe"}), `.env[0].name: "Größe": write the name of a variable`},
		"a NUL character in a value":  {withEnv(corev1.EnvVar{Name: "A"}, corev1.EnvVar{Name: "B", Value: "\x00"}), ".env[1].value: it has a NUL character"},
		"a value that is there twice": {withEnv(corev1.EnvVar{Name: "A", Value: "x", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: secret}}), ".env[0]: write value or valueFrom, not both"},
		"a value from nowhere":        {withEnv(corev1.EnvVar{Name: "A", ValueFrom: &corev1.EnvVarSource{}}), ".env[0].valueFrom: write one source, such as secretKeyRef"},
		"a value from two places":     {withEnv(corev1.EnvVar{Name: "A", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: secret, ConfigMapKeyRef: &corev1.ConfigMapKeySelector{}}}), ".env[0].valueFrom: write one source"},
		"variables from nowhere":      {withEnvFrom(corev1.EnvFromSource{Prefix: "A_"}), ".envFrom[0]: write configMapRef or secretRef"},
		"variables from two places":   {withEnvFrom(corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{}, SecretRef: &corev1.SecretEnvSource{}}), ".envFrom[0]: write configMapRef or secretRef"},
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

func TestAnInitHookMayHaveWhateverARestoredPodCan(t *testing.T) {
	secret := corev1.LocalObjectReference{Name: "s"}
	for name, hook := range map[string]v1alpha1.Hook{
		"a command":                initHook(v1alpha1.InitContainer{Command: []string{"x"}}),
		"an image":                 initHook(v1alpha1.InitContainer{Image: "busybox"}),
		"an image and arguments":   initHook(v1alpha1.InitContainer{Image: "busybox", Args: []string{"-c", "", "x y"}}),
		"as many as there may be":  initHook(slices.Repeat([]v1alpha1.InitContainer{{Command: []string{"x"}}}, 8)...),
		"names beside places":      initHook(v1alpha1.InitContainer{Name: "1", Command: []string{"x"}}, v1alpha1.InitContainer{Command: []string{"x"}}, v1alpha1.InitContainer{Name: "x", Command: []string{"x"}}),
		"a volume at two paths":    withMount(corev1.VolumeMount{Name: "a", MountPath: "/a"}, corev1.VolumeMount{Name: "a", MountPath: "/b", SubPath: "..a/b.."}),
		"a path made of variables": withMount(corev1.VolumeMount{Name: "a", MountPath: "/a", SubPathExpr: "$(QUIESCE_POD_NAME)"}),
		"a device": withContainer(func(c *v1alpha1.InitContainer) {
			c.VolumeDevices = []corev1.VolumeDevice{{Name: "a", DevicePath: "/dev/a"}}
		}),
		"an empty variable":            withEnv(corev1.EnvVar{Name: "A"}),
		"variables with dots and dash": withEnv(corev1.EnvVar{Name: "a.b-c", Value: "x\ny=z"}, corev1.EnvVar{Name: "_", Value: "$(a.b-c)"}),
		"a variable made of a Secret":  withEnv(corev1.EnvVar{Name: "A", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: secret, Key: "k"}}}),
		"a variable made of a field":   withEnv(corev1.EnvVar{Name: "A", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.uid"}}}),
		"variables made of a Secret":   withEnvFrom(corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: secret}}, corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{}}),
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(hook)
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
