package chain

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// looks runs the command that looks for watchdogs.
func (c *container) looks() (code int, found string) {
	c.t.Helper()
	e := c.start(user{}, LookCommand())
	code = e.code()
	assert.Empty(c.t, e.stderr.String())
	found, named := Found(e.stdout.String())
	assert.Equal(c.t, code == 0, named)
	return code, found
}

// finds is looks where there is something to find.
func (c *container) finds() string {
	c.t.Helper()
	code, found := c.looks()
	require.Zero(c.t, code)
	return found
}

func TestASweepThawsAndEndsTheWatchdog(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		chain.Post = append(chain.Post, c.records(1, "notify"))
		for range 3 {
			c.succeed(chain.PreCommand())
			found := c.finds()
			assert.True(t, c.frozen(), "a look changes nothing")
			code, stderr := c.run(chain.SweepCommand(found))
			assert.Zero(t, code, stderr)
			assert.False(t, c.frozen())
			assert.Empty(t, c.living(), "the next backup is not to meet it")
		}
		assert.Equal(t, []string{"freeze", "thaw", "freeze", "thaw", "freeze", "thaw"}, c.log(), "what thaws nothing is not run")
	})
}

func TestASweepDoesNothingWhereThereIsNoWatchdog(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		code, _ := c.looks()
		assert.Equal(t, ExitNothing, code)

		c.succeed(chain.PreCommand())
		found := c.finds()
		c.succeed(chain.PostCommand())
		code, stderr := c.run(chain.SweepCommand(found))
		assert.Equal(t, ExitNothing, code, stderr)
		assert.Empty(t, stderr)
		assert.Equal(t, []string{"freeze", "thaw"}, c.log())
		assert.Empty(t, c.living())
	})
}

func TestASweepLetsBeWhatAnotherBackupHasStartedSinceTheLook(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		c.succeed(chain.PreCommand())
		found := c.finds()
		c.succeed(chain.PostCommand())
		c.succeed(chain.PreCommand())
		another := c.await("quiesce-watchdog")
		code, _ := c.run(chain.SweepCommand(found))
		assert.Equal(t, ExitNothing, code)
		assert.True(t, c.frozen())
		assert.Equal(t, another.Pid, c.await("quiesce-watchdog").Pid)

		// Nor does its number alone make a process the one that was found.
		number, _, _ := strings.Cut(c.finds(), ".")
		code, _ = c.run(chain.SweepCommand(number + ".1"))
		assert.Equal(t, ExitNothing, code)
		c.succeed(chain.PostCommand())
		c.awaitNone()
	})
}

func TestASessionsWatchdogIsNoSweeps(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		guard, freeze := c.guarding(forever)
		// Whatever is in its hooks.
		guard.Thaw = append(guard.Thaw, Hook{Name: "test/odd", Command: []string{"echo", "\ncase $0 in\nquiesce-pre)\n"}, Timeout: forever})
		c.succeed(guard.ArmCommand())
		c.succeed(freeze)
		armed := c.await("quiesce-watchdog")
		code, _ := c.looks()
		assert.Equal(t, ExitNothing, code)
		code, _ = c.run(chain.SweepCommand(""))
		assert.Equal(t, ExitNothing, code)
		assert.True(t, c.frozen())
		assert.Equal(t, armed.Pid, c.await("quiesce-watchdog").Pid)
		c.succeed(guard.DisarmCommand())

		// And a stamped one is, whatever is in its hooks.
		c.succeed(guard.Thaw[0].Command)
		chain.Post = append(chain.Post, Hook{Name: "test/odd", Command: []string{"echo", "\ncase $0 in\nquiesce-arm)\n"}, Timeout: forever})
		c.succeed(chain.PreCommand())
		c.succeed(chain.SweepCommand(c.finds()))
		c.awaitNone()
	})
}

