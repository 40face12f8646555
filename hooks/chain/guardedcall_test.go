package chain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// calls runs a call, and returns its output and its report.
func (c *container) calls(t *testing.T, call Call) (output string, r Report) {
	t.Helper()
	call.Token = token
	if call.Timeout == 0 {
		call.Timeout = forever
	}
	e := c.start(user{}, call.Argv())
	e.code()
	return report(t, e.stdout.String())
}

func TestACallArmsAheadOfItsCommandAndDisarmsBehindIt(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		guard, freeze := c.guarding(forever)
		_, r := c.calls(t, Call{Command: freeze, Arm: &guard})
		assert.Equal(t, Report{How: Exited}, r)
		assert.Len(t, c.named("quiesce-watchdog"), 1, "the watchdog outlives the call that has started it")
		_, r = c.calls(t, Call{Command: guard.Thaw[0].Command, Disarm: true})
		assert.Equal(t, Report{How: Exited}, r)
		assert.Equal(t, []string{"freeze", "thaw"}, c.log())
		assert.Empty(t, c.living())
	})
}

func TestACallThatCannotArmRunsNothingAndSaysWhy(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		guard, freeze := c.guarding(forever)
		c.succeed(guard.ArmCommand())
		output, r := c.calls(t, Call{Command: freeze, Arm: &guard})
		assert.Equal(t, Report{How: Unarmed, Code: ExitBusy}, r)
		assert.Contains(t, output, "another backup is quiescing this pod; nothing was run")
		assert.Empty(t, c.log())
		c.succeed(guard.DisarmCommand())
	})
}

// A hook may end with any code, also with those that the guard uses.
func TestTheCodeOfTheCommandIsNotTakenForTheGuards(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		guard, _ := c.guarding(forever)
		for _, code := range []int{ExitBusy, ExitThawedEarly, ExitTookOver, ExitNoWatchdog} {
			_, r := c.calls(t, Call{Command: []string{"sh", "-c", `exit "$0"`, itoa(code)}, Arm: &guard})
			assert.Equal(t, Report{How: Exited, Code: code}, r)
			assert.Len(t, c.named("quiesce-watchdog"), 1, "what has failed may have frozen")
			_, r = c.calls(t, Call{Command: []string{"sh", "-c", `exit "$0"`, itoa(code)}, Disarm: true})
			assert.Equal(t, Report{How: Exited, Code: code}, r)
			assert.Len(t, c.named("quiesce-watchdog"), 1, "what has failed has not thawed")
			_, r = c.calls(t, Call{Command: []string{"true"}, Disarm: true})
			assert.Equal(t, Report{How: Exited}, r)
		}
		assert.Empty(t, c.living())
	})
}

func itoa(code int) string { return string([]byte{byte('0' + code/10), byte('0' + code%10)}) }

// A hook that is ended leaves its watchdog, which thaws.
func TestTheWatchdogOutlivesACallThatIsEnded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *container, Call){
		"by its timeout": func(t *testing.T, c *container, call Call) {
			t.Helper()
			call.Timeout = time.Second
			_, r := c.calls(t, call)
			assert.Equal(t, TimedOut, r.How)
		},
		"by its token": func(t *testing.T, c *container, call Call) {
			t.Helper()
			call.Token, call.Timeout = token, forever
			e := c.start(user{}, call.Argv())
			c.awaitLog("freeze")
			code, stderr := c.run(call.EndArgv())
			require.Zero(t, code, stderr)
			e.code()
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachShell(t, func(t *testing.T, shell string) {
				c := newContainer(t, shell)
				guard, freeze := c.guarding(4 * time.Second)
				hanging := append([]string{"sh", "-c", `"$@"; sleep 1000`, "sh"}, freeze...)
				end(t, c, Call{Command: hanging, Arm: &guard})
				require.True(t, c.frozen())
				c.eventually(func() bool { return !c.frozen() }, "the watchdog has not thawed")
				_, r := c.calls(t, Call{Command: []string{"true"}, Disarm: true})
				assert.Equal(t, Report{How: Exited, Early: true}, r, "that it had thawed by then is told")
			})
		})
	}
}

func TestACallTellsThatItsGuardTookOver(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		guard, freeze := c.guarding(time.Second)
		guard.Thaw = append(guard.Thaw, c.hook(1, "more", `[ -e "$1/go" ]`))
		c.succeed(guard.ArmCommand())
		c.succeed(freeze)
		c.awaitLog("freeze", "thaw", "more", "more")
		guard.MaxQuiesce = forever
		_, r := c.calls(t, Call{Command: freeze, Arm: &guard})
		assert.Equal(t, Report{How: Exited, TookOver: true}, r)
		c.write("go")
		_, r = c.calls(t, Call{Command: []string{"true"}, Disarm: true})
		assert.Equal(t, Report{How: Exited}, r)
		c.awaitNone()
	})
}
