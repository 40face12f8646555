package action

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/quiesce-io/quiesce/hooks/chain"
)

const (
	forever  = time.Hour
	patience = 30 * time.Second
)

// eachWay runs a test over both protocols, for containers with a shell and without.
func eachWay(t *testing.T, test func(t *testing.T, s *server, request Request)) {
	t.Helper()
	t.Parallel()
	for name, way := range map[string]struct{ noWebSocket, noSPDY, noShell bool }{
		"over WebSocket":                  {noSPDY: true},
		"over SPDY":                       {noWebSocket: true},
		"over SPDY, without a shell":      {noWebSocket: true, noShell: true},
		"over WebSocket, without a shell": {noSPDY: true, noShell: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.noWebSocket, s.noSPDY = way.noWebSocket, way.noSPDY
			test(t, s, Request{Target: mainContainer, Timeout: forever, NoShell: way.noShell})
		})
	}
}

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestACommandsCodeAndOutputAreReported(t *testing.T) {
	tests := map[string]struct {
		command []string
		stdin   string
		reason  Reason
		code    string
		output  string
	}{
		"success":          {sh("echo out; echo err >&2"), "", Succeeded, "0", "out\nerr\n"},
		"a code":           {sh("printf out; exit 3"), "", ExitCode, "3", "out"},
		"a signal":         {sh("kill -KILL $$"), "", ExitCode, "137", ""},
		"what it was sent": {[]string{"cat"}, "one\ntwo", Succeeded, "0", "one\ntwo"},
		"nothing to read":  {[]string{"cat"}, "", Succeeded, "0", ""},
		"ever so much":     {sh("cat | wc -c"), strings.Repeat("x", 1<<20), Succeeded, "0", "1048576\n"},
	}
	eachWay(t, func(t *testing.T, s *server, request Request) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				request := request
				request.Command, request.Stdin = test.command, test.stdin
				result := s.executor().Exec(t.Context(), request)
				if request.NoShell && s.noSPDY && test.reason == Succeeded {
					assert.Equal(t, Unknown, result.Reason, result)
					assert.Contains(t, result.Message, "nothing proves it")
					return
				}
				assert.Equal(t, test.reason, result.Reason, result)
				assert.Equal(t, test.code, result.CodeText())
				assert.Equal(t, HasEnded, result.Process)
				if request.NoShell { // two streams, that arrive in any order
					assert.ElementsMatch(t, strings.Fields(test.output), strings.Fields(result.Output))
				} else {
					assert.Equal(t, test.output, result.Output)
				}
				assert.Positive(t, result.Duration)
			})
		}
	})
}

// What this is all about: client-go itself takes it for a success over SPDY.
func TestAConnectionThatBreaksIsNoSuccess(t *testing.T) {
	eachWay(t, func(t *testing.T, s *server, request Request) {
		begun, end := make(chan struct{}), make(chan struct{})
		t.Cleanup(func() { close(end) })
		s.answer = func(_ []string, _ io.Reader, stdout, _ io.Writer) error {
			_, _ = stdout.Write([]byte("half"))
			close(begun)
			<-end
			return nil
		}
		go func() {
			<-begun
			s.endConnections()
		}()
		result := s.executor().Exec(t.Context(), request)
		assert.Equal(t, ConnectionLost, result.Reason, result)
		assert.Equal(t, MayRun, result.Process)
		assert.Equal(t, "N/A", result.CodeText())
		assert.Equal(t, "half", result.Output)
	})
}

func TestAnEndWithoutAWordIsNoSuccess(t *testing.T) {
	eachWay(t, func(t *testing.T, s *server, request Request) {
		s.answer = func([]string, io.Reader, io.Writer, io.Writer) error { return errSilent }
		result := s.executor().Exec(t.Context(), request)
		if s.noSPDY && request.NoShell { // client-go tells us nothing that would set it apart from a success
			assert.Equal(t, Unknown, result.Reason, result)
		} else {
			assert.Equal(t, ConnectionLost, result.Reason, result)
		}
		assert.Equal(t, MayRun, result.Process)
	})
}

