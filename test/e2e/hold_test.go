//go:build e2e

package e2e

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/action"
)

// locking holds a table of a database against all others.
func locking(t *testing.T) (database, action.HoldRequest) {
	t.Helper()
	d, pod := bareDatabase(t)
	d.requireWritable()
	return d, action.HoldRequest{
		Target: targetOf(pod), Command: shell(`echo $$ >/tmp/hold.pid; exec psql -AtqX -v ON_ERROR_STOP=1`),
		Stdin:     "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n",
		StopStdin: "COMMIT; SELECT 'released';\n",
		Ready:     regexp.MustCompile("^held$"), ReadyTimeout: time.Minute, Limit: 5 * time.Minute, Grace: 10 * time.Second,
	}
}

// locked tells whether others have to wait.
func (d database) locked() bool {
	return d.ask("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 't'::regclass") == "1"
}

func requireLost(t *testing.T, h *action.Hold, within time.Duration) action.Result {
	t.Helper()
	begun := time.Now()
	select {
	case lost := <-h.Lost():
		t.Logf("told after %s: %s: %s", time.Since(begun).Round(time.Millisecond), lost.Reason, lost.Message)
		return lost
	case <-time.After(within):
		require.Fail(t, "the loss was not told")
		return action.Result{}
	}
}

func TestALockIsHeldUntilItIsReleased(t *testing.T) {
	d, request := locking(t)
	h, result := newExecutor(t, "").Hold(t.Context(), request)
	require.NotNil(t, h, result)
	t.Logf("held after %s", result.Duration.Round(time.Millisecond))
	assert.True(t, d.locked())
	written := make(chan string, 1)
	go func() { written <- d.ask("INSERT INTO t VALUES (2) RETURNING 'written'") }()
	select {
	case <-written:
		require.Fail(t, "written while it was locked")
	case lost := <-h.Lost():
		require.Fail(t, "lost", lost)
	case <-time.After(3 * time.Second):
	}
	begun := time.Now()
	result = h.Release(t.Context())
	t.Logf("released in %s", time.Since(begun).Round(time.Millisecond))
	assert.Equal(t, action.Succeeded, result.Reason, result)
	assert.Equal(t, action.HasEnded, result.Process)
	assert.Equal(t, "held\nreleased\n", result.Output)
	assert.Equal(t, "written", <-written)
	assert.False(t, d.locked())
	d.requireNeverRestarted()
}

func TestAHoldWhoseProcessDiesIsLost(t *testing.T) {
	d, request := locking(t)
	executor := newExecutor(t, "")
	h, result := executor.Hold(t.Context(), request)
	require.NotNil(t, h, result)
	kill := executor.Exec(t.Context(), action.Request{Target: request.Target, Command: shell("kill -KILL $(cat /tmp/hold.pid)"), Timeout: time.Minute})
	require.Equal(t, action.Succeeded, kill.Reason, kill)
	lost := requireLost(t, h, patience)
	assert.Equal(t, action.ExitCode, lost.Reason)
	assert.Equal(t, "137", lost.CodeText())
	assert.Equal(t, action.HasEnded, lost.Process)
	require.Eventually(t, func() bool { return !d.locked() }, patience, tick)
	assert.Equal(t, lost, h.Release(t.Context()))
	d.requireNeverRestarted()
}

// psql, which waits for its stdin, does not notice that the server has ended its session. The release does.
func TestAHoldWhoseSessionTheServerEndsIsNoSuccess(t *testing.T) {
	d, request := locking(t)
	h, result := newExecutor(t, "").Hold(t.Context(), request)
	require.NotNil(t, h, result)
	d.ask("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 't'::regclass")
	require.Eventually(t, func() bool { return !d.locked() }, patience, tick)
	select {
	case lost := <-h.Lost():
		t.Logf("told: %v", lost)
	case <-time.After(2 * time.Second):
		t.Log("not told until the release")
	}
	result = h.Release(t.Context())
	assert.Equal(t, action.ExitCode, result.Reason, result)
	t.Logf("code %s, %q", result.CodeText(), result.Output)
}

func TestAHoldWhoseContextEndsLetsGo(t *testing.T) {
	d, request := locking(t)
	ctx, cancel := context.WithCancel(t.Context())
	h, result := newExecutor(t, "").Hold(ctx, request)
	require.NotNil(t, h, result)
	assert.True(t, d.locked())
	cancel()
	begun := time.Now()
	assert.Equal(t, action.Cancelled, requireLost(t, h, patience).Reason)
	require.Eventually(t, func() bool { return !d.locked() }, patience, tick, "psql has come to the end of its stdin")
	t.Logf("the lock was gone %s later", time.Since(begun).Round(time.Millisecond))
	result = h.Release(t.Context())
	assert.Equal(t, action.Cancelled, result.Reason)
	assert.Equal(t, action.HasEnded, result.Process, result)
	d.requireNeverRestarted()
}

func TestAHoldThatIgnoresTheEndOfItsStdinIsEnded(t *testing.T) {
	t.Parallel()
	d, request := locking(t)
	request.Command = shell(`PGOPTIONS="-c client_connection_check_interval=1s" psql -AtqX -c "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE" -c "SELECT 'held'" -c "SELECT pg_sleep(1000)"; :`)
	request.Stdin, request.StopStdin, request.Grace = "", "", time.Second
	h, result := newExecutor(t, "").Hold(t.Context(), request)
	require.NotNil(t, h, result)
	begun := time.Now()
	result = h.Release(t.Context())
	t.Logf("ended in %s: %s", time.Since(begun).Round(tick), result.Message)
	assert.Equal(t, action.TimedOut, result.Reason, result)
	assert.Equal(t, action.HasEnded, result.Process)
	require.Eventually(t, func() bool { return !d.locked() }, patience, tick)
	d.requireNeverRestarted()
}

func TestAHoldNeedsAWebSocket(t *testing.T) {
	_, request := locking(t)
	h, result := newExecutor(t, "", webSocket).Hold(t.Context(), request)
	require.Nil(t, h)
	assert.Equal(t, action.NoWebSocket, result.Reason, result)
	assert.Equal(t, action.NeverRan, result.Process)
}
