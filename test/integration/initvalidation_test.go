package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// initPolicy is a good policy whose one hook adds init containers.
func initPolicy(t *testing.T, init, hook string) *unstructured.Unstructured {
	t.Helper()
	policy := policyWith(t, "", "{exec: null, stages: [PostRestore], init: "+init+"}")
	merge(t, theHook(policy), hook)
	return policy
}

func theHook(policy *unstructured.Unstructured) map[string]any {
	return policy.Object["spec"].(map[string]any)["hooks"].([]any)[0].(map[string]any)
}

// containers are those of an init hook.
func containers(all ...string) string {
	return "{containers: [" + strings.Join(all, ", ") + "]}"
}

// several are a list's entries, each made of its number.
func several(count int, format string) string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(all, ", ")
}

func TestAnInitHookWithAMistakeIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	const (
		good    = `{command: [x]}`
		forInit = "init containers are for restored pods: write [PostRestore], or exec for the other stages"
		theOne  = "spec.hooks[0].init.containers[0]"
	)
	tests := map[string]struct {
		init, hook string
		want       []string
	}{
		"exec beside it": {
			init: containers(good), hook: `exec: {command: [x]}`,
			want: []string{"spec.hooks[0]: Invalid value", "write exactly one action: exec, script, hold, httpGet, httpPost, tcpSocket, job or init"},
		},
		"neither": {
			init: `null`,
			want: []string{"spec.hooks[0]: Invalid value", "write exactly one action: exec, script, hold, httpGet, httpPost, tcpSocket, job or init"},
		},
		"a stage of backups": {
			init: containers(good), hook: `stages: [PreBackup]`,
			want: []string{"spec.hooks[0].stages: Invalid value", forInit},
		},
		"a stage of backups beside its own": {
			init: containers(good), hook: `stages: [PostBackup, PostRestore]`,
			want: []string{"spec.hooks[0].stages: Invalid value", forInit},
		},
		"what only a session does": {
			init: containers(good), hook: `maxRetries: 1`,
			want: []string{"spec.hooks[0]: Invalid value", "init containers run in every restored pod, once"},
		},
		"containers left out": {init: `{}`, want: []string{"spec.hooks[0].init.containers: Required value"}},
		"no containers": {
			init: containers(),
			want: []string{"spec.hooks[0].init.containers: Invalid value", "write at least one container, with image or command"},
		},
		"one container, not a list": {init: `{containers: {command: [x]}}`, want: []string{"spec.hooks[0].init.containers", "must be of type array"}},
		"more containers than there may be": {
			init: containers(several(9, "{name: c%d, command: [x]}")),
			want: []string{"spec.hooks[0].init.containers: Too many: 9: must have at most 8 items"},
		},
		"two containers of one name": {
			init: containers(`{name: load, command: [x]}`, good, `{name: load, image: busybox}`),
			want: []string{"spec.hooks[0].init.containers: Invalid value", "give each container a name of its own, or none"},
		},
		"neither image nor command": {
			init: containers(`{name: load, args: [x]}`),
			want: []string{theOne + ": Invalid value", "write command, or the image of a program that ends: the pod's own would start the application"},
		},
		"and that of the second": {
			init: containers(good, `{}`),
			want: []string{"spec.hooks[0].init.containers[1]: Invalid value", "write command, or the image"},
		},
		"inheriting in words": {init: `{containers: [` + good + `], inheritEnv: all}`, want: []string{"spec.hooks[0].init.inheritEnv", "must be of type boolean"}},

		"a name in capitals": {
			init: containers(`{name: Load, command: [x]}`),
			want: []string{theOne + ".name: Invalid value", "write lower-case letters, digits and hyphens, such as load-data"},
		},
		"a name with a dot":       {init: containers(`{name: load.data, command: [x]}`), want: []string{theOne + ".name", "write lower-case letters"}},
		"a name with an end":      {init: containers(`{name: load-, command: [x]}`), want: []string{theOne + ".name", "write lower-case letters"}},
		"an empty name":           {init: containers(`{name: "", command: [x]}`), want: []string{theOne + ".name", "write lower-case letters"}},
		"a name that is too long": {init: containers(`{name: ` + strings.Repeat("x", 64) + `, command: [x]}`), want: []string{theOne + ".name: Too long: may not be more than 63"}},
		"an image with a space": {
			init: containers(`{image: "busy box"}`),
			want: []string{theOne + ".image: Invalid value", "write the reference of an image, such as busybox:1.36, or leave the field out for that of the pod's container"},
		},
		"an image with a space ahead":     {init: containers(`{image: " busybox"}`), want: []string{theOne + ".image", "write the reference of an image"}},
		"an image with a tab":             {init: containers(`{image: "busy\tbox"}`), want: []string{theOne + ".image", "write the reference of an image"}},
		"an image with a line's end":      {init: containers(`{image: "busybox\n"}`), want: []string{theOne + ".image", "write the reference of an image"}},
		"an empty image":                  {init: containers(`{image: ""}`), want: []string{theOne + ".image", "write the reference of an image"}},
		"an empty image beside a command": {init: containers(`{image: "", command: [x]}`), want: []string{theOne + ".image", "write the reference of an image"}},
		"an image that is too long":       {init: containers(`{image: ` + strings.Repeat("x", 1025) + `}`), want: []string{theOne + ".image: Too long: may not be more than 1024"}},
		"a pull policy that there is not": {
			init: containers(`{image: busybox, imagePullPolicy: Sometimes}`),
			want: []string{theOne + ".imagePullPolicy: Unsupported value", `"Sometimes"`, `"Always", "IfNotPresent", "Never"`},
		},
		"a command that is a string": {init: containers(`{command: "sh -c x"}`), want: []string{theOne + ".command", "must be of type array"}},
		"an argument of 32 KiB and one": {
			init: containers(`{command: [sh, -c, ` + strings.Repeat("x", 32<<10+1) + `]}`),
			want: []string{theOne + ".command[2]: Too long: may not be more than 32768"},
		},
		"more words than there may be":     {init: containers(`{command: [` + several(129, "x%d") + `]}`), want: []string{theOne + ".command: Too many: 129: must have at most 128 items"}},
		"more arguments than there may be": {init: containers(`{image: busybox, args: [` + several(129, "x%d") + `]}`), want: []string{theOne + ".args: Too many: 129: must have at most 128 items"}},
		"a folder that is too long":        {init: containers(`{command: [x], workingDir: /` + strings.Repeat("x", 4096) + `}`), want: []string{theOne + ".workingDir: Too long: may not be more than 4096"}},

		"two variables of one name": {
			init: containers(`{command: [x], env: [{name: A, value: x}, {name: B}, {name: A, value: y}]}`),
			want: []string{theOne + ".env[2]: Duplicate value", `"name":"A"`},
		},
		"a variable without a name":          {init: containers(`{command: [x], env: [{value: x}]}`), want: []string{theOne + ".env[0].name: Required value"}},
		"a variable that is a number":        {init: containers(`{command: [x], env: [{name: A, value: 1}]}`), want: []string{theOne + ".env[0].value", "must be of type string"}},
		"a variable of a Secret, no key":     {init: containers(`{command: [x], env: [{name: A, valueFrom: {secretKeyRef: {name: s}}}]}`), want: []string{theOne + ".env[0].valueFrom.secretKeyRef.key: Required value"}},
		"more variables than there may be":   {init: containers(`{command: [x], env: [` + several(129, "{name: A%d}") + `]}`), want: []string{theOne + ".env: Too many: 129: must have at most 128 items"}},
		"more sources than there may be":     {init: containers(`{command: [x], envFrom: [` + several(33, "{configMapRef: {name: c%d}}") + `]}`), want: []string{theOne + ".envFrom: Too many: 33: must have at most 32 items"}},
		"two mounts at one path":             {init: containers(`{command: [x], volumeMounts: [{name: a, mountPath: /data}, {name: b, mountPath: /data}]}`), want: []string{theOne + ".volumeMounts[1]: Duplicate value", `"mountPath":"/data"`}},
		"a mount of no volume":               {init: containers(`{command: [x], volumeMounts: [{mountPath: /data}]}`), want: []string{theOne + ".volumeMounts[0].name: Required value"}},
		"a mount at no path":                 {init: containers(`{command: [x], volumeMounts: [{name: data}]}`), want: []string{theOne + ".volumeMounts[0].mountPath: Required value"}},
		"more mounts than there may be":      {init: containers(`{command: [x], volumeMounts: [` + several(65, "{name: a, mountPath: /a%d}") + `]}`), want: []string{theOne + ".volumeMounts: Too many: 65: must have at most 64 items"}},
		"two devices at one path":            {init: containers(`{command: [x], volumeDevices: [{name: a, devicePath: /dev/a}, {name: b, devicePath: /dev/a}]}`), want: []string{theOne + ".volumeDevices[1]: Duplicate value", `"devicePath":"/dev/a"`}},
		"an amount that is none":             {init: containers(`{command: [x], resources: {limits: {memory: much}}}`), want: []string{theOne + ".resources.limits.memory", `"much"`}},
		"a user by name":                     {init: containers(`{command: [x], securityContext: {runAsUser: root}}`), want: []string{theOne + ".securityContext.runAsUser", "must be of type integer"}},
		"a capability that is not in a list": {init: containers(`{command: [x], securityContext: {capabilities: {add: CHOWN}}}`), want: []string{theOne + ".securityContext.capabilities.add", "must be of type array"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := api.Create(t.Context(), initPolicy(t, test.init, test.hook), client.DryRunAll)
			require.True(t, apierrors.IsInvalid(err), "got %v", err)
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestAnInitContainerWithAFieldThatHasNoPlaceThereIsRefusedToAStrictClient(t *testing.T) {
	strict := client.WithFieldValidation(api, "Strict")
	err := strict.Create(t.Context(), initPolicy(t, `{containers: [{command: [x], restartPolicy: Always, ports: [], livenessProbe: {}}], inheritMounts: true}`, ""))
	for _, field := range []string{"init.inheritMounts", "init.containers[0].restartPolicy", "init.containers[0].ports", "init.containers[0].livenessProbe"} {
		assert.ErrorContains(t, err, `unknown field "spec.hooks[0].`+field+`"`)
	}
}

func TestGoodInitHooksAreTakenWithTheirDefaults(t *testing.T) {
	for name, test := range map[string]struct{ init, hook string }{
		"a command":                {init: containers(`{command: [x]}`)},
		"an image":                 {init: containers(`{image: "registry.example.com:5000/team/tool:v1@sha256:` + strings.Repeat("0", 64) + `"}`)},
		"names, and none":          {init: containers(`{name: a, command: [x]}`, `{command: [x]}`, `{name: "0", command: [x]}`, `{command: [x]}`)},
		"as many as there may be":  {init: containers(several(8, `{name: c%d, image: busybox}`))},
		"an argument of 32 KiB":    {init: containers(`{command: [sh, -c, ` + strings.Repeat("x", 32<<10) + `]}`)},
		"one volume at two paths":  {init: containers(`{command: [x], volumeMounts: [{name: a, mountPath: /a}, {name: a, mountPath: /b, subPath: c, readOnly: true}]}`)},
		"a device":                 {init: containers(`{command: [x], volumeDevices: [{name: a, devicePath: /dev/a}]}`)},
		"variables":                {init: containers(`{command: [x], env: [{name: A}, {name: B, value: $(A)}, {name: C, valueFrom: {secretKeyRef: {name: s, key: k}}}], envFrom: [{secretRef: {name: s}}, {configMapRef: {name: c}, prefix: D_}]}`)},
		"all that a container has": {init: containers(`{name: a, image: busybox, imagePullPolicy: Never, command: [x], args: [z], workingDir: /, resources: {requests: {cpu: 1, memory: 1Gi}}, securityContext: {runAsUser: 0, capabilities: {drop: [ALL]}}}`)},
		"a container to be like":   {init: containers(`{command: [x]}`), hook: `container: app`},
	} {
		t.Run(name, func(t *testing.T) {
			policy := initPolicy(t, test.init, test.hook)
			written, err := json.Marshal(theHook(policy)["init"].(map[string]any)["containers"])
			require.NoError(t, err)
			create(t, policy)
			hook := theHook(policy)
			assert.Equal(t, "Fail", hook["onError"])
			init := hook["init"].(map[string]any)
			assert.Equal(t, false, init["inheritVolumeMounts"])
			assert.Equal(t, false, init["inheritEnv"])
			kept, err := json.Marshal(init["containers"])
			require.NoError(t, err)
			assert.JSONEq(t, string(written), string(kept), "what is left out is the pod's container's")
		})
	}
}

// CEL has a budget, and etcd takes no object of more than 1.5 MiB.
func TestAPolicyAsLargeAsCanBeIsWithinTheBudgetOfTheRules(t *testing.T) {
	init := containers(several(8, `{name: "%d`+strings.Repeat("x", 62)+`", image: `+strings.Repeat("x", 1024)+
		`, command: [sh, -c, `+strings.Repeat("x", 2<<10)+`], env: [`+several(128, "{name: A%d}")+`]}`))
	policy := policyWith(t, "hooks: ["+several(32, "{name: "+strings.Repeat("x", 61)+"%02d, stages: [PostRestore], init: "+init+"}")+"]", "")
	content, err := json.Marshal(policy)
	require.NoError(t, err)
	require.Greater(t, len(content), 1<<20, "as large as etcd takes it, about")
	create(t, policy)
}