// An API server says so over WebSocket when the kubelet behind it is gone, a kubelet when the runtime is.
func TestASuccessThatOnlyTheAPIServerReportsIsNone(t *testing.T) {
	s := newServer(t)
	s.answer = func([]string, io.Reader, io.Writer, io.Writer) error { return nil }
	result := s.executor().Exec(t.Context(), Request{Target: mainContainer, Command: sh("exit 0"), Timeout: forever})
	assert.Equal(t, ConnectionLost, result.Reason, result)
	assert.Equal(t, []string{"WebSocket"}, s.protocols(), "and it is not tried again")
}

func TestProtocolsAreTriedInTheirOrderAndOnce(t *testing.T) {
	tests := map[string]struct {
		noWebSocket, noSPDY, noShell bool
		used                         []string
		reason                       Reason
	}{
		"WebSocket first":                 {used: []string{"WebSocket"}, reason: ExitCode},
		"then SPDY":                       {noWebSocket: true, used: []string{"SPDY"}, reason: ExitCode},
		"SPDY first without a shell":      {noShell: true, used: []string{"SPDY"}, reason: ExitCode},
		"then WebSocket, without a shell": {noShell: true, noSPDY: true, used: []string{"WebSocket"}, reason: ExitCode},
		"or none":                         {noWebSocket: true, noSPDY: true, reason: Unreachable},
		"or none, without a shell":        {noWebSocket: true, noSPDY: true, noShell: true, reason: Unreachable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.noWebSocket, s.noSPDY = test.noWebSocket, test.noSPDY
			result := s.executor().Exec(t.Context(), Request{Target: mainContainer, Command: sh("exit 2"), Timeout: forever, NoShell: test.noShell})
			assert.Equal(t, test.reason, result.Reason, result)
			assert.Equal(t, test.used, s.protocols())
		})
	}
}

func TestACommandIsEndedAtItsTimeout(t *testing.T) {
	eachWay(t, func(t *testing.T, s *server, request Request) {
		began := filepath.Join(t.TempDir(), "began")
		request.Command, request.Timeout = sh("echo $$ >"+began+"; echo on; exec sleep 60"), time.Second
		result := s.executor().Exec(t.Context(), request)
		assert.Equal(t, TimedOut, result.Reason, result)
		assert.Equal(t, "N/A", result.CodeText())
		assert.Contains(t, result.Message, "timeout of 1s")
		assert.Equal(t, "on\n", result.Output)
		assert.Less(t, result.Duration, patience)
		if request.NoShell {
			assert.Equal(t, MayRun, result.Process)
			endByFile(t, began)
		} else {
			assert.Equal(t, HasEnded, result.Process)
			assert.False(t, runs(t, began))
		}
	})
}

// runs tells whether the process is there that has written its number into a file.
func runs(t *testing.T, file string) bool {
	t.Helper()
	pid, err := os.ReadFile(file)
	require.NoError(t, err)
	_, err = os.Stat("/proc/" + strings.TrimSpace(string(pid)))
	return err == nil
}

func endByFile(t *testing.T, file string) {
	t.Helper()
	s := newServer(t)
	s.noSPDY = true
	s.executor().Exec(t.Context(), Request{Target: mainContainer, Command: sh(`kill -KILL "$(cat ` + file + `)"`), Timeout: forever, NoShell: true})
}

func TestACancelledCommandIsEnded(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T) (context.Context, context.CancelFunc){
		"Cancelled": func(t *testing.T) (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
		"TimedOut": func(t *testing.T) (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, s *server, request Request) {
				began := filepath.Join(t.TempDir(), "began")
				request.Command = sh("echo $$ >" + began + "; exec sleep 60")
				ctx, cancel := begin(t)
				defer cancel()
				go func() {
					exists := func() bool { _, err := os.Stat(began); return err == nil }
					if assert.Eventually(t, exists, patience, 10*time.Millisecond) && name == "Cancelled" {
						cancel()
					}
				}()
				result := s.executor().Exec(ctx, request)
				assert.Equal(t, Reason(name), result.Reason, result)
				if request.NoShell {
					assert.Equal(t, MayRun, result.Process)
					endByFile(t, began)
				} else {
					assert.Equal(t, HasEnded, result.Process, result)
					assert.False(t, runs(t, began))
				}
			})
		})
	}
}