func TestASweepThatCannotThawHasTheWatchdogGoOn(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := Chain{
			Pre:        []Hook{c.records(0, "pre0"), c.records(1, "pre1")},
			Post:       []Hook{c.hook(1, "post1", `[ -e "$1/go" ] || exit 5`), c.records(0, "post0")},
			MaxQuiesce: forever,
		}
		c.succeed(chain.PreCommand())
		code, stderr := c.run(chain.SweepCommand(c.finds()))
		assert.Equal(t, ExitStillThawing, code)
		assert.Contains(t, stderr, "quiesce: test/post1 failed with code 5\n")
		assert.Contains(t, stderr, "quiesce: the watchdog goes on thawing until it succeeds\n")
		assert.Empty(t, c.named("quiesce-watchdog"))
		assert.Len(t, c.named("quiesce-thawing"), 1)
		c.awaitLog("pre0", "pre1", "post1", "post0", "post1", "post1")

		// It is there to be swept like any other, and not replaced by one that would do the same.
		thawing := c.await("quiesce-thawing")
		code, _ = c.run(chain.SweepCommand(c.finds()))
		assert.Equal(t, ExitStillThawing, code)
		assert.Equal(t, thawing.Pid, c.await("quiesce-thawing").Pid)
		c.write("go")
		c.awaitNone()
	})
}

func TestASweepEndsAWatchdogThatIsStillThawing(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := Chain{
			Pre:        []Hook{c.records(0, "pre")},
			Post:       []Hook{c.hook(0, "post", `[ -e "$1/go" ]`)},
			MaxQuiesce: soon,
		}
		c.succeed(chain.PreCommand())
		c.awaitLog("pre", "post")
		require.Len(t, c.named("quiesce-thawing"), 1)
		found := c.finds()
		c.write("go")
		code, stderr := c.run(chain.SweepCommand(found))
		assert.Contains(t, []int{0, ExitNothing}, code, stderr, "whichever of the two was first")
		c.awaitNone()
	})
}

func TestAWatchdogOfOtherHooksIsLeftToRunThem(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		before := c.freezing(soon)
		c.succeed(before.PreCommand())
		// The policy has changed since.
		now := Chain{Pre: before.Pre, Post: []Hook{c.records(0, "other")}, MaxQuiesce: forever}
		code, stderr := c.run(now.SweepCommand(c.finds()))
		assert.Equal(t, ExitOtherThaw, code)
		assert.Contains(t, stderr, "a watchdog that thaws by other hooks was left to do so at its deadline")
		assert.True(t, c.frozen())
		c.awaitLog("freeze", "other", "thaw")
		c.awaitNone()
		assert.False(t, c.frozen())

		// And if what the policy has now fails, that is no reason to run it again and again.
		c.succeed(before.PreCommand())
		now.Post[0] = c.hook(0, "other", "exit 3")
		code, _ = c.run(now.SweepCommand(c.finds()))
		assert.Equal(t, ExitStillThawing, code)
		c.awaitNone()
		assert.Equal(t, []string{"freeze", "other", "thaw"}, c.log()[3:])
	})
}

func TestAWatchdogOfTheSameHooksIsEndedThoughTheRestHasChanged(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		c.succeed(chain.PreCommand())
		chain.MaxQuiesce, chain.Pre = time.Minute, []Hook{c.records(0, "other")}
		code, stderr := c.run(chain.SweepCommand(c.finds()))
		assert.Zero(t, code, stderr)
		c.awaitNone()
	})
}

func TestASweepHasAPreScriptUndoWhatItDidThatNobodyWaitsForAnyMore(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		chain.Pre = append(chain.Pre, c.hook(0, "wait", "sleep 1000; :"))
		e := c.start(user{}, chain.PreCommand())
		c.awaitLog("freeze", "wait")
		code, stderr := c.run(chain.SweepCommand(c.finds()))
		assert.Equal(t, ExitUndoing, code)
		assert.Contains(t, stderr, "undoing what it did")
		assert.Equal(t, ExitTerminated, e.code())
		assert.False(t, c.frozen())
		assert.Equal(t, []string{"freeze", "wait", "thaw"}, c.log())
		c.awaitNone()
		code, _ = c.looks()
		assert.Equal(t, ExitNothing, code)
	})
}

