package action

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// holding is a client of a database: it holds when told to, and stops when told to, or at the end of its stdin.
const holding = `echo $$ >"$0"; while read -r word; do case $word in
lock) echo held ;;
unlock) echo unlocked; exit 0 ;;
die) exit 5 ;;
esac; done; echo eof; exit 6`

func holdOf(t *testing.T, noShell bool) (request HoldRequest, pidFile string) {
	t.Helper()
	pidFile = filepath.Join(t.TempDir(), "pid")
	return HoldRequest{
		Target: mainContainer, Command: []string{"/bin/sh", "-c", holding, pidFile}, Stdin: "lock\n", StopStdin: "unlock\n",
		Ready: regexp.MustCompile("^held$"), ReadyTimeout: patience, Limit: forever, Grace: patience, NoShell: noShell,
	}, pidFile
}

// eachHold runs a test for containers with a shell and without.
func eachHold(t *testing.T, test func(t *testing.T, s *server, request HoldRequest, pidFile string)) {
	t.Helper()
	t.Parallel()
	for name, noShell := range map[string]bool{"with a shell": false, "without a shell": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, pidFile := holdOf(t, noShell)
			test(t, newServer(t), request, pidFile)
		})
	}
}

func held(t *testing.T, s *server, request HoldRequest) *Hold {
	t.Helper()
	h, result := s.executor().Hold(t.Context(), request)
	require.NotNil(t, h, result)
	require.Equal(t, Succeeded, result.Reason)
	require.Equal(t, MayRun, result.Process)
	require.Equal(t, "held\n", result.Output)
	return h
}

func requireLost(t *testing.T, h *Hold) Result {
	t.Helper()
	select {
	case lost := <-h.Lost():
		return lost
	case <-time.After(patience):
		require.Fail(t, "the loss was not told")
		return Result{}
	}
}

func TestAHoldHoldsUntilItIsReleased(t *testing.T) {
	eachHold(t, func(t *testing.T, s *server, request HoldRequest, pidFile string) {
		h := held(t, s, request)
		select {
		case lost := <-h.Lost():
			require.Fail(t, "lost", lost)
		case <-time.After(300 * time.Millisecond):
		}
		assert.True(t, runs(t, pidFile))
		result := h.Release(t.Context())
		assert.Equal(t, Succeeded, result.Reason, result)
		assert.Equal(t, "0", result.CodeText())
		assert.Equal(t, HasEnded, result.Process)
		assert.Equal(t, "held\nunlocked\n", result.Output)
		assert.Equal(t, result, h.Release(t.Context()), "once more is the same")
		_, lost := <-h.Lost()
		assert.False(t, lost)
		assert.False(t, runs(t, pidFile))
		assert.Equal(t, []string{"WebSocket"}, s.protocols())
	})
}

func TestTheEndOfStdinEndsAHold(t *testing.T) {
	eachHold(t, func(t *testing.T, s *server, request HoldRequest, _ string) {
		request.StopStdin = ""
		result := held(t, s, request).Release(t.Context())
		assert.Equal(t, ExitCode, result.Reason, result)
		assert.Equal(t, "6", result.CodeText())
		assert.Equal(t, "held\neof\n", result.Output)
	})
}

func TestAHoldThatDoesNotEndIsEnded(t *testing.T) {
	eachHold(t, func(t *testing.T, s *server, request HoldRequest, pidFile string) {
		request.Command = []string{"/bin/sh", "-c", `echo $$ >"$0"; echo held; exec sleep 60`, pidFile}
		request.Grace = 200 * time.Millisecond
		result := held(t, s, request).Release(t.Context())
		assert.Equal(t, TimedOut, result.Reason, result)
		if request.NoShell {
			assert.Equal(t, MayRun, result.Process)
			endByFile(t, pidFile)
			return
		}
		assert.Equal(t, HasEnded, result.Process)
		assert.False(t, runs(t, pidFile))
	})
}

func TestAHoldThatEndsByItselfIsLost(t *testing.T) {
	t.Parallel()
	for input, code := range map[string]string{"die\n": "5", "unlock\n": "0"} {
		t.Run(strings.TrimSpace(input), func(t *testing.T) {
			eachHold(t, func(t *testing.T, s *server, request HoldRequest, _ string) {
				h := held(t, s, request)
				h.write(input)
				lost := requireLost(t, h)
				assert.Equal(t, ExitCode, lost.Reason, lost)
				assert.Equal(t, code, lost.CodeText())
				assert.Equal(t, HasEnded, lost.Process)
				assert.Contains(t, lost.Message, "before it was released")
				assert.Equal(t, lost, h.Release(t.Context()), "to release it says the same")
			})
		})
	}
}

func TestAHoldWhoseProcessIsKilledIsLost(t *testing.T) {
	eachHold(t, func(t *testing.T, s *server, request HoldRequest, pidFile string) {
		h := held(t, s, request)
		endByFile(t, pidFile)
		lost := requireLost(t, h)
		assert.Equal(t, ExitCode, lost.Reason, lost)
		assert.Equal(t, "137", lost.CodeText())
		h.Release(t.Context())
	})
}

