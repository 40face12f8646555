package action

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/requests"
)

// podIP is that of the tests' pod. For testSender loopback is what the network of pods is elsewhere.
var podIP = netip.MustParseAddr("127.0.0.1")

func testSender(t *testing.T, options SenderOptions) *Sender {
	t.Helper()
	s, err := NewSender(options)
	require.NoError(t, err)
	s.never = func(address netip.Addr) string {
		if address.IsLoopback() {
			return ""
		}
		return requests.NeverReached(address)
	}
	return s
}

// get is a GET of a server of the test, as of the pod.
func get(at string) HTTPRequest {
	return HTTPRequest{Method: http.MethodGet, URL: at, PodIP: podIP, Timeout: patience}
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// raw serves connections without HTTP, and closes them when the test ends.
func raw(t *testing.T, handle func(connection net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { connection.Close() })
			go func() {
				defer stop()
				defer connection.Close()
				handle(connection)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// readHead reads a request's head.
func readHead(connection net.Conn) {
	reader := bufio.NewReader(connection)
	for {
		line, err := reader.ReadString('\n')
		if err != nil || strings.TrimSpace(line) == "" {
			return
		}
	}
}

func TestTheStatusSaysHowARequestCameOut(t *testing.T) {
	tests := map[int]struct {
		reason  Reason
		message string
	}{
		200: {Succeeded, "200 OK"}, 201: {Succeeded, "201 Created"}, 202: {Succeeded, "202 Accepted"}, 204: {Succeeded, "204 No Content"}, 206: {Succeeded, "206 Partial Content"}, 299: {Succeeded, "299"},
		300: {Succeeded, "300 Multiple Choices"}, 301: {Succeeded, "301 Moved Permanently"}, 302: {Succeeded, "302 Found"}, 303: {Succeeded, "303 See Other"},
		304: {Succeeded, "304 Not Modified"}, 307: {Succeeded, "307 Temporary Redirect"}, 308: {Succeeded, "308 Permanent Redirect"}, 399: {Succeeded, "399"},
		400: {Status, "400 Bad Request"}, 401: {Status, "401 Unauthorized"}, 404: {Status, "404 Not Found"}, 413: {Status, "413 Request Entity Too Large"}, 429: {Status, "429 Too Many Requests"},
		500: {Status, "500 Internal Server Error"}, 503: {Status, "503 Service Unavailable"}, 599: {Status, "599"}, 999: {Status, "999"},
	}
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.WriteHeader(status)
		if status != http.StatusNoContent && status != http.StatusNotModified {
			fmt.Fprintf(w, "said %d", status)
		}
	})
	for status, test := range tests {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			result := testSender(t, SenderOptions{}).HTTP(t.Context(), get(at+"/"+strconv.Itoa(status)+"?token=hunter2"))
			assert.Equal(t, test.reason, result.Reason, result)
			assert.Equal(t, at+" answered "+test.message, result.Message)
			assert.Equal(t, HasEnded, result.Process)
			assert.Equal(t, "N/A", result.CodeText())
			assert.Positive(t, result.Duration)
			if status != http.StatusNoContent && status != http.StatusNotModified {
				assert.Equal(t, fmt.Sprintf("said %d", status), result.Output)
			}
		})
	}
	t.Run("101, after which another protocol comes", func(t *testing.T) {
		at := raw(t, func(connection net.Conn) {
			readHead(connection)
			fmt.Fprint(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, connection)
		})
		result := testSender(t, SenderOptions{}).HTTP(t.Context(), get(at))
		assert.Equal(t, Status, result.Reason, result)
		assert.Contains(t, result.Message, "101 Switching Protocols")
	})
	t.Run("200 after hints", func(t *testing.T) {
		at := raw(t, func(connection net.Conn) {
			readHead(connection)
			fmt.Fprint(connection, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		})
		result := testSender(t, SenderOptions{}).HTTP(t.Context(), get(at))
		assert.Equal(t, Succeeded, result.Reason, result)
		assert.Equal(t, "ok", result.Output)
	})
}