func TestASweepStaysAwayWhileAPostScriptOrAnotherSweepRuns(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := Chain{
			Pre:        []Hook{c.records(0, "pre")},
			Post:       []Hook{c.hook(0, "post", `until [ -e "$1/go" ]; do sleep .1; done`)},
			MaxQuiesce: forever,
		}
		for _, first := range []func(found string) []string{
			func(string) []string { return chain.PostCommand() }, chain.SweepCommand,
		} {
			require.NoError(t, os.RemoveAll(c.path("go")))
			require.NoError(t, os.RemoveAll(c.path("log")))
			c.succeed(chain.PreCommand())
			found := c.finds()
			e := c.start(user{}, first(found))
			c.awaitLog("pre", "post")
			code, stderr := c.run(chain.SweepCommand(found))
			assert.Equal(t, ExitBusy, code)
			assert.Contains(t, stderr, "another script is thawing this container")
			c.write("go")
			assert.Zero(t, e.code(), e.stderr.String())
			assert.Equal(t, []string{"pre", "post"}, c.log())
			assert.Empty(t, c.living())
		}
	})
}

func TestOfManySweepsAtOnceNoTwoThaw(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever) // of which no thaw succeeds twice
		for range 6 {
			c.succeed(chain.PreCommand())
			for found := c.finds(); c.frozen(); {
				var executions []*execution
				for range 3 {
					executions = append(executions, c.start(user{}, chain.SweepCommand(found)))
				}
				for _, e := range executions {
					require.Contains(t, []int{0, ExitBusy, ExitNothing}, e.code(), e.stderr.String())
				}
				if c.frozen() { // each has seen another
					code, stderr := c.run(chain.SweepCommand(found))
					require.Zero(t, code, stderr)
				}
			}
			require.Empty(t, c.living())
			require.Equal(t, []string{"freeze", "thaw"}, c.log())
			require.NoError(t, os.RemoveAll(c.path("log")))
		}
	})
}

// A post script does not look for sweeps, and nobody is to run one while there are any. If somebody does, by hand, nothing stays
// frozen, and the next backup is not kept from anything.
func TestAPostScriptAtTheTimeOfASweepLeavesNothingFrozen(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		for range 6 {
			c.succeed(chain.PreCommand())
			found := c.finds()
			sweep, post := c.start(user{}, chain.SweepCommand(found)), c.start(user{}, chain.PostCommand())
			assert.Contains(t, []int{0, ExitBusy, ExitNothing, ExitStillThawing}, sweep.code(), sweep.stderr.String())
			post.code()
			require.False(t, c.frozen())
			require.Empty(t, c.named("quiesce-watchdog"))
		}
		c.succeed(chain.PreCommand())
		c.succeed(chain.PostCommand())
		c.awaitNone()
	})
}

func TestASweepNeedsNeitherRootNorAWritableFilesystem(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c, as := newContainer(t, shell, readOnly), user{nobody: true, noCaps: true}
		chain := c.freezing(forever)
		code, stderr := c.runAs(as, chain.PreCommand())
		require.Zero(t, code, stderr)
		e := c.start(as, LookCommand())
		require.Zero(t, e.code(), e.stderr.String())
		found, named := Found(e.stdout.String())
		require.True(t, named)
		code, stderr = c.runAs(as, chain.SweepCommand(found))
		assert.Zero(t, code)
		assert.Empty(t, stderr)
		assert.False(t, c.frozen())
		c.awaitNone()
	})
}

func TestASweepFindsNothingInAContainerThatLacksWhatAWatchdogNeeds(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell, noProc)
		code, _ := c.looks()
		assert.Equal(t, ExitNothing, code)
	})
}

func TestASweepKeepsToItsContainer(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		c.start(user{}, []string{"unshare", "--mount", "/bin/cat"})
		var other user
		c.eventually(func() bool {
			for _, p := range c.processes() {
				if p.Args[0] == "/bin/cat" {
					other.mountsOf = p.Pid
				}
			}
			return other.mountsOf != 0
		}, "no second container")
		chain := c.freezing(forever)
		c.succeed(chain.PreCommand())
		e := c.start(other, LookCommand())
		assert.Equal(t, ExitNothing, e.code())
		assert.True(t, c.frozen())
		c.succeed(chain.SweepCommand(c.finds()))
	})
}

