package perform

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// get sends the hook's GET.
func (a *attempt) get(ctx context.Context) *v1alpha1.PodResult {
	return a.request(ctx, http.MethodGet, &a.hook.HTTPGet.HTTPRequest, func(http.Header) string { return "" })
}

// post sends the hook's POST.
func (a *attempt) post(ctx context.Context) *v1alpha1.PodResult {
	expand := a.expander().Replace
	form := make([]action.FormField, 0, len(a.hook.HTTPPost.Form))
	for _, field := range a.hook.HTTPPost.Form {
		form = append(form, action.FormField{Name: field.Name, Value: expand(field.Value)})
	}
	return a.request(ctx, http.MethodPost, &a.hook.HTTPPost.HTTPRequest, func(header http.Header) string {
		return action.PostBody(header, expand(a.hook.HTTPPost.Body), form)
	})
}

// request sends a request, whose body may add to the headers.
func (a *attempt) request(ctx context.Context, method string, spec *v1alpha1.HTTPRequest, body func(http.Header) string) *v1alpha1.PodResult {
	if refused := a.arm(ctx, nil); refused != nil {
		return refused
	}
	request, err := a.address(spec)
	if err != nil {
		return a.unsendable(err)
	}
	request.Method = method
	expand := a.expander().Replace
	for _, header := range spec.HTTPHeaders {
		value := expand(header.Value)
		if header.ValueFrom != nil {
			if value, err = a.secret(ctx, header.ValueFrom); err != nil {
				return a.withoutSecret(err)
			}
			value = strings.TrimRight(value, "\r\n") // with which files that Secrets are made of end
		}
		request.Header.Add(header.Name, value)
	}
	request.Body = body(request.Header)
	if spec.TLS != nil {
		request.TLS = action.TLSOptions{CA: spec.TLS.CA, ServerName: spec.TLS.ServerName, InsecureSkipVerify: spec.TLS.InsecureSkipVerify}
		if spec.TLS.CAFrom != nil {
			ca, err := a.secret(ctx, spec.TLS.CAFrom)
			if err != nil {
				return a.withoutSecret(err)
			}
			request.TLS.CA = ca
		}
	}
	return a.say(a.means.Sender.HTTP(ctx, request))
}

// address is a request as far as where it goes.
func (a *attempt) address(spec *v1alpha1.HTTPRequest) (action.HTTPRequest, error) {
	expand := a.expander().Replace
	request := action.HTTPRequest{
		URL: expand(spec.URL), Host: expand(spec.Host), Path: expand(spec.Path), Scheme: spec.Scheme, Header: http.Header{}, PodIP: a.podIP(),
		Timeout: a.hook.Timeout.Duration,
	}
	if spec.Port == nil {
		return request, nil
	}
	var err error
	request.Port, err = a.port(*spec.Port)
	return request, err
}

// connect opens the hook's connection.
func (a *attempt) connect(ctx context.Context) *v1alpha1.PodResult {
	if refused := a.arm(ctx, nil); refused != nil {
		return refused
	}
	port, err := a.port(a.hook.TCPSocket.Port)
	if err != nil {
		return a.unsendable(err)
	}
	return a.say(a.means.Sender.TCP(ctx, action.TCPRequest{
		Host: a.expander().Replace(a.hook.TCPSocket.Host), Port: port, PodIP: a.podIP(), Timeout: a.hook.Timeout.Duration,
	}))
}

func (a *attempt) unsendable(err error) *v1alpha1.PodResult {
	return a.say(action.Result{Reason: action.BadRequest, Process: action.NeverRan, Message: err.Error()})
}

// podIP is the pod's, if there is any.
func (a *attempt) podIP() netip.Addr {
	pod, there := a.pods.Pod(a.pod.UID)
	if !there {
		return netip.Addr{}
	}
	ip, err := netip.ParseAddr(pod.IP)
	if err != nil {
		return netip.Addr{}
	}
	return ip
}

// port is the number of a port, which may be given by its name in the pod.
func (a *attempt) port(port intstr.IntOrString) (int, error) {
	if port.Type == intstr.Int {
		return port.IntValue(), nil
	}
	if number := port.IntValue(); number > 0 { // of a template's param
		return number, nil
	}
	pod, there := a.pods.Pod(a.pod.UID)
	if !there {
		return 0, fmt.Errorf("port %q cannot be looked up, since %s: write its number", port.StrVal, cmp.Or(gone(a.pod.Name), "there is no pod"))
	}
	if number, found := pod.Port(a.pod.Container, port.StrVal); found {
		return number, nil
	}
	return 0, fmt.Errorf("pod %q has no port with the name %q: write the name of one in its containers' ports, or a number", a.pod.Name, port.StrVal)
}

func gone(pod string) string {
	if pod == "" {
		return ""
	}
	return fmt.Sprintf("pod %q is gone", pod)
}
