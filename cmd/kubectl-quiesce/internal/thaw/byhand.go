package thaw

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// unable is what to do about a hook that cannot be run from here; empty for one that can.
func unable(run *v1alpha1.HookRun, pod *v1alpha1.RunPod) string {
	switch hook := &run.Spec.Hook; {
	case hook.Exec != nil || hook.Script != nil:
		return ""
	case hook.HTTPGet != nil:
		return request("GET", &hook.HTTPGet.HTTPRequest, run.Namespace, pod.Name)
	case hook.HTTPPost != nil:
		return request("POST", &hook.HTTPPost.HTTPRequest, run.Namespace, pod.Name)
	case hook.Job != nil:
		return fmt.Sprintf("create its Job yourself: its template is in kubectl get hookrun %s -n %s -o jsonpath='{.spec.hook.job}'", run.Name, run.Namespace)
	}
	return fmt.Sprintf("this version of kubectl quiesce does not know what it does: see kubectl get hookrun %s -n %s -o yaml", run.Name, run.Namespace)
}

// request says how to send a request that the controller would.
func request(method string, spec *v1alpha1.HTTPRequest, namespace, pod string) string {
	if spec.URL != "" {
		return fmt.Sprintf("send %s %s from where that can be reached", method, spec.URL)
	}
	port, scheme, path := "80", strings.ToLower(string(cmp.Or(spec.Scheme, corev1.URISchemeHTTP))), cmp.Or(spec.Path, "/")
	if spec.Port != nil {
		port = spec.Port.String()
	}
	if spec.Host != "" {
		return fmt.Sprintf("send %s %s://%s:%s%s from where that can be reached", method, scheme, spec.Host, port, path)
	}
	if pod == "" {
		return fmt.Sprintf("send %s %s://…:%s%s to what it is for", method, scheme, port, path)
	}
	return fmt.Sprintf("kubectl -n %s port-forward pod/%s 8080:%s, and send %s %s://127.0.0.1:8080%s", namespace, pod, port, method, scheme, path)
}

// noShell says what becomes of a process that cannot be ended from here.
func noShell(run *v1alpha1.HookRun, pod *v1alpha1.RunPod) string {
	if run.Spec.Hook.Hold != nil {
		return fmt.Sprintf("its command ends with the controller's connection to it; in a container without a shell nobody else ends it: "+
			"delete the pod of the controller, if it still runs, or pod %s", pod.Name)
	}
	return "whether its command still runs cannot be told in a container without a shell: look into pod " + pod.Name
}