func TestARequestIsSentAsItIsWritten(t *testing.T) {
	type seen struct {
		Method, URI, Host, Body string
		Header                  http.Header
	}
	got := make(chan seen, 1)
	at := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.RequestURI, r.Host, string(body), r.Header}
	})
	parsed, err := url.Parse(at)
	require.NoError(t, err)
	port, err := strconv.Atoi(parsed.Port())
	require.NoError(t, err)
	own := http.Header{"User-Agent": {"quiesce-controller"}, "Connection": {"close"}}
	with := func(more http.Header) http.Header {
		all := own.Clone()
		for name, values := range more {
			all[name] = values
		}
		return all
	}
	tests := map[string]struct {
		request HTTPRequest
		want    seen
	}{
		"a GET of a URL":      {HTTPRequest{Method: http.MethodGet, URL: at + "/a/../b%2Fc%20d?e=f&e=g"}, seen{"GET", "/a/../b%2Fc%20d?e=f&e=g", parsed.Host, "", own}},
		"a GET of the pod":    {HTTPRequest{Method: http.MethodGet, Port: port}, seen{"GET", "/", parsed.Host, "", own}},
		"a GET of a path":     {HTTPRequest{Method: http.MethodGet, Port: port, Path: "//x?y=z", Scheme: corev1.URISchemeHTTP}, seen{"GET", "//x?y=z", parsed.Host, "", own}},
		"a GET of a host":     {HTTPRequest{Method: http.MethodGet, Host: "127.0.0.1", Port: port}, seen{"GET", "/", parsed.Host, "", own}},
		"headers":             {HTTPRequest{Method: http.MethodGet, URL: at, Header: http.Header{"x-a": {"1", "2"}, "Authorization": {"Bearer x"}}}, seen{"GET", "/", parsed.Host, "", with(http.Header{"X-A": {"1", "2"}, "Authorization": {"Bearer x"}})}},
		"a host of its own":   {HTTPRequest{Method: http.MethodGet, URL: at, Header: http.Header{"host": {"shop.example.com:8443"}}}, seen{"GET", "/", "shop.example.com:8443", "", own}},
		"a name of its own":   {HTTPRequest{Method: http.MethodGet, URL: at, Header: http.Header{"User-Agent": {"shop"}}}, seen{"GET", "/", parsed.Host, "", with(http.Header{"User-Agent": {"shop"}})}},
		"a POST":              {HTTPRequest{Method: http.MethodPost, URL: at, Body: "hello", Header: http.Header{"Content-Type": {"text/plain"}}}, seen{"POST", "/", parsed.Host, "hello", with(http.Header{"Content-Length": {"5"}, "Content-Type": {"text/plain"}})}},
		"a POST of nothing":   {HTTPRequest{Method: http.MethodPost, URL: at}, seen{"POST", "/", parsed.Host, "", with(http.Header{"Content-Length": {"0"}})}},
		"a POST of very much": {HTTPRequest{Method: http.MethodPost, URL: at, Body: strings.Repeat("x", 1<<20)}, seen{"POST", "/", parsed.Host, strings.Repeat("x", 1<<20), with(http.Header{"Content-Length": {"1048576"}})}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.request.PodIP, test.request.Timeout = podIP, patience
			result := testSender(t, SenderOptions{}).HTTP(t.Context(), test.request)
			require.Equal(t, Succeeded, result.Reason, result)
			assert.Equal(t, test.want, <-got)
		})
	}
}

