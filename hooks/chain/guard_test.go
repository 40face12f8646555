package chain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// guarding is the guard of a session that runs the hooks of freezing one by one.
func (c *container) guarding(maxQuiesce time.Duration) (g Guard, freeze []string) {
	chain := c.freezing(maxQuiesce)
	return Guard{Thaw: chain.Post, MaxQuiesce: maxQuiesce}, chain.Pre[0].Command
}

func TestAGuardIsThereFromArmingToDisarming(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		guard, freeze := c.guarding(forever)
		for range 3 {
			c.succeed(guard.ArmCommand())
			assert.Len(t, c.named("quiesce-watchdog"), 1)
			c.succeed(freeze)
			c.succeed(guard.Thaw[0].Command)
			c.succeed(guard.DisarmCommand())
			assert.Empty(t, c.living())
		}
		assert.Equal(t, []string{"freeze", "thaw", "freeze", "thaw", "freeze", "thaw"}, c.log(), "nothing is run but by the session")
	})
}

func TestAGuardThawsWhenTheSessionIsNotHeardOfAnyMore(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		guard, freeze := c.guarding(soon)
		guard.Thaw = append(guard.Thaw, c.hook(1, "more", `[ -e "$1/go" ]`))
		c.succeed(guard.ArmCommand())
		c.succeed(freeze)
		c.awaitLog("freeze", "thaw", "more", "more")
		assert.False(t, c.frozen())
		c.write("go")
		c.awaitNone()
		assert.NotContains(t, c.log()[2:], "thaw", "what has succeeded is done")

		code, stderr := c.run(guard.DisarmCommand())
		assert.Equal(t, ExitThawedEarly, code)
		assert.Contains(t, stderr, "the backup is not consistent")
	})
}

func TestAGuardAndAStampedBackupKeepClearOfEachOther(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		stamped := c.freezing(forever)
		guard, _ := c.guarding(forever)
		c.succeed(stamped.PreCommand())
		code, stderr := c.run(guard.ArmCommand())
		assert.Equal(t, ExitBusy, code)
		assert.Contains(t, stderr, "another backup is quiescing this pod; nothing was run")
		c.succeed(stamped.PostCommand())

		c.succeed(guard.ArmCommand())
		armed := c.await("quiesce-watchdog")
		for _, command := range [][]string{stamped.PreCommand(), guard.ArmCommand()} {
			code, _ = c.run(command)
			assert.Equal(t, ExitBusy, code)
		}
		assert.Equal(t, armed.Pid, c.await("quiesce-watchdog").Pid)
		c.succeed(guard.DisarmCommand())
		assert.Equal(t, []string{"freeze", "thaw"}, c.log())
		assert.Empty(t, c.living())
	})
}

func TestNeverAreTwoGuardsArmedAtOnce(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		guard, _ := c.guarding(forever)
		stamped := c.freezing(forever)
		begin, end := [][]string{guard.ArmCommand(), stamped.PreCommand(), guard.ArmCommand()}, [][]string{guard.DisarmCommand(), stamped.PostCommand(), guard.DisarmCommand()}
		for range 5 {
			var (
				executions []*execution
				winners    [][]string
			)
			for _, command := range begin {
				executions = append(executions, c.start(user{}, command))
			}
			for i, e := range executions {
				if code := e.code(); code == 0 {
					winners = append(winners, end[i])
				} else {
					assert.Equal(t, ExitBusy, code, e.stderr.String())
				}
			}
			require.LessOrEqual(t, len(winners), 1)
			require.Len(t, c.named("quiesce-watchdog"), len(winners))
			for _, command := range winners {
				c.succeed(command)
			}
			require.Empty(t, c.living())
		}
	})
}

func TestAGuardTakesOverFromAWatchdogThatCannotThaw(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		first, freeze := c.guarding(soon)
		first.Thaw = []Hook{c.hook(0, "stuck", "exit 1")}
		c.succeed(first.ArmCommand())
		c.succeed(freeze)
		c.await("quiesce-thawing")

		second, _ := c.guarding(forever)
		code, stderr := c.run(second.ArmCommand())
		assert.Equal(t, ExitTookOver, code)
		assert.Contains(t, stderr, "took over from a watchdog that could not thaw all")
		assert.Empty(t, c.named("quiesce-thawing"))
		assert.Len(t, c.named("quiesce-watchdog"), 1)
		c.succeed(second.Thaw[0].Command)
		c.succeed(second.DisarmCommand())
		assert.Empty(t, c.living())
	})
}

func TestAGuardNeedsNeitherRootNorAWritableFilesystem(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c, as := newContainer(t, shell, readOnly), user{nobody: true, noCaps: true}
		guard, _ := c.guarding(forever)
		for _, command := range [][]string{guard.ArmCommand(), guard.DisarmCommand()} {
			code, stderr := c.runAs(as, command)
			assert.Zero(t, code)
			assert.Empty(t, stderr)
		}
		c.awaitNone()
	})
}

func TestNothingIsArmedWhereNoWatchdogCanBe(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell, noProc)
		guard, _ := c.guarding(forever)
		code, stderr := c.run(guard.ArmCommand())
		assert.Equal(t, ExitNoWatchdog, code)
		assert.Contains(t, stderr, "/proc")
		assert.Empty(t, c.log())
	})
}

func TestAGuardIsWithinACallsReach(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		guard, _ := c.guarding(forever)
		for _, argv := range [][]string{guard.ArmCommand(), guard.DisarmCommand()} {
			e := c.start(user{}, Call{Token: token, Command: argv}.Argv())
			require.Zero(t, e.code(), e.stdout.String())
			_, r := report(t, e.stdout.String())
			assert.Equal(t, Report{How: Exited}, r)
		}
		c.awaitNone()
	})
	assert.Less(t, Guard{}.Size(), MaxScriptBytes)
}
