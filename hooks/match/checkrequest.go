package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/requests"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// checkRequest checks what the controller is to send for a hook, or connect to. Whether it may go there is known when it goes.
func checkRequest(hook *v1alpha1.Hook) error {
	// With runOn Session there is no pod, and so no IP and no ports of its own.
	hasPod := hook.RunOn != v1alpha1.OncePerSession
	switch {
	case hook.HTTPGet != nil:
		return within(".httpGet", checkHTTP(&hook.HTTPGet.HTTPRequest, hasPod))
	case hook.HTTPPost != nil:
		if err := checkHTTP(&hook.HTTPPost.HTTPRequest, hasPod); err != nil {
			return within(".httpPost", err)
		}
		return within(".httpPost", checkBody(hook.HTTPPost))
	}
	socket := hook.TCPSocket
	if err := checkRequestHost(socket.Host, hasPod); err != nil {
		return within(".tcpSocket", err)
	}
	return within(".tcpSocket", checkPort(socket.Port, hasPod && socket.Host == ""))
}

// within puts a field ahead of an error of one of its fields.
func within(field string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s%w", field, err)
}

func checkHTTP(request *v1alpha1.HTTPRequest, hasPod bool) error {
	if err := checkDestination(request, hasPod); err != nil {
		return err
	}
	for i := range request.HTTPHeaders {
		if err := checkHeader(request.HTTPHeaders, i); err != nil {
			return fmt.Errorf(".httpHeaders[%d]%w", i, err)
		}
	}
	return checkTLS(request.TLS)
}

// checkDestination checks where a request goes.
func checkDestination(request *v1alpha1.HTTPRequest, hasPod bool) error {
	if request.URL != "" {
		return checkURL(request)
	}
	if err := checkRequestHost(request.Host, hasPod); err != nil {
		return err
	}
	switch {
	case request.Port == nil:
		return errors.New(".port: write url, or port with what is needed of host, path and scheme")
	case !slices.Contains([]corev1.URIScheme{"", corev1.URISchemeHTTP, corev1.URISchemeHTTPS}, request.Scheme):
		return fmt.Errorf(".scheme: %q: write HTTP or HTTPS", request.Scheme)
	}
	if err := checkPort(*request.Port, hasPod && request.Host == ""); err != nil {
		return err
	}
	if request.Path == "" {
		return nil
	}
	if err := requests.CheckPath(request.Path); err != nil {
		return fmt.Errorf(".path: %w", err)
	}
	return nil
}

func checkURL(request *v1alpha1.HTTPRequest) error {
	if request.Port != nil || request.Host != "" || request.Path != "" || request.Scheme != "" {
		return errors.New(".url: host, port, path and scheme are in the url: leave them out")
	}
	parsed, err := requests.ParseURL(request.URL)
	if err == nil {
		err = requests.CheckReach(parsed.Hostname())
	}
	if err != nil {
		return fmt.Errorf(".url: %w", err)
	}
	return nil
}

func checkRequestHost(host string, hasPod bool) error {
	if host == "" && hasPod {
		return nil
	}
	if host == "" {
		return errors.New(".host: with runOn Session there is no pod whose IP it could be: write url or host")
	}
	err := requests.CheckHost(host)
	if err == nil {
		err = requests.CheckReach(host)
	}
	if err != nil {
		return fmt.Errorf(".host: %w", err)
	}
	return nil
}

// checkPort checks a port, whose name only the containers of a pod know.
func checkPort(port intstr.IntOrString, ofPod bool) error {
	switch {
	case port.Type == intstr.Int && !requests.IsPort(port.IntValue()):
		return fmt.Errorf(".port: %d: %w", port.IntValue(), requests.ErrPort)
	case port.Type == intstr.Int:
		return nil
	case port.StrVal != "" && strings.Trim(port.StrVal, "0123456789") == "":
		return fmt.Errorf(".port: %q is taken for a name: write the number without quotes", port.StrVal)
	case len(validation.IsValidPortName(port.StrVal)) > 0:
		return fmt.Errorf(".port: %q: write a number of 1 to 65535, or the name of one of the container's ports, such as http", port.StrVal)
	case !ofPod:
		return fmt.Errorf(".port: %q: only the pod's own ports have names that are known: write the number", port.StrVal)
	}
	return nil
}

func checkHeader(headers []v1alpha1.HTTPHeader, i int) error {
	header := &headers[i]
	if err := requests.CheckHeaderName(header.Name); err != nil {
		return fmt.Errorf(".name: %w", err)
	}
	isHost := func(other v1alpha1.HTTPHeader) bool { return strings.EqualFold(other.Name, "Host") }
	switch from := header.ValueFrom; {
	case isHost(*header) && slices.ContainsFunc(headers[:i], isHost):
		return errors.New(".name: a request has one Host: leave the others out")
	case header.Value != "" && from != nil:
		return errors.New(": write value or valueFrom, not both")
	case from != nil:
		return checkKeyRef(".valueFrom.secretKeyRef", "Secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key)
	}
	if err := requests.CheckHeaderValue(header.Name, header.Value); err != nil {
		return fmt.Errorf(".value: %w", err)
	}
	return nil
}

func checkTLS(tls *v1alpha1.TLSVerification) error {
	if tls == nil {
		return nil
	}
	switch from := tls.CAFrom; {
	case tls.CA != "" && from != nil:
		return errors.New(".tls: write ca or caFrom, not both")
	case tls.InsecureSkipVerify && (tls.CA != "" || from != nil || tls.ServerName != ""):
		return errors.New(".tls: insecureSkipVerify verifies nothing: leave it out, or the rest")
	case from != nil:
		if err := checkKeyRef(".tls.caFrom.secretKeyRef", "Secret", from.SecretKeyRef.Name, from.SecretKeyRef.Key); err != nil {
			return err
		}
	case tls.CA != "":
		if _, err := requests.ParseAuthorities(tls.CA); err != nil {
			return fmt.Errorf(".tls.ca: %w", err)
		}
	}
	if tls.ServerName == "" {
		return nil
	}
	if err := requests.CheckHost(tls.ServerName); err != nil {
		return fmt.Errorf(".tls.serverName: %w", err)
	}
	return nil
}

// checkBody checks what a POST carries. All else that is text can be sent.
func checkBody(post *v1alpha1.HTTPPostAction) error {
	if post.Body != "" && len(post.Form) > 0 {
		return errors.New(": write body or form, not both")
	}
	for i := range post.Form {
		if post.Form[i].Name == "" {
			return fmt.Errorf(".form[%d].name: write the name of a field", i)
		}
	}
	return nil
}