func TestWhatCannotBeSentIsNotSentAndSaysWhatToWrite(t *testing.T) {
	var asked atomic.Int32
	at := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	header := func(name string, values ...string) HTTPRequest {
		return HTTPRequest{Method: http.MethodGet, URL: at, Header: http.Header{name: values}, PodIP: podIP}
	}
	tests := map[string]struct {
		request HTTPRequest
		want    string
	}{
		"a user in the URL":          {HTTPRequest{URL: strings.Replace(at, "http://", "http://u:hunter2@", 1)}, "url: it has a user or a password"},
		"another scheme":             {HTTPRequest{URL: "file:///etc/passwd"}, "url: write http:// or https:// and a host"},
		"a line in the URL":          {HTTPRequest{URL: at + "/ HTTP/1.1\r\nX: y"}, "url: it is no URL (net/url: invalid control character in URL)"},
		"a host that is more":        {HTTPRequest{Host: "127.0.0.1:80/x?", Port: 80, PodIP: podIP}, "host: "},
		"a path that is none":        {HTTPRequest{Path: "@evil.example/", Port: 80, PodIP: podIP}, "path: begin it with /"},
		"no port":                    {HTTPRequest{PodIP: podIP}, "port: 0: write a number of 1 to 65535"},
		"a port beyond all":          {HTTPRequest{Port: 65536, PodIP: podIP}, "port: 65536: write a number of 1 to 65535"},
		"a scheme that is none":      {HTTPRequest{Port: 80, PodIP: podIP, Scheme: "FTP"}, `scheme: "FTP": write HTTP or HTTPS`},
		"no pod":                     {HTTPRequest{Port: 80}, "host: there is no pod whose IP it could be: write url or host"},
		"a method that is none":      {HTTPRequest{Method: "GET /", URL: at}, `net/http: invalid method "GET /"`},
		"a line in a header":         {header("X-A", "hunter2\r\nX-B: c"), "header X-A: its value has a line break or another control character"},
		"a line behind a secret":     {header("X-A", "hunter2\n"), "header X-A: its value ends with a line break"},
		"a line in a header's name":  {header("X-A: b\r\nX-B", "c"), "write the name of a header"},
		"a length":                   {header("Content-Length", "5"), "header Content-Length is about the connection"},
		"chunks":                     {header("transfer-encoding", "chunked"), "header transfer-encoding is about the connection"},
		"two hosts":                  {header("Host", "a", "b"), "header Host: write one"},
		"a host with a line":         {header("Host", "a\r\nb"), "header Host: its value has a line break"},
		"authorities that are none":  {HTTPRequest{URL: at, TLS: TLSOptions{CA: "ca.crt"}}, "tls.ca: write certificates in PEM"},
		"a space in the query":       {HTTPRequest{URL: at + "/?a b"}, "url: its query has spaces"},
		"a fragment":                 {HTTPRequest{URL: at + "/#a"}, "url: # and what follows it are never sent"},
		"IPv4 in a form of the past": {HTTPRequest{URL: "http://127.1/"}, "is neither a name nor an IP"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.request.Timeout = patience
			if test.request.Method == "" {
				test.request.Method = http.MethodGet
			}
			result := testSender(t, SenderOptions{}).HTTP(t.Context(), test.request)
			assert.Equal(t, BadRequest, result.Reason, result)
			assert.Equal(t, NeverRan, result.Process)
			assert.Contains(t, result.Message, "the request cannot be sent: ")
			assert.Contains(t, result.Message, test.want)
			assert.NotContains(t, result.Message, "hunter2")
		})
	}
	assert.Zero(t, asked.Load())
}

func TestARedirectionIsAnAnswerAndIsNotFollowed(t *testing.T) {
	var followed atomic.Int32
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	for _, to := range []string{"http://169.254.169.254/latest/meta-data/", elsewhere, "/again", "//localhost/"} {
		var asked atomic.Int32
		at := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		})
		result := testSender(t, SenderOptions{}).HTTP(t.Context(), get(at))
		assert.Equal(t, Succeeded, result.Reason, result)
		assert.Contains(t, result.Message, "307 Temporary Redirect")
		assert.EqualValues(t, 1, asked.Load(), to)
	}
	assert.Zero(t, followed.Load())
}

func TestNothingIsKeptOfARequestForTheNext(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	from := make(chan string, 2)
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Cookies())
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		from <- r.RemoteAddr
	})
	s := testSender(t, SenderOptions{})
	for range 2 {
		result := s.HTTP(t.Context(), get(at))
		require.Equal(t, Succeeded, result.Reason, result)
	}
	first, second := <-from, <-from
	assert.NotEqual(t, first, second, "a connection each")
}

func TestAnAnswerIsReadNoFurtherThanItsBeginning(t *testing.T) {
	const huge = 10 << 30
	written := make(chan int64, 1)
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(huge))
		status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.WriteHeader(status)
		n, _ := io.CopyN(w, endless{}, huge)
		written <- n
	})
	for status, want := range map[int]Reason{200: Succeeded, 500: Status} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		result := testSender(t, SenderOptions{}).HTTP(t.Context(), get(fmt.Sprintf("%s/%d", at, status)))
		runtime.ReadMemStats(&after)
		assert.Equal(t, want, result.Reason, result)
		assert.Equal(t, HasEnded, result.Process)
		assert.Equal(t, strings.Repeat("x", 2<<10), result.Output)
		assert.Less(t, <-written, int64(64<<20), "the server is told to stop")
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20), "all that was allocated, by client and server")
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestTheOutputIsTheBeginningInWholeCharacters(t *testing.T) {
	assert.Empty(t, beginning(nil))
	assert.Equal(t, "ü", beginning([]byte("ü")))
	assert.Equal(t, "\uFFFD", beginning([]byte(strings.Repeat("\xff", 4000))))
	for name, body := range map[string]string{
		"ends between characters":   strings.Repeat("a", 2047) + "ü",
		"many characters":           strings.Repeat("€", 4000),
		"some that are none":        strings.Repeat("a\xff", 4000),
		"broken at the very end":    strings.Repeat("a", 2046) + "\xff\xff",
		"broken at the replacement": strings.Repeat("a", 2045) + "\xffüü",
	} {
		got := beginning([]byte(body))
		assert.LessOrEqual(t, len(got), 2048, name)
		assert.Greater(t, len(got), 2040, name)
		assert.Equal(t, strings.ToValidUTF8(got, ""), got, name)
	}
}