func TestAHoldWhoseConnectionBreaksIsLostAtOnce(t *testing.T) {
	eachHold(t, func(t *testing.T, s *server, request HoldRequest, pidFile string) {
		// One that does not notice.
		request.Command = []string{"/bin/sh", "-c", `echo $$ >"$0"; echo held; exec sleep 60`, pidFile}
		h := held(t, s, request)
		begun := time.Now()
		s.breakConnections()
		lost := requireLost(t, h)
		assert.Less(t, time.Since(begun), 5*time.Second)
		assert.Equal(t, ConnectionLost, lost.Reason, lost)
		assert.Equal(t, MayRun, lost.Process)
		assert.True(t, runs(t, pidFile))
		released := h.Release(t.Context())
		assert.Equal(t, ConnectionLost, released.Reason)
		if request.NoShell {
			assert.Equal(t, MayRun, released.Process)
			endByFile(t, pidFile)
			return
		}
		assert.Equal(t, HasEnded, released.Process, "what was left is ended")
		assert.False(t, runs(t, pidFile))
	})
}

func TestAHoldEndsWithItsContext(t *testing.T) {
	eachHold(t, func(t *testing.T, s *server, request HoldRequest, pidFile string) {
		ctx, cancel := context.WithCancel(t.Context())
		h, result := s.executor().Hold(ctx, request)
		require.NotNil(t, h, result)
		cancel()
		lost := requireLost(t, h)
		assert.Equal(t, Cancelled, lost.Reason, lost)
		assert.Equal(t, MayRun, lost.Process)
		require.Eventually(t, func() bool { return !runs(t, pidFile) }, patience, 10*time.Millisecond, "the command came to the end of its stdin")
		assert.Equal(t, Cancelled, h.Release(t.Context()).Reason)
	})
}

func TestAHoldIsNotLongerThanItsLimit(t *testing.T) {
	request, pidFile := holdOf(t, false)
	request.Limit = time.Second
	h := held(t, newServer(t), request)
	lost := requireLost(t, h)
	assert.Equal(t, TimedOut, lost.Reason, lost)
	assert.Contains(t, lost.Message, "longer than its limit of 1s")
	assert.Equal(t, HasEnded, lost.Process)
	assert.False(t, runs(t, pidFile))
	h.Release(t.Context())
}

func TestAHoldThatIsNotReadyIsNone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change  func(*HoldRequest)
		reason  Reason
		message string
	}{
		"in time":        {func(r *HoldRequest) { r.Stdin, r.ReadyTimeout = "", 500*time.Millisecond }, TimedOut, "nothing that the command wrote within 500ms matches readyPattern ^held$"},
		"but ends":       {func(r *HoldRequest) { r.Stdin = "die\n" }, ExitCode, "code 5 before it was released"},
		"and ends well":  {func(r *HoldRequest) { r.Stdin = "unlock\n" }, ExitCode, "code 0, before it was released"},
		"as it is not":   {func(r *HoldRequest) { r.Command = []string{"/no/such/program"} }, "", ""},
		"in another pod": {func(r *HoldRequest) { r.UID = "0" }, PodGone, "replaced"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			eachHold(t, func(t *testing.T, s *server, request HoldRequest, pidFile string) {
				test.change(&request)
				h, result := s.executor().Hold(t.Context(), request)
				require.Nil(t, h)
				assert.Contains(t, result.Message, test.message)
				switch {
				case test.reason == "" && request.NoShell:
					assert.Equal(t, NotStarted, result.Reason, result)
				case test.reason == "":
					assert.Equal(t, "127", result.CodeText(), result)
				default:
					assert.Equal(t, test.reason, result.Reason, result)
				}
				if test.reason == TimedOut {
					assert.Equal(t, HasEnded, result.Process)
					assert.False(t, runs(t, pidFile))
				}
			})
		})
	}
}

func TestAHoldNeedsAWebSocket(t *testing.T) {
	eachHold(t, func(t *testing.T, s *server, request HoldRequest, pidFile string) {
		s.noWebSocket = true
		h, result := s.executor().Hold(t.Context(), request)
		require.Nil(t, h)
		assert.Equal(t, NoWebSocket, result.Reason, result)
		assert.Equal(t, NeverRan, result.Process)
		assert.Contains(t, result.Message, "a hold needs a WebSocket")
		assert.NoFileExists(t, pidFile)
	})
}

func TestAHoldThatDoesNotReadKeepsNobodyWaiting(t *testing.T) {
	s := newServer(t)
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	s.answer = func(_ []string, _ io.Reader, stdout, _ io.Writer) error {
		_, _ = stdout.Write([]byte("held\n"))
		<-end
		return nil
	}
	request, pidFile := holdOf(t, true)
	require.NoError(t, os.WriteFile(pidFile, nil, 0o600))
	request.StopStdin, request.Grace = strings.Repeat("x", 64<<20), 100*time.Millisecond
	result := held(t, s, request).Release(t.Context())
	assert.Equal(t, TimedOut, result.Reason, result)
	assert.Less(t, result.Duration, patience)
}