func TestALongWatchdogIsReadInTime(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		filler := strings.Repeat(strings.Repeat("x", 30)+"\n", 3000)
		filler = filler[:MaxScriptBytes-chain.Size()-len(" ''")]
		chain.Post[0].Command = append(chain.Post[0].Command, filler)
		require.Equal(t, MaxScriptBytes, chain.Size())
		c.succeed(chain.PreCommand())
		begun := time.Now()
		code, stderr := c.run(chain.SweepCommand(c.finds()))
		assert.Zero(t, code, stderr)
		assert.Less(t, time.Since(begun), LookTimeout)
		c.awaitNone()
	})
}

func TestASweepIsWithinACallsReach(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		c.succeed(chain.PreCommand())
		e := c.start(user{}, Call{Token: token, Command: LookCommand()}.Argv())
		require.Zero(t, e.code(), e.stdout.String())
		output, r := report(t, e.stdout.String())
		assert.Equal(t, Report{How: Exited}, r)
		found, named := Found(output)
		require.True(t, named, output)
		e = c.start(user{}, Call{Token: token, Command: chain.SweepCommand(found)}.Argv())
		require.Zero(t, e.code(), e.stdout.String())
		c.awaitNone()
	})
}

func TestNoSignalEndsASweep(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := Chain{
			Pre:        []Hook{c.records(0, "pre")},
			Post:       []Hook{c.hook(0, "post", `until [ -e "$1/go" ]; do sleep .1; done`)},
			MaxQuiesce: forever,
		}
		c.succeed(chain.PreCommand())
		e := c.start(user{}, chain.SweepCommand(c.finds()))
		c.awaitLog("pre", "post")
		sweep := c.await("quiesce-sweep")
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE} {
			c.signal(sweep, s)
		}
		c.write("go")
		assert.Zero(t, e.code(), e.stderr.String())
		c.awaitNone()
	})
}

func TestOnlyAWholeLineNamesWhatWasFound(t *testing.T) {
	tests := map[string]struct {
		output, found string
		named         bool
	}{
		"one":            {"quiesce-found: 7.123\n", "7.123", true},
		"several":        {"quiesce-found: 7.123 9.4\n", "7.123 9.4", true},
		"behind others":  {"odd\nquiesce-found: 7.123\nmore\n", "7.123", true},
		"nothing":        {"", "", false},
		"none":           {"quiesce-found: \n", "", false},
		"cut off":        {"quiesce-found: 7.12", "7.12", false},
		"within another": {"a quiesce-found: 7.123\n", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found, named := Found(test.output)
			assert.Equal(t, test.named, named)
			if named {
				assert.Equal(t, test.found, found)
			}
		})
	}
}

func TestSweepScriptsUseNothingThatAShellLacks(t *testing.T) {
	chain := Chain{
		Pre:  []Hook{{Name: "a/pre", Command: []string{"true"}}},
		Post: []Hook{{Name: "a/post", Command: []string{"it's"}}},
	}
	assert.Contains(t, chain.PreCommand()[4], chain.SweepCommand("")[5], "by which a watchdog of the same hooks is known")
	for _, script := range []string{LookCommand()[4], chain.SweepCommand("")[4]} {
		for _, name := range []string{"dash", "bash", "busybox"} {
			cmd := &exec.Cmd{Path: shellPath(t, name), Args: []string{"/bin/sh", "-n"}, Stdin: strings.NewReader(script)}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, name)
			require.Empty(t, string(out), name)
		}
		assert.NotRegexp(t, `<<|\blocal\b|\[\[|\bfunction\b|>/[^d]|>>|\bq_`, script)
		assert.True(t, strings.HasPrefix(script, "\n"), "the first line of /proc/PID/cmdline ends with the name")
	}
}

func TestSweepTimeoutsLeaveTimeForTheThaw(t *testing.T) {
	hook := func(group int, timeout time.Duration) Hook { return Hook{Group: group, Timeout: timeout} }
	chain := Chain{Pre: []Hook{hook(1, time.Minute)}, Post: []Hook{hook(1, 10*time.Second), hook(2, time.Hour)}}
	assert.Equal(t, 10*time.Second+grace+margin+guardMargin, chain.SweepTimeout())
}
