package action

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARequestThatIsGivenUpEndsAtOnce(t *testing.T) {
	begun := make(chan struct{}, 1)
	hangs := func(c net.Conn) {
		readHead(c)
		begun <- struct{}{}
		_, _ = io.Copy(io.Discard, c)
	}
	answering := func(c net.Conn) {
		readHead(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nsome")
		begun <- struct{}{}
		_, _ = io.Copy(io.Discard, c)
	}
	tests := map[string]struct {
		at      string
		lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
		process Process
		want    string
	}{
		"while a name is resolved": {"http://db.example.com", func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			begun <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}, NeverRan, ""},
		"while TLS is agreed on": {strings.Replace(raw(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			begun <- struct{}{}
			_, _ = io.Copy(io.Discard, c)
		}), "http:", "https:", 1), nil, NeverRan, ""},
		"before the answer": {raw(t, hangs), nil, MayRun, "; the request was sent, and what it began may go on"},
		"in the answer":     {raw(t, answering), nil, MayRun, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testSender(t, SenderOptions{Hosts: []string{"*"}})
			if test.lookup != nil {
				s.lookup = test.lookup
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-begun
				cancel()
			}()
			result := s.HTTP(ctx, get(test.at))
			assert.Equal(t, Cancelled, result.Reason, result)
			assert.Equal(t, test.process, result.Process)
			assert.Contains(t, result.Message, test.want)
			assert.Less(t, result.Duration, patience)
		})
	}
	t.Run("before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		at := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
		result := testSender(t, SenderOptions{}).HTTP(ctx, get(at))
		assert.Equal(t, Cancelled, result.Reason, result)
		assert.Equal(t, NeverRan, result.Process)
	})
	t.Run("by the caller's own deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		result := testSender(t, SenderOptions{}).HTTP(ctx, get(raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })))
		assert.Equal(t, TimedOut, result.Reason, result)
	})
}

// TestNothingIsSentThatIsSaidToBeUnsent gives requests up at every moment, and counts those that came all the same.
func TestNothingIsSentThatIsSaidToBeUnsent(t *testing.T) {
	var came sync.Map
	at := serve(t, func(_ http.ResponseWriter, r *http.Request) { came.Store(r.URL.Path, true) })
	s := testSender(t, SenderOptions{})
	unsent := map[string]bool{}
	for i := range 400 {
		request := get(at + "/" + strings.Repeat("x", i+1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*2*time.Microsecond)
		if result := s.HTTP(ctx, request); result.Process == NeverRan {
			unsent["/"+strings.Repeat("x", i+1)] = true
		}
		cancel()
	}
	require.NotEmpty(t, unsent)
	require.Equal(t, Succeeded, s.HTTP(t.Context(), get(at+"/last")).Reason)
	came.Range(func(path, _ any) bool { return assert.NotContains(t, unsent, path) })
}

func TestAGateThatIsClosedLetsNothingThrough(t *testing.T) {
	fresh, used := newGate(), newGate()
	assert.False(t, fresh.close())
	assert.False(t, fresh.pass())
	assert.False(t, fresh.close())
	assert.True(t, used.pass())
	assert.True(t, used.pass())
	assert.True(t, used.close())
	ours, theirs := net.Pipe()
	defer theirs.Close()
	_, err := gated{ours, fresh}.Write([]byte("GET"))
	assert.ErrorIs(t, err, errClosed)
}

func TestWhatAServerSaysUnaskedIsReadWhenItWasAsked(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	said := make(chan error, 2)
	go func() {
		_, err := io.WriteString(theirs, "SSH-2.0")
		said <- err
		_, err = io.CopyN(io.Discard, theirs, 3)
		said <- err
	}()
	connection := gated{ours, newGate()}
	read := make(chan string)
	go func() {
		p := make([]byte, 100)
		n, _ := connection.Read(p)
		read <- string(p[:n])
	}()
	select {
	case got := <-read:
		t.Fatalf("%q was read before anything was sent", got)
	case <-time.After(50 * time.Millisecond):
	}
	_, err := connection.Write([]byte("GET"))
	require.NoError(t, err)
	assert.Equal(t, "SSH-2.0", <-read)
	require.NoError(t, <-said)
	require.NoError(t, <-said)

	given := gated{ours, newGate()}
	go func() { _ = given.Close() }()
	_, err = given.Read(make([]byte, 1))
	assert.Error(t, err, "who waits for an answer is let go")
}

func TestNoGoroutineAndNoConnectionIsLeft(t *testing.T) {
	var open atomic.Int32
	counted := func(handle func(net.Conn)) string {
		return raw(t, func(c net.Conn) {
			open.Add(1)
			defer open.Add(-1)
			handle(c)
			_, _ = io.Copy(io.Discard, c) // until the other side closes it
		})
	}
	says := func(text string) func(net.Conn) {
		return func(c net.Conn) { readHead(c); _, _ = io.WriteString(c, text) }
	}
	ways := []string{
		counted(says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
		counted(says("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nok")),
		counted(says("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")),
		counted(says("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")),
		counted(says("nonsense\r\n\r\n")),
		counted(func(c net.Conn) {
			says("HTTP/1.1 200 OK\r\n\r\n")(c)
			_, _ = io.Copy(c, endless{})
		}),
		counted(says("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nok")),
		counted(func(net.Conn) {}),
		strings.Replace(counted(func(net.Conn) {}), "http:", "https:", 1),
		strings.Replace(counted(says("HTTP/1.1 400 Bad\r\n\r\n")), "http:", "https:", 1),
	}
	s := testSender(t, SenderOptions{})
	before := runtime.NumGoroutine()
	var all sync.WaitGroup
	for _, at := range ways {
		for range 5 {
			all.Go(func() {
				request := get(at)
				request.Timeout = 500 * time.Millisecond
				s.HTTP(t.Context(), request)
			})
		}
	}
	all.Wait()
	for deadline := time.Now().Add(patience); open.Load() > 0 || runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%d connections are open, and there are %d goroutines, not %d", open.Load(), runtime.NumGoroutine(), before)
	}
}