func TestWhoKnowsTheTokenEndsAProcess(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	began, token := filepath.Join(t.TempDir(), "began"), NewToken()
	ended := make(chan Result, 1)
	go func() {
		ended <- s.executor().Exec(t.Context(), Request{Target: mainContainer, Command: sh("echo $$ >" + began + "; exec sleep 60"), Timeout: forever, Token: token})
	}()
	require.Eventually(t, func() bool { _, err := os.Stat(began); return err == nil }, patience, 10*time.Millisecond)
	assert.Equal(t, HasEnded, s.executor().End(t.Context(), mainContainer, token))
	assert.False(t, runs(t, began))
	result := <-ended
	assert.Equal(t, ExitCode, result.Reason, result)
	assert.Equal(t, "143", result.CodeText())
	assert.Equal(t, HasEnded, s.executor().End(t.Context(), mainContainer, token), "which it has")
	s.refuse = apierrors.NewForbidden(corev1.Resource("pods"), "db", errors.New("no"))
	assert.Equal(t, MayRun, s.executor().End(t.Context(), mainContainer, token))
}

// A stream that says nothing, not even that it is open.
func TestAStuckStreamEndsWithTheDeadline(t *testing.T) {
	eachWay(t, func(t *testing.T, s *server, request Request) {
		end := make(chan struct{})
		t.Cleanup(func() { close(end) })
		s.answer = func([]string, io.Reader, io.Writer, io.Writer) error { <-end; return nil }
		request.Command, request.Chain, request.Timeout = sh("exit 0"), true, 300*time.Millisecond
		result := s.executor().Exec(t.Context(), request)
		assert.Equal(t, TimedOut, result.Reason, result)
		assert.Less(t, result.Duration, patience)
	})
}

func TestAFloodOfOutputCostsNoMemory(t *testing.T) {
	eachWay(t, func(t *testing.T, s *server, request Request) {
		request.Command = sh("head -c 200000000 /dev/zero | tr '\\0' x; echo end")
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		result := s.executor().Exec(t.Context(), request)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if request.NoShell && s.noSPDY {
			assert.Equal(t, Unknown, result.Reason, result.Message)
		} else {
			assert.Equal(t, Succeeded, result.Reason, result.Message)
		}
		assert.Len(t, result.Output, outputLimit)
		assert.True(t, strings.HasSuffix(result.Output, "xxend\n"))
		assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(50<<20))
		t.Logf("200 MB in %s", result.Duration)
	})
}

func TestWhatACommandLeavesBehindKeepsNobodyWaiting(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	t.Cleanup(func() { require.NoError(t, os.WriteFile(dir+"/end", nil, 0o600)) })
	result := s.executor().Exec(t.Context(), Request{
		Target: mainContainer, Timeout: forever,
		Command: sh("(until [ -e " + dir + "/end ]; do echo more; sleep .1; done) & echo done"),
	})
	assert.Equal(t, Succeeded, result.Reason, result)
	assert.Contains(t, result.Output, "done")
	assert.Less(t, result.Duration, patience)
}

func TestAChainsScriptKeepsItsOwnTimeAndUndoes(t *testing.T) {
	s := newServer(t)
	log := filepath.Join(t.TempDir(), "log")
	hook := func(name, then string) chain.Hook {
		return chain.Hook{Name: "p/" + name, Command: sh("echo " + name + " >>" + log + "; " + then), Timeout: forever}
	}
	c := chain.Chain{Pre: []chain.Hook{hook("freeze", "sleep 60")}, Post: []chain.Hook{hook("thaw", ":")}, MaxQuiesce: forever}
	result := s.executor().Exec(t.Context(), Request{Target: mainContainer, Command: c.PreCommand(), Timeout: 2 * time.Second, Chain: true})
	assert.Equal(t, TimedOut, result.Reason, result)
	assert.Equal(t, HasEnded, result.Process)
	assert.Contains(t, result.Message, "has undone what it did")
	written, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Equal(t, "freeze\nthaw\n", string(written))
}
