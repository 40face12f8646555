package convert

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// stashReference is how KubeStash writes the value of a param or variable (kubestash/docs: docs/concepts/crds/function): ${name}, or
// ${name:=default}.
var stashReference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_-]*)(:=([^}]*))?\}`)

// goTemplate is in texts that KubeStash fills in from its BackupSession.
var goTemplate = regexp.MustCompile(`\{\{.*\}\}`)

// place is where in a hook a text is, as far as it matters for what may stand in it.
type place int

const (
	argument place = iota
	code           // a shell's
)

// replace puts values in their places. What is not known stays, since a shell may have variables of its own.
func (v paramValues) replace(text string) string {
	return stashReference.ReplaceAllStringFunc(text, func(found string) string {
		parts := stashReference.FindStringSubmatch(found)
		if value, known := v[parts[1]]; known {
			return value
		}
		return found
	})
}

// used are those of a template's params that its action refers to, or its Function.
func (c *converter) used(t *stashTemplate) []stashParam {
	var function json.RawMessage
	if e := t.spec.Executor; e != nil && e.Type == "Function" && e.Function != nil {
		function = c.kubestash.functions[e.Function.Name]
	}
	raw, err := json.Marshal(struct {
		A *stashAction
		E *stashExecutor
		F json.RawMessage
	}{t.spec.Action, t.spec.Executor, function})
	if err != nil { // the types are of JSON
		panic(fmt.Sprintf("convert: %v", err))
	}
	var used []stashParam
	for _, param := range t.spec.Params {
		refers := func(parts []string) bool { return parts[1] == param.Name }
		if slices.ContainsFunc(stashReference.FindAllStringSubmatch(string(raw), -1), refers) {
			used = append(used, param)
		}
	}
	return used
}

// stashAction makes a hook of a template's action, without its stage. Texts go through a function that puts values in their places.
func (c *converter) stashAction(template *stashTemplate, info *stashHook, notes comments, in func(string, place) string) (hook *v1alpha1.Hook, why string) {
	e := template.spec.Executor
	if e == nil {
		return nil, fmt.Sprintf("%s has no executor, with which KubeStash refuses it too", template)
	}
	hook = &v1alpha1.Hook{}
	switch e.Type {
	case "Pod":
		if e.Pod != nil && e.Pod.Strategy != "ExecuteOnAll" {
			hook.RunOn = v1alpha1.OnePod
		}
	case "Operator":
		hook.RunOn = v1alpha1.OncePerSession
	case "Function":
		return c.stashFunction(template, info, notes, in)
	default:
		return nil, fmt.Sprintf("%s has an executor of type %s, which is not known: Pod, Operator or Function", template, quoted(e.Type))
	}
	if len(info.Volumes)+len(info.VolumeMounts)+len(info.RuntimeSettings) > 0 {
		notes.add(fieldWhole, "Left out: volumes, volumeMounts and runtimeSettings, which are for a Function.")
	}
	a := template.spec.Action
	if a == nil {
		return nil, fmt.Sprintf("%s has no action, with which KubeStash refuses it too", template)
	}
	hook.Container = a.ContainerName
	if hook.RunOn == v1alpha1.OncePerSession && a.ContainerName != "" {
		hook.Container = ""
		notes.add(fieldWhole, "Left out: containerName %s, since there is no pod.", quoted(a.ContainerName))
	}
	return hook, a.into(hook, notes, in)
}

// into puts an action into a hook.
func (a *stashAction) into(hook *v1alpha1.Hook, notes comments, in func(string, place) string) (why string) {
	given := 0
	for _, is := range []bool{a.Exec != nil, a.HTTPGet != nil, a.HTTPPost != nil, a.TCPSocket != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return fmt.Sprintf("its action has %d of exec, httpGet, httpPost and tcpSocket, and is to have one", given)
	}
	external := false
	switch {
	case a.Exec != nil:
		if hook.RunOn == v1alpha1.OncePerSession {
			return "its command runs in KubeStash's own operator, which has no equal: write a job hook with an image that has what it needs"
		}
		hook.Exec = &v1alpha1.ExecAction{Command: stashCommand(a.Exec.Command, in)}
		if why := tooMuch(hook.Exec.Command); why != "" {
			return why
		}
		filled(notes, fieldCommand, hook.Exec.Command...)
	case a.HTTPGet != nil:
		get := a.HTTPGet
		hook.HTTPGet = &v1alpha1.HTTPGetAction{HTTPRequest: stashRequest(get.Host, get.Path, get.Scheme, get.Port, get.HTTPHeaders, in)}
		external = get.Host != ""
	case a.HTTPPost != nil:
		post := a.HTTPPost
		hook.HTTPPost = &v1alpha1.HTTPPostAction{HTTPRequest: stashRequest(post.Host, post.Path, post.Scheme, post.Port, post.HTTPHeaders, in), Body: in(post.Body, argument)}
		for _, entry := range post.Form {
			for _, value := range entry.Values {
				hook.HTTPPost.Form = append(hook.HTTPPost.Form, v1alpha1.FormField{Name: entry.Key, Value: in(value, argument)})
			}
		}
		if post.Body != "" && len(post.Form) > 0 {
			notes.add(".httpPost", "Left out: its form, as it has a body too.")
			hook.HTTPPost.Form = nil
		}
		filled(notes, ".httpPost.body", post.Body)
		external = post.Host != ""
	default:
		hook.TCPSocket = &v1alpha1.TCPSocketAction{Host: in(a.TCPSocket.Host, argument), Port: portOf(a.TCPSocket.Port)}
		external = a.TCPSocket.Host != ""
	}
	if external {
		notes.add(fieldWhole, "Hosts other than the pod's own IP have to be in the value sessions.requestHosts of the chart.")
	}
	return ""
}

// filled says what becomes of Go templates in texts.
func filled(notes comments, field string, texts ...string) {
	if slices.ContainsFunc(texts, goTemplate.MatchString) {
		notes.add(field, "It has a Go template, which KubeStash fills in from its BackupSession, and which nothing fills in here: write it anew. What there is of the session in requests: "+
			"$(QUIESCE_SESSION), $(QUIESCE_STAGE), $(QUIESCE_OUTCOME), $(QUIESCE_POLICY), $(QUIESCE_POD_NAMESPACE); in scripts and Jobs the variables of these names.")
	}
}

// stashCommand replaces in a command, and tells where a shell's text is.
func stashCommand(command []string, in func(string, place) string) []string {
	replaced := make([]string, 0, len(command))
	at := shellText(command)
	for i, word := range command {
		if i == at {
			replaced = append(replaced, in(word, code))
		} else {
			replaced = append(replaced, in(word, argument))
		}
	}
	return replaced
}

// shellText is the place of a shell's text in a command; -1 where there is none.
func shellText(command []string) int {
	if len(command) < 3 || !slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "zsh"}, path.Base(command[0])) || command[1] != "-c" {
		return -1
	}
	return 2
}

func stashRequest(host, at string, scheme corev1.URIScheme, port intstr.IntOrString, headers []corev1.HTTPHeader, in func(string, place) string) v1alpha1.HTTPRequest {
	to := portOf(port)
	request := v1alpha1.HTTPRequest{Host: in(host, argument), Path: in(at, argument), Scheme: corev1.URIScheme(strings.ToUpper(string(scheme))), Port: &to}
	for _, header := range headers {
		request.HTTPHeaders = append(request.HTTPHeaders, v1alpha1.HTTPHeader{Name: header.Name, Value: in(header.Value, argument)})
	}
	return request
}

// portOf takes a number in quotes for the number that it is.
func portOf(port intstr.IntOrString) intstr.IntOrString {
	if number, err := strconv.ParseInt(port.StrVal, 10, 32); port.Type == intstr.String && err == nil {
		return intstr.FromInt32(int32(number))
	}
	return port
}

// stashFunction makes a Job of a Function (kubestash/apimachinery: apis/addons/v1alpha1/function_types.go), which is cluster-wide.
func (c *converter) stashFunction(template *stashTemplate, info *stashHook, notes comments, in func(string, place) string) (hook *v1alpha1.Hook, why string) {
	executor := template.spec.Executor.Function
	if executor == nil || executor.Name == "" {
		return nil, fmt.Sprintf("%s names no Function, with which KubeStash refuses it too", template)
	}
	raw, known := c.kubestash.functions[executor.Name]
	if !known {
		return nil, fmt.Sprintf("its Function %s is not in the input: give it too, such as by kubectl get functions.addons.kubestash.com %s -o yaml", printable(executor.Name), shell(executor.Name))
	}
	var function struct {
		Image             string                 `json:"image"`
		Command           []string               `json:"command"`
		Args              []string               `json:"args"`
		WorkingDir        string                 `json:"workingDir"`
		Ports             []corev1.ContainerPort `json:"ports"`
		VolumeMounts      []corev1.VolumeMount   `json:"volumeMounts"`
		VolumeDevices     []corev1.VolumeDevice  `json:"volumeDevices"`
		RuntimeSettings   json.RawMessage        `json:"runtimeSettings"`
		AvailableVersions json.RawMessage        `json:"availableVersions"`
	}
	unknown, err := decodeSpec(raw, &function)
	if err != nil {
		return nil, fmt.Sprintf("its Function %s cannot be read: %s", printable(executor.Name), printable(err.Error()))
	}
	if unknown != "" {
		notes.add(".job", "Left out: a field of the Function that is not known here: %s.", unknown)
	}
	container := corev1.Container{
		Name: dnsName(executor.Name), Image: in(function.Image, argument), Command: stashCommand(function.Command, in), Args: stashCommand(function.Args, in),
		WorkingDir: function.WorkingDir, Ports: function.Ports, Env: executor.Env, VolumeDevices: function.VolumeDevices,
		VolumeMounts: slices.Concat(function.VolumeMounts, executor.VolumeMounts, info.VolumeMounts),
	}
	if len(function.RuntimeSettings)+len(info.RuntimeSettings) > 0 {
		notes.add(".job", "Left out: runtimeSettings, of which the form is another. Write securityContext, resources and the like into the Job's template.")
	}
	if texts := slices.Concat([]string{container.Image}, container.Command, container.Args); slices.ContainsFunc(texts, stashReference.MatchString) {
		notes.add(".job", "It refers to variables of KubeStash's by ${…}, which nothing fills in here: write the values.")
	}
	hook = &v1alpha1.Hook{HookConduct: v1alpha1.HookConduct{RunOn: v1alpha1.OncePerSession}, Job: &v1alpha1.JobAction{Template: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
		Spec: corev1.PodSpec{Containers: []corev1.Container{container}, Volumes: slices.Concat(executor.Volumes, info.Volumes)},
	}}}}}
	notes.add(".job", "KubeStash ran it with the ServiceAccount of the backup. Here a Job has none unless the chart's value sessions.jobServiceAccounts allows one.")
	return hook, ""
}
