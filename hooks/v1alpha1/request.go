package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// HTTPGetAction is a GET that the controller sends.
type HTTPGetAction struct {
	HTTPRequest `json:",inline"`
}

// HTTPPostAction is a POST that the controller sends.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.body) && has(self.form))",message="write body or form, not both"
type HTTPPostAction struct {
	HTTPRequest `json:",inline"`

	// Body of the request. Without a header Content-Type it is sent as application/json where it is JSON, else as text/plain.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	Body string `json:"body,omitempty"`

	// Form is sent as application/x-www-form-urlencoded.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Form []FormField `json:"form,omitempty"`
}

// HTTPRequest is a request of the controller's, which has gone well when the answer's status is 200 to 399. It follows no redirect, and reads no more than the beginning of the answer. It goes to the
// pod's own IP, or to a host that the administrator has listed; never to loopback, link-local, node or API server addresses.
//
// +kubebuilder:validation:XValidation:rule="has(self.url) != has(self.port)",message="write url, or port with what is needed of host, path and scheme"
// +kubebuilder:validation:XValidation:rule="!has(self.url) || !has(self.host) && !has(self.path) && !has(self.scheme)",message="host, path and scheme are in the url: leave them out"
type HTTPRequest struct {
	// URL of the request, http or https.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url,omitempty"`

	// Host to send it to: a name or an IP. Default: the pod's IP.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`

	// Port by its number, or by the name that a port of the pod's container has.
	// +optional
	// +kubebuilder:validation:XIntOrString
	Port *intstr.IntOrString `json:"port,omitempty"`

	// Path, with the query if there is any. Default: /.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Path string `json:"path,omitempty"`

	// Scheme is HTTP (default) or HTTPS.
	// +optional
	// +kubebuilder:validation:Enum=HTTP;HTTPS
	Scheme corev1.URIScheme `json:"scheme,omitempty"`

	// HTTPHeaders of the request.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	HTTPHeaders []HTTPHeader `json:"httpHeaders,omitempty"`

	// TLS says how the server is verified. Default: by the authorities that the controller's image has, and the name in host.
	// +optional
	TLS *TLSVerification `json:"tls,omitempty"`
}

// HTTPHeader is a header of a request.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.value) && has(self.valueFrom))",message="write value or valueFrom, not both"
type HTTPHeader struct {
	// Name of the header.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9!#$%&*+.^_|~-]+$')",message="write the name of a header, such as Authorization"
	Name string `json:"name"`

	// Value of the header.
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Value string `json:"value,omitempty"`

	// ValueFrom is where the value comes from.
	// +optional
	ValueFrom *ValueSource `json:"valueFrom,omitempty"`
}

// FormField is a field of a form. Several of one name are sent one after another.
type FormField struct {
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Name string `json:"name"`
	// +optional
	// +kubebuilder:validation:MaxLength=32768
	Value string `json:"value,omitempty"`
}

// TLSVerification says how a server is verified.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.ca) && has(self.caFrom))",message="write ca or caFrom, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.insecureSkipVerify) || !self.insecureSkipVerify || !has(self.ca) && !has(self.caFrom) && !has(self.serverName)",message="insecureSkipVerify verifies nothing: leave it out, or the rest"
type TLSVerification struct {
	// CA are certificates of authorities in PEM, in place of those that the controller's image has.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	CA string `json:"ca,omitempty"`

	// CAFrom is where those come from.
	// +optional
	CAFrom *ValueSource `json:"caFrom,omitempty"`

	// ServerName is the name that the certificate is to be for. Default: the host. A pod's certificate rarely is for its IP.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ServerName string `json:"serverName,omitempty"`

	// InsecureSkipVerify trusts whoever answers.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// TCPSocketAction has the controller open a connection, which has gone well when it is open. Addresses are as for HTTP.
type TCPSocketAction struct {
	// Host to connect to: a name or an IP. Default: the pod's IP.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`

	// Port by its number, or by the name that a port of the pod's container has.
	// +required
	// +kubebuilder:validation:XIntOrString
	Port intstr.IntOrString `json:"port"`
}
