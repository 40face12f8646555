package library

import (
	"encoding/json"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// field is a text in a hook, which is replaced where it is.
type field struct {
	path string
	text *string
	in   place
}

// replace is a copy of a template's hook in which params are replaced. Errors begin with the rest of the field's path.
func (v *values) replace(source *v1alpha1.Hook) (*v1alpha1.Hook, error) {
	hook := source.DeepCopy()
	steps := []func(*v1alpha1.Hook) error{v.commands, v.script, v.requests, v.job, v.init}
	for _, step := range steps {
		if err := step(hook); err != nil {
			return nil, err
		}
	}
	return hook, nil
}

func (v *values) fields(fields ...field) error {
	for _, f := range fields {
		replaced, err := v.text(*f.text, f.in)
		if err != nil {
			return fmt.Errorf("%s%w", f.path, err)
		}
		*f.text = replaced
	}
	return nil
}

func (v *values) commands(hook *v1alpha1.Hook) error {
	if hook.Exec != nil {
		if err := v.command(".exec.command", hook.Exec.Command); err != nil {
			return err
		}
	}
	if hook.OnlyIf != nil {
		if err := v.command(".onlyIf.command", hook.OnlyIf.Command); err != nil {
			return err
		}
	}
	hold := hook.Hold
	if hold == nil {
		return nil
	}
	if err := v.command(".hold.command", hold.Command); err != nil {
		return err
	}
	return v.fields(
		field{".hold.stdin", &hold.Stdin, input}, field{".hold.readyPattern", &hold.ReadyPattern, settled}, field{".hold.stopStdin", &hold.StopStdin, input})
}

func (v *values) command(path string, argv []string) error {
	return v.argv(argv, whole, func(i int) string { return fmt.Sprintf("%s[%d]", path, i) })
}

// argv replaces params in the items of a command, but in those that are a program's text. Which ones are may depend on the values.
func (v *values) argv(argv []string, in place, path func(int) string) error {
	before := append([]string(nil), argv...)
	marked := texts(argv)
	for i := range argv {
		as := in
		if marked[i] {
			as = code
		}
		replaced, err := v.text(argv[i], as)
		if err != nil {
			return fmt.Errorf("%s%w", path(i), err)
		}
		argv[i] = replaced
	}
	for i, text := range texts(argv) {
		if !text || marked[i] {
			continue
		}
		if _, err := v.text(before[i], code); err != nil {
			return fmt.Errorf("%s%w", path(i), err)
		}
	}
	return nil
}

func (v *values) script(hook *v1alpha1.Hook) error {
	action := hook.Script
	if action == nil {
		return nil
	}
	if err := v.fields(field{".script.name", &action.Name, settled}, field{".script.inline", &action.Inline, code}); err != nil {
		return err
	}
	for i := range action.Args {
		if err := v.fields(field{fmt.Sprintf(".script.args[%d]", i), &action.Args[i], whole}); err != nil {
			return err
		}
	}
	for i := range action.Env {
		variable := &action.Env[i]
		if variable.Value != "" && variable.ValueFrom != nil {
			return fmt.Errorf(".script.env[%s]%w", variable.Name, errTwoValues)
		}
		var err error
		if variable.Value, variable.ValueFrom, err = v.source(variable.Value, variable.ValueFrom); err != nil {
			return fmt.Errorf(".script.env[%s].value%w", variable.Name, err)
		}
	}
	return nil
}

func (v *values) requests(hook *v1alpha1.Hook) error {
	if get := hook.HTTPGet; get != nil {
		if err := v.request(".httpGet", &get.HTTPRequest); err != nil {
			return err
		}
	}
	if post := hook.HTTPPost; post != nil {
		if err := v.request(".httpPost", &post.HTTPRequest); err != nil {
			return err
		}
		if err := v.fields(field{".httpPost.body", &post.Body, whole}); err != nil {
			return err
		}
		for i := range post.Form {
			part := &post.Form[i]
			at := fmt.Sprintf(".httpPost.form[%d]", i)
			if err := v.fields(field{at + ".name", &part.Name, settled}, field{at + ".value", &part.Value, whole}); err != nil {
				return err
			}
		}
	}
	if socket := hook.TCPSocket; socket != nil {
		if err := v.fields(field{".tcpSocket.host", &socket.Host, whole}); err != nil {
			return err
		}
		return v.port(".tcpSocket.port", &socket.Port)
	}
	return nil
}

func (v *values) request(path string, request *v1alpha1.HTTPRequest) error {
	if err := v.fields(
		field{path + ".url", &request.URL, address}, field{path + ".host", &request.Host, whole}, field{path + ".path", &request.Path, address}); err != nil {
		return err
	}
	if request.Port != nil {
		if err := v.port(path+".port", request.Port); err != nil {
			return err
		}
	}
	for i := range request.HTTPHeaders {
		header := &request.HTTPHeaders[i]
		if header.Value != "" && header.ValueFrom != nil {
			return fmt.Errorf("%s.httpHeaders[%d]%w", path, i, errTwoValues)
		}
		var err error
		if header.Value, header.ValueFrom, err = v.source(header.Value, header.ValueFrom); err != nil {
			return fmt.Errorf("%s.httpHeaders[%d].value%w", path, i, err)
		}
	}
	if request.TLS != nil {
		return v.fields(field{path + ".tls.serverName", &request.TLS.ServerName, settled}, field{path + ".tls.ca", &request.TLS.CA, settled})
	}
	return nil
}

// port replaces params in a port, which is a number where they come to one.
func (v *values) port(path string, port *intstr.IntOrString) error {
	if port.Type != intstr.String {
		return nil
	}
	before := port.StrVal
	if err := v.fields(field{path, &port.StrVal, whole}); err != nil {
		return err
	}
	if number, err := strconv.ParseInt(port.StrVal, 10, 32); err == nil && port.StrVal != before {
		*port = intstr.FromInt32(int32(number))
	}
	return nil
}

func (v *values) job(hook *v1alpha1.Hook) error {
	if hook.Job == nil {
		return nil
	}
	pod := &hook.Job.Template.Spec.Template.Spec
	for _, list := range []struct {
		name       string
		containers []corev1.Container
	}{{"initContainers", pod.InitContainers}, {"containers", pod.Containers}} {
		for i := range list.containers {
			path := fmt.Sprintf(".job.template.spec.template.spec.%s[%d]", list.name, i)
			if err := v.container(path, &list.containers[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *values) container(path string, container *corev1.Container) error {
	if err := v.fields(field{path + ".image", &container.Image, whole}); err != nil {
		return err
	}
	// The image's own program, which is ahead of args where there is no command, could be a shell.
	entrypoint := container.Command
	if len(entrypoint) == 0 {
		entrypoint = []string{"sh"}
	}
	argv := append(append([]string(nil), entrypoint...), container.Args...)
	if err := v.argv(argv, kubelets, func(i int) string {
		if i < len(entrypoint) {
			return fmt.Sprintf("%s.command[%d]", path, i)
		}
		return fmt.Sprintf("%s.args[%d]", path, i-len(entrypoint))
	}); err != nil {
		return err
	}
	copy(container.Command, argv)
	copy(container.Args, argv[len(entrypoint):])
	for i := range container.Env {
		if err := v.fields(field{fmt.Sprintf("%s.env[%s].value", path, container.Env[i].Name), &container.Env[i].Value, kubelets}); err != nil {
			return err
		}
	}
	return nil
}

// init leaves init containers as they are, in which $(…) is the kubelet's.
func (v *values) init(hook *v1alpha1.Hook) error {
	if hook.Init == nil {
		return nil
	}
	all, err := json.Marshal(hook.Init)
	if err != nil {
		return fmt.Errorf(".init: %w", err)
	}
	text := string(all)
	return v.fields(field{".init", &text, settled})
}
