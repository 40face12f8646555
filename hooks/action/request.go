package action

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// How much of an answer is read: of its status and headers at most, and of its body before the rest is left to the server.
const (
	headLimit = 64 << 10
	bodyLimit = 64 << 10
)

// HTTPRequest is a request, of HTTP/1.1 and over a connection of its own.
type HTTPRequest struct {
	Method string
	// URL, or else Host, Port, Path and Scheme: by default, the pod's IP, / and HTTP.
	URL    string
	Host   string
	Port   int
	Path   string
	Scheme corev1.URIScheme
	// Header may have a Host, and any but those that are about the connection.
	Header http.Header
	Body   string
	// PodIP is the pod's own, or zero where there is no pod.
	PodIP netip.Addr
	TLS   TLSOptions
	// Timeout is for all of it, from the name's resolution to the end of the answer.
	Timeout time.Duration
}

// HTTP sends a request and says how it came out. It goes well when the answer's status is 200 to 399 and the answer comes to its end, or
// to 64 KiB. A redirection is an answer, and is not followed. Where no answer came to what was sent, the Process is MayRun.
func (s *Sender) HTTP(ctx context.Context, wanted HTTPRequest) Result {
	begun := time.Now()
	result := s.http(ctx, wanted)
	result.Duration = time.Since(begun)
	return *result
}

// Check says what keeps a request from being sent for good, as far as its address goes; nil where nothing does, or what may pass.
func (s *Sender) Check(ctx context.Context, wanted HTTPRequest) *Result {
	ctx, cancel := context.WithTimeout(ctx, wanted.Timeout)
	defer cancel()
	at, err := wanted.url()
	if err != nil {
		return refusal(BadRequest, "the request cannot be sent: "+plain(err))
	}
	if _, refused := s.reach(ctx, wanted.PodIP, at.Hostname(), portOf(at)); refused != nil && refused.reason == AddressRefused {
		return refusal(refused.reason, refused.message)
	}
	return nil
}

func (s *Sender) http(ctx context.Context, wanted HTTPRequest) *Result {
	ctx, cancel := context.WithTimeout(ctx, wanted.Timeout)
	defer cancel()
	prepared, err := wanted.prepare(ctx)
	if err != nil {
		return refusal(BadRequest, "the request cannot be sent: "+plain(err))
	}
	config, err := wanted.TLS.config(prepared.URL.Hostname())
	if err != nil {
		return refusal(BadRequest, "the request cannot be sent: "+plain(err))
	}
	for _, name := range []string{prepared.Host, wanted.TLS.ServerName} {
		if refused := s.checkName(prepared.URL, name); refused != nil {
			return refusal(refused.reason, refused.message)
		}
	}
	connection, refused := s.connect(ctx, wanted.PodIP, prepared.URL, config)
	if refused != nil {
		return refusal(refused.reason, refused.message)
	}
	defer connection.Close()
	e := &exchange{origin: prepared.URL.Scheme + "://" + prepared.URL.Host, tls: config, gate: newGate()}
	return e.run(prepared, connection)
}

// portOf is the port that a URL leads to.
func portOf(to *url.URL) uint16 {
	if written, err := strconv.ParseUint(to.Port(), 10, 16); err == nil {
		return uint16(written)
	}
	return map[string]uint16{"http": 80, "https": 443}[to.Scheme]
}

// connect connects to where a URL leads, and verifies who answers there. A Transport would leave connections that are being made when it
// gives up to themselves.
func (s *Sender) connect(ctx context.Context, pod netip.Addr, to *url.URL, config *tls.Config) (net.Conn, *unsent) {
	port := portOf(to)
	connection, refused := s.dial(ctx, pod, to.Hostname(), port)
	if refused != nil || to.Scheme == "http" {
		return connection, refused
	}
	return handshake(ctx, connection, config)
}

// exchange is a request and its answer.
type exchange struct {
	origin string // of the URL, without what may be for few
	tls    *tls.Config
	gate   *gate
}

// run sends a request over a connection. Without http.Client there is nobody who would follow a redirection or keep a cookie.
func (e *exchange) run(request *http.Request, connection net.Conn) *Result {
	ctx := request.Context()
	connected := func(context.Context, string, string) (net.Conn, error) { return gated{connection, e.gate}, nil }
	transport := &http.Transport{
		DialContext: connected, DialTLSContext: connected,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: headLimit,
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return e.failure(ctx, err)
	}
	defer answer.Body.Close()
	said := strings.TrimSpace(fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode)))
	if answer.StatusCode < http.StatusOK { // what follows is no answer of HTTP
		return &Result{Reason: Status, Process: HasEnded, Message: e.origin + " answered " + said}
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, bodyLimit))
	result := &Result{Reason: Succeeded, Process: HasEnded, Message: e.origin + " answered " + said, Output: beginning(body)}
	switch {
	case answer.StatusCode >= http.StatusBadRequest:
		result.Reason = Status
	case err != nil:
		lost := e.failure(ctx, err)
		result.Reason, result.Process = lost.Reason, lost.Process
		result.Message += ", but the answer broke off: " + plain(err)
	}
	return result
}

// failure is the result of a request without an answer.
func (e *exchange) failure(ctx context.Context, err error) *Result {
	sent := e.gate.close()
	result := &Result{Reason: outOfTime(ctx, err)}
	switch {
	case result.Reason == TimedOut:
		result.Message = e.origin + " has not answered in time"
	case result.Reason == Cancelled:
		result.Message = fmt.Sprintf("it was cancelled before %s had answered", e.origin)
	case isAlert(err):
		result.Reason, result.Message = TLSFailed, tlsSentence(err, e.tls)
	case isLost(err):
		result.Reason, result.Message = ConnectionLost, fmt.Sprintf("the connection to %s ended before the answer: %s", e.origin, plain(err))
	default:
		result.Reason = Unknown
		result.Message = fmt.Sprintf("the answer of %s is not understood (where the server speaks TLS, write https://, or scheme HTTPS): %s", e.origin, plain(err))
	}
	if !sent {
		result.Process, result.Message = NeverRan, result.Message+"; nothing was sent"
		return result
	}
	result.Process, result.Message = MayRun, result.Message+"; the request was sent, and what it began may go on"
	return result
}

// isLost tells whether a connection has ended, as opposed to one over which nonsense has come.
func isLost(err error) bool {
	broken := (*net.OpError)(nil)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &broken)
}

// beginning is the beginning of what was answered, in whole characters.
func beginning(body []byte) string {
	body = body[:min(len(body), outputLimit)]
	valid := strings.ToValidUTF8(string(body), "\uFFFD")
	for len(valid) > outputLimit { // a replacement is longer than what it replaces
		valid = strings.ToValidUTF8(valid[:outputLimit], "")
	}
	return valid
}