func TestAServerThatMisbehavesEndsWithWhatIsKnown(t *testing.T) {
	t.Parallel()
	const short = time.Second
	wait := func() { <-t.Context().Done() }
	readOn := func(connection net.Conn) { _, _ = io.Copy(io.Discard, connection) }
	slowly := func(connection net.Conn, text string) {
		for {
			if _, err := io.WriteString(connection, text); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	much := strings.Repeat("x", 16<<20)
	tests := map[string]struct {
		handle  func(connection net.Conn)
		body    string
		timeout time.Duration
		reason  Reason
		process Process
		want    string
	}{
		"never reads":   {func(net.Conn) { wait() }, much, short, TimedOut, MayRun, "has not answered in time; the request was sent, and what it began may go on"},
		"never answers": {func(c net.Conn) { readOn(c) }, "", short, TimedOut, MayRun, "has not answered in time"},
		"a header, letter by letter": {func(c net.Conn) {
			readHead(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			slowly(c, "x")
		}, "", short, TimedOut, MayRun, "has not answered in time"},
		"hints without end": {func(c net.Conn) {
			readHead(c)
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
					return
				}
			}
		}, "", patience, Unknown, MayRun, "exceeded 65536 bytes"},
		"a header without end": {func(c net.Conn) {
			readHead(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			_, _ = io.Copy(c, endless{})
		}, "", patience, Unknown, MayRun, "exceeded 65536 bytes"},
		"headers without end": {func(c net.Conn) {
			readHead(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: y\r\n", i); err != nil {
					return
				}
			}
		}, "", patience, Unknown, MayRun, "exceeded 65536 bytes"},
		"a status line without end": {func(c net.Conn) { readHead(c); _, _ = io.Copy(c, endless{}) }, "", patience, Unknown, MayRun, "is not understood"},
		"a body, letter by letter": {func(c net.Conn) {
			readHead(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			slowly(c, "x")
		}, "", short, TimedOut, MayRun, "answered 200 OK, but the answer broke off"},
		"a body that breaks off": {func(c net.Conn) {
			readHead(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
		}, "", patience, ConnectionLost, MayRun, "answered 200 OK, but the answer broke off: unexpected EOF"},
		"a failure that breaks off": {func(c net.Conn) {
			readHead(c)
			_, _ = io.WriteString(c, "HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nsome")
		}, "", patience, Status, HasEnded, "answered 500 Internal Server Error"},
		"hangs up": {func(c net.Conn) { readHead(c) }, "", patience, ConnectionLost, MayRun, "ended before the answer: "},
		"resets the connection": {func(c net.Conn) {
			readHead(c)
			_ = c.(*net.TCPConn).SetLinger(0)
		}, "", patience, ConnectionLost, MayRun, "ended before the answer"},
		"speaks something else": {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n"); readOn(c) }, "", patience, Unknown, MayRun, "is not understood"},
		"speaks TLS":            {func(c net.Conn) { readHead(c); _, _ = c.Write([]byte{0x15, 3, 1, 0, 2, 2, 70}) }, "", patience, Unknown, MayRun, "where the server speaks TLS, write https://, or scheme HTTPS"},
		"a status that is none": {func(c net.Conn) { readHead(c); _, _ = io.WriteString(c, "HTTP/1.1 xyz OK\r\n\r\n") }, "", patience, Unknown, MayRun, "is not understood"},
		"answers before it has read": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
			wait()
		}, much, patience, Status, HasEnded, "answered 413 Request Entity Too Large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := get(raw(t, test.handle))
			request.Method, request.Body, request.Timeout = http.MethodPost, test.body, test.timeout
			result := testSender(t, SenderOptions{}).HTTP(t.Context(), request)
			assert.Equal(t, test.reason, result.Reason, result)
			assert.Equal(t, test.process, result.Process, result)
			assert.Contains(t, result.Message, test.want)
			assert.Less(t, len(result.Message), 2<<10)
			assert.Less(t, result.Duration, patience)
		})
	}
}
