package match

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// getting is a hook that sends a GET, changed.
func getting(change func(*v1alpha1.Hook, *v1alpha1.HTTPRequest)) v1alpha1.Hook {
	hook := v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, HTTPGet: &v1alpha1.HTTPGetAction{}}
	change(&hook, &hook.HTTPGet.HTTPRequest)
	return hook
}

// getURL is a hook that sends a GET to a URL.
func getURL(url string) v1alpha1.Hook {
	return getting(func(_ *v1alpha1.Hook, r *v1alpha1.HTTPRequest) { r.URL = url })
}

// getPod is a hook that sends a GET to its pod's port 80, changed.
func getPod(change func(*v1alpha1.HTTPRequest)) v1alpha1.Hook {
	return getting(func(_ *v1alpha1.Hook, r *v1alpha1.HTTPRequest) {
		r.Port = new(intstr.FromInt32(80))
		change(r)
	})
}

func withHeaders(headers ...v1alpha1.HTTPHeader) v1alpha1.Hook {
	return getPod(func(r *v1alpha1.HTTPRequest) { r.HTTPHeaders = headers })
}

func withTLS(tls v1alpha1.TLSVerification) v1alpha1.Hook {
	return getPod(func(r *v1alpha1.HTTPRequest) { r.TLS = &tls })
}

func posting(change func(*v1alpha1.HTTPPostAction)) v1alpha1.Hook {
	hook := v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PostBackup}, HTTPPost: &v1alpha1.HTTPPostAction{HTTPRequest: v1alpha1.HTTPRequest{Port: new(intstr.FromInt32(80))}}}
	change(hook.HTTPPost)
	return hook
}

func connecting(host string, port intstr.IntOrString) v1alpha1.Hook {
	return v1alpha1.Hook{Name: "a", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, TCPSocket: &v1alpha1.TCPSocketAction{Host: host, Port: port}}
}

// oncePerSession is a hook without a pod.
func oncePerSession(hook v1alpha1.Hook) v1alpha1.Hook {
	hook.RunOn = v1alpha1.OncePerSession
	return hook
}

func secretKey(name, key string) *v1alpha1.ValueSource {
	return &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: name, Key: key}}
}

// certificate is one of an authority, as openssl req -x509 -newkey ed25519 -subj /CN=test writes it.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBNDCB56ADAgECAhR25+KOWV3cmBo+CPb7bkW7bREa0DAFBgMrZXAwDzENMAsG
A1UEAwwEdGVzdDAgFw0yNjExMjYxMzQ4NTBaGA8yMTI2MTEwMjEzNDg1MFowDzEN
MAsGA1UEAwwEdGVzdDAqMAUGAytlcAMhAEYGriV75VRynZZwUGxyjdgD4gH+Iroy
c8yxzpJQU9v7o1MwUTAdBgNVHQ4EFgQUJrVCJG6tbuzREIsWSLqVAzEBkC8wHwYD
VR0jBBgwFoAUJrVCJG6tbuzREIsWSLqVAzEBkC8wDwYDVR0TAQH/BAUwAwEB/zAF
BgMrZXADQQAxYMW0wEJBe08lXkuNiCHHwxQdsgd9iVdoJjUEaR+NGB2do1KgxNHh
bEojA0qM1Or4+eJwCm5cfMVU8FsZKDEI
-----END CERTIFICATE-----
`

func TestARequestThatCannotBeSentIsRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	named, number := intstr.FromString, intstr.FromInt32
	tests := map[string]struct {
		hook v1alpha1.Hook
		want string // after spec.hooks[a]
	}{
		"a request and a command": {getting(func(h *v1alpha1.Hook, r *v1alpha1.HTTPRequest) {
			r.URL, h.Exec = "http://a", &v1alpha1.ExecAction{Command: []string{"x"}}
		}), ": write exactly one action: exec, script, hold, httpGet, httpPost, tcpSocket, job or init"},
		"a request to nowhere":                {getURL(""), ".httpGet.port: write url, or port with what is needed of host, path and scheme"},
		"a URL and a port":                    {getPod(func(r *v1alpha1.HTTPRequest) { r.URL = "http://a" }), ".httpGet.url: host, port, path and scheme are in the url: leave them out"},
		"a URL and a path":                    {getting(func(_ *v1alpha1.Hook, r *v1alpha1.HTTPRequest) { r.URL, r.Path = "http://a", "/" }), ".httpGet.url: host, port, path and scheme are in the url"},
		"a URL without a scheme":              {getURL("db.shop.svc/healthz"), ".httpGet.url: write http:// or https:// and a host"},
		"a URL of another scheme":             {getURL("ftp://a"), ".httpGet.url: write http:// or https:// and a host"},
		"a URL with a password":               {getURL("http://u:hunter2@a"), ".httpGet.url: it has a user or a password"},
		"a URL with a fragment":               {getURL("http://a/#b"), ".httpGet.url: # and what follows it are never sent"},
		"a URL with a line break":             {getURL("http://a/\r\nX: y"), ".httpGet.url: it is no URL"},
		"a URL with a port beyond all":        {getURL("http://a:65536"), ".httpGet.url: its port is 65536: write a number of 1 to 65535"},
		"a URL of metadata":                   {getURL("http://169.254.169.254/latest/meta-data/"), ".httpGet.url: 169.254.169.254 is a cloud's metadata service, and never reached"},
		"a URL of loopback":                   {getURL("http://127.0.0.1:8080/"), ".httpGet.url: 127.0.0.1 is a loopback address, and never reached"},
		"a URL of loopback by its name":       {getURL("https://localhost/"), ".httpGet.url: localhost is where the controller itself runs"},
		"a URL of loopback, mapped":           {getURL("http://[::ffff:127.0.0.1]/"), ".httpGet.url: ::ffff:127.0.0.1 is a loopback address"},
		"a URL of link-local":                 {getURL("http://[fe80::1]/"), ".httpGet.url: fe80::1 is a link-local address"},
		"a URL of loopback in a form of old":  {getURL("http://0x7f.1/"), `.httpGet.url: its host: "0x7f.1" is neither a name nor an IP`},
		"a host with a scheme":                {getPod(func(r *v1alpha1.HTTPRequest) { r.Host = "http://a" }), `.httpGet.host: "http://a" is no host`},
		"a host with a port":                  {getPod(func(r *v1alpha1.HTTPRequest) { r.Host = "a:80" }), `.httpGet.host: "a:80" is no host`},
		"a host of loopback":                  {getPod(func(r *v1alpha1.HTTPRequest) { r.Host = "127.0.0.1" }), ".httpGet.host: 127.0.0.1 is a loopback address, and never reached: leave host out for the pod's own IP"},
		"no port that is":                     {getPod(func(r *v1alpha1.HTTPRequest) { r.Port = new(number(0)) }), ".httpGet.port: 0: write a number of 1 to 65535"},
		"a port beyond all":                   {getPod(func(r *v1alpha1.HTTPRequest) { r.Port = new(number(65536)) }), ".httpGet.port: 65536: write a number of 1 to 65535"},
		"a port in quotes":                    {getPod(func(r *v1alpha1.HTTPRequest) { r.Port = new(named("8080")) }), `.httpGet.port: "8080" is taken for a name: write the number without quotes`},
		"a port without a name":               {getPod(func(r *v1alpha1.HTTPRequest) { r.Port = new(named("")) }), `.httpGet.port: "": write a number of 1 to 65535, or the name of one of the container's ports, such as http`},
		"a port with a long name":             {getPod(func(r *v1alpha1.HTTPRequest) { r.Port = new(named("a-very-long-name")) }), `.httpGet.port: "a-very-long-name": write a number`},
		"a port with a name that is none":     {getPod(func(r *v1alpha1.HTTPRequest) { r.Port = new(named("HTTP")) }), `.httpGet.port: "HTTP": write a number`},
		"another host's port by its name":     {getPod(func(r *v1alpha1.HTTPRequest) { r.Host, r.Port = "a", new(named("http")) }), `.httpGet.port: "http": only the pod's own ports have names that are known: write the number`},
		"a path that is relative":             {getPod(func(r *v1alpha1.HTTPRequest) { r.Path = "healthz" }), ".httpGet.path: begin it with /"},
		"a path with a space":                 {getPod(func(r *v1alpha1.HTTPRequest) { r.Path = "/a b" }), ".httpGet.path: its path has spaces"},
		"a scheme that is none":               {getPod(func(r *v1alpha1.HTTPRequest) { r.Scheme = "https" }), `.httpGet.scheme: "https": write HTTP or HTTPS`},
		"a header without a name":             {withHeaders(v1alpha1.HTTPHeader{Value: "b"}), `.httpGet.httpHeaders[0].name: "": write the name of a header`},
		"a header with a line break":          {withHeaders(v1alpha1.HTTPHeader{Name: "A"}, v1alpha1.HTTPHeader{Name: "B", Value: "c\r\nD: e"}), ".httpGet.httpHeaders[1].value: its value has a line break"},
		"a header of the connection":          {withHeaders(v1alpha1.HTTPHeader{Name: "content-length", Value: "5"}), ".httpGet.httpHeaders[0].name: content-length is about the connection"},
		"a header with two values":            {withHeaders(v1alpha1.HTTPHeader{Name: "A", Value: "b", ValueFrom: secretKey("s", "k")}), ".httpGet.httpHeaders[0]: write value or valueFrom, not both"},
		"a header of no Secret that can be":   {withHeaders(v1alpha1.HTTPHeader{Name: "A", ValueFrom: secretKey("S", "k")}), `.httpGet.httpHeaders[0].valueFrom.secretKeyRef.name: "S": write the name of a Secret`},
		"a header of no key that can be":      {withHeaders(v1alpha1.HTTPHeader{Name: "A", ValueFrom: secretKey("s", "k/l")}), `.httpGet.httpHeaders[0].valueFrom.secretKeyRef.key: "k/l": write one of the Secret's keys`},
		"two hosts":                           {withHeaders(v1alpha1.HTTPHeader{Name: "Host", Value: "a"}, v1alpha1.HTTPHeader{Name: "host", Value: "b"}), ".httpGet.httpHeaders[1].name: a request has one Host"},
		"a host with a path":                  {withHeaders(v1alpha1.HTTPHeader{Name: "Host", Value: "a/b"}), ".httpGet.httpHeaders[0].value: write a name or an IP"},
		"authorities that are none":           {withTLS(v1alpha1.TLSVerification{CA: "ca.crt"}), ".httpGet.tls.ca: write certificates in PEM"},
		"authorities twice":                   {withTLS(v1alpha1.TLSVerification{CA: certificate, CAFrom: secretKey("s", "k")}), ".httpGet.tls: write ca or caFrom, not both"},
		"authorities of no Secret":            {withTLS(v1alpha1.TLSVerification{CAFrom: secretKey("", "k")}), `.httpGet.tls.caFrom.secretKeyRef.name: "": write the name of a Secret`},
		"authorities that verify nothing":     {withTLS(v1alpha1.TLSVerification{CAFrom: secretKey("s", "k"), InsecureSkipVerify: true}), ".httpGet.tls: insecureSkipVerify verifies nothing"},
		"a name that verifies nothing":        {withTLS(v1alpha1.TLSVerification{ServerName: "a", InsecureSkipVerify: true}), ".httpGet.tls: insecureSkipVerify verifies nothing"},
		"a server's name that is none":        {withTLS(v1alpha1.TLSVerification{ServerName: "*.a"}), `.httpGet.tls.serverName: "*.a" is no host`},
		"a POST to nowhere":                   {posting(func(p *v1alpha1.HTTPPostAction) { p.Port = nil }), ".httpPost.port: write url, or port"},
		"a body and a form":                   {posting(func(p *v1alpha1.HTTPPostAction) { p.Body, p.Form = "x", []v1alpha1.FormField{{Name: "a"}} }), ".httpPost: write body or form, not both"},
		"a field without a name":              {posting(func(p *v1alpha1.HTTPPostAction) { p.Form = []v1alpha1.FormField{{Name: "a"}, {Value: "b"}} }), ".httpPost.form[1].name: write the name of a field"},
		"a connection to loopback":            {connecting("localhost", number(80)), ".tcpSocket.host: localhost is where the controller itself runs"},
		"a connection to no port":             {connecting("", number(0)), ".tcpSocket.port: 0: write a number of 1 to 65535"},
		"a connection to another's port":      {connecting("a", named("http")), `.tcpSocket.port: "http": only the pod's own ports have names that are known`},
		"without a pod, a GET of its IP":      {oncePerSession(getPod(func(*v1alpha1.HTTPRequest) {})), ".httpGet.host: with runOn Session there is no pod whose IP it could be: write url or host"},
		"without a pod, a POST to its IP":     {oncePerSession(posting(func(*v1alpha1.HTTPPostAction) {})), ".httpPost.host: with runOn Session there is no pod"},
		"without a pod, a connection to it":   {oncePerSession(connecting("", number(80))), ".tcpSocket.host: with runOn Session there is no pod"},
		"without a pod, a port by its name":   {oncePerSession(connecting("a", named("http"))), `.tcpSocket.port: "http": only the pod's own ports`},
		"without a pod, one of its container": {oncePerSession(getting(func(h *v1alpha1.Hook, r *v1alpha1.HTTPRequest) { h.Container, r.URL = "db", "http://a" })), `.runOn: "Session": there is no pod: leave out container, onlyIf and ifNotReady`},
		"without a pod, a wait for it": {oncePerSession(getting(func(h *v1alpha1.Hook, r *v1alpha1.HTTPRequest) {
			h.IfNotReady, r.URL = v1alpha1.WaitNotReady, "http://a"
		})), `.runOn: "Session": there is no pod`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(test.hook)
			err := Check(policy.Ref, policy.Spec)
			require.Error(t, err)
			assert.ErrorContains(t, err, "spec.hooks[a]"+test.want)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
	for name, good := range map[string]v1alpha1.Hook{
		"a GET of a URL":              getURL("https://vault.example.com:8200/v1/sys/health?standbyok=true"),
		"a GET of the pod":            getPod(func(r *v1alpha1.HTTPRequest) { r.Path, r.Scheme = "/healthz?full=1", "HTTPS" }),
		"a GET of a port's name":      getPod(func(r *v1alpha1.HTTPRequest) { r.Port = new(named("http-metrics")) }),
		"a GET of a host":             getPod(func(r *v1alpha1.HTTPRequest) { r.Host = "db.shop.svc" }),
		"a GET of an IPv6 address":    getPod(func(r *v1alpha1.HTTPRequest) { r.Host = "fd00::7" }),
		"headers":                     withHeaders(v1alpha1.HTTPHeader{Name: "Host", Value: "db:8080"}, v1alpha1.HTTPHeader{Name: "A"}, v1alpha1.HTTPHeader{Name: "A", Value: "b"}, v1alpha1.HTTPHeader{Name: "Authorization", ValueFrom: secretKey("s", "k")}),
		"authorities":                 withTLS(v1alpha1.TLSVerification{CA: certificate, ServerName: "db.shop.svc"}),
		"authorities of a Secret":     withTLS(v1alpha1.TLSVerification{CAFrom: secretKey("s", "ca.crt")}),
		"nothing verified":            withTLS(v1alpha1.TLSVerification{InsecureSkipVerify: true}),
		"a POST of nothing":           posting(func(*v1alpha1.HTTPPostAction) {}),
		"a POST of anything":          posting(func(p *v1alpha1.HTTPPostAction) { p.Body = "a\r\n\x00ü" }),
		"a POST of a form":            posting(func(p *v1alpha1.HTTPPostAction) { p.Form = []v1alpha1.FormField{{Name: "a"}, {Name: "a", Value: "b"}} }),
		"a connection":                connecting("", named("postgres")),
		"a connection to a host":      connecting("10.0.0.7", number(5432)),
		"without a pod, a GET":        oncePerSession(getURL("http://a")),
		"without a pod, a POST":       oncePerSession(posting(func(p *v1alpha1.HTTPPostAction) { p.Host = "a" })),
		"without a pod, to a host":    oncePerSession(connecting("a", number(80))),
		"in one of the pods":          getting(func(h *v1alpha1.Hook, r *v1alpha1.HTTPRequest) { h.RunOn, r.URL = v1alpha1.OnePod, "http://a" }),
		"in every stage there may be": getting(func(h *v1alpha1.Hook, r *v1alpha1.HTTPRequest) { h.Stages, r.URL = v1alpha1.Stages, "http://a" }),
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(good)
			assert.NoError(t, Check(policy.Ref, policy.Spec))
		})
	}
}
