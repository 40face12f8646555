package chain

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// freezing is a chain of one policy whose hooks behave like fsfreeze: what is frozen cannot be frozen, nor what is thawed be
// thawed.
func (c *container) freezing(maxQuiesce time.Duration) Chain {
	return Chain{
		Pre:        []Hook{c.hook(0, "freeze", `mkdir "$1/frozen"`)},
		Post:       []Hook{c.hook(0, "thaw", `rmdir "$1/frozen"`)},
		MaxQuiesce: maxQuiesce,
	}
}

func (c *container) frozen() bool {
	_, err := os.Stat(c.path("frozen"))
	return err == nil
}

func TestThePostScriptThawsAndEndsTheWatchdog(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		for range 3 {
			c.succeed(chain.PreCommand())
			assert.True(t, c.frozen())
			assert.Len(t, c.named("quiesce-watchdog"), 1)
			c.succeed(chain.PostCommand())
			assert.False(t, c.frozen())
			assert.Empty(t, c.named("quiesce-watchdog"), "the next backup is not to meet it")
		}
		c.awaitNone()
	})
}

func TestScriptsNeedNeitherRootNorAWritableFilesystem(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell, readOnly)
		chain, as := c.freezing(soon), user{nobody: true, noCaps: true}
		code, stderr := c.runAs(as, chain.PreCommand())
		require.Zero(t, code, stderr)
		code, stderr = c.runAs(as, chain.PreCommand())
		assert.Equal(t, ExitBusy, code, stderr)
		c.awaitNone()
		assert.False(t, c.frozen(), "the watchdog has thawed")
		code, stderr = c.runAs(as, chain.PreCommand())
		require.Zero(t, code, stderr)
		code, stderr = c.runAs(as, chain.PostCommand())
		assert.Zero(t, code, stderr)
		c.awaitNone()
		assert.Equal(t, []string{"freeze", "thaw", "freeze", "thaw"}, c.log())
		assert.Empty(t, stderr, "nor is anything tried that fails there")
	})
}

func TestTheWatchdogThawsWhenNobodyElseDoes(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(soon)
		c.succeed(chain.PreCommand())
		assert.Equal(t, []string{"freeze"}, c.log())
		c.awaitLog("freeze", "thaw")
		c.awaitNone()
		assert.False(t, c.frozen())

		code, stderr := c.run(chain.PostCommand())
		assert.Equal(t, ExitThawedEarly, code)
		assert.Contains(t, stderr, "the backup is not consistent")
		assert.Equal(t, []string{"freeze", "thaw", "thaw"}, c.log(), "a late post script thaws all the same")
		assert.Empty(t, c.living(), "and leaves nothing behind")
	})
}

func TestTheWatchdogThawsWhateverEndsThePreScript(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(soon)
		chain.Pre = append(chain.Pre, c.hook(0, "wait", `until [ -e "$1/go" ]; do sleep .1; done`))
		e := c.start(user{}, chain.PreCommand())
		c.awaitLog("freeze", "wait")
		c.signal(c.await("quiesce-pre"), syscall.SIGKILL)
		c.awaitLog("freeze", "wait", "thaw")
		c.write("go")
		assert.NotZero(t, e.code())
		c.awaitNone()
		assert.False(t, c.frozen())
	})
}

func TestTheWatchdogThawsEveryPolicyAndRetriesWhatFailed(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		c.succeed(Chain{
			Pre: []Hook{c.records(0, "pre0"), c.records(1, "pre1"), c.records(2, "pre2")},
			Post: []Hook{
				c.records(2, "post2"),
				c.hook(1, "post1", `[ -e "$1/go" ]`),
				c.records(3, "post3"), // has no pre hook
				within(time.Second, c.hook(0, "post0", `[ -e "$1/go" ] || sleep 1000`)),
			},
			MaxQuiesce: soon,
		}.PreCommand())
		c.awaitLog("pre0", "pre1", "pre2", "post2", "post1", "post0", "post1", "post0")
		c.write("go")
		c.awaitNone()
		log := c.log()[6:]
		assert.Equal(t, []string{"post1", "post0"}, log[len(log)-2:])
		assert.NotContains(t, log, "post2", "a hook that has succeeded is done")
	})
}

func TestAFailedPreScriptUndoesWhatItAttempted(t *testing.T) {
	tests := map[string]struct {
		pre    func(c *container) Hook // the second of three
		signal syscall.Signal          // to be sent when it runs
		code   int
		stderr string
	}{
		"when a hook fails": {
			pre:  func(c *container) Hook { return c.hook(1, "pre1", "exit 9") },
			code: 9, stderr: "quiesce: test/pre1 failed with code 9\n",
		},
		"when a hook does not exist": {
			pre: func(*container) Hook {
				return Hook{Name: "test/pre1", Group: 1, Command: []string{"no-such-program"}, Timeout: forever}
			},
			code: 127, stderr: "quiesce: test/pre1 failed with code 127\n",
		},
		"when a hook takes too long": {
			pre:  func(c *container) Hook { return within(time.Second, c.hook(1, "pre1", "sleep 1000; :")) },
			code: ExitTimedOut, stderr: "quiesce: test/pre1 did not end within its timeout of 1s\n",
		},
		"when a hook ignores TERM": {
			pre: func(c *container) Hook {
				return within(time.Second, c.hook(1, "pre1", "trap '' TERM; sleep 1000; sleep 1000"))
			},
			code: ExitTimedOut, stderr: "quiesce: test/pre1 did not end within its timeout of 1s\n",
		},
		"on TERM": {
			pre:    func(c *container) Hook { return c.hook(1, "pre1", "sleep 1000; :") },
			signal: syscall.SIGTERM, code: ExitTerminated, stderr: "quiesce: test/pre1 was ended by a signal to the script\n",
		},
		"on INT": {
			pre:    func(c *container) Hook { return c.hook(1, "pre1", "sleep 1000; :") },
			signal: syscall.SIGINT, code: ExitTerminated,
		},
		"on HUP, though the hook ignores TERM and may fail": {
			pre:    func(c *container) Hook { return soft(c.hook(1, "pre1", "trap '' TERM; sleep 1000; sleep 1000")) },
			signal: syscall.SIGHUP, code: ExitTerminated,
		},
	}
	eachShell(t, func(t *testing.T, shell string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newContainer(t, shell)
				attempt := test.pre(c)
				e := c.start(user{}, Chain{
					Pre: []Hook{c.records(0, "pre0"), attempt, c.records(2, "pre2")},
					Post: []Hook{
						c.records(2, "post2"), c.records(1, "post1"), c.records(3, "post3"), c.records(0, "post0"),
					},
					MaxQuiesce: forever,
				}.PreCommand())
				if test.signal != 0 {
					c.awaitLog("pre0", "pre1")
					c.signal(c.await("quiesce-pre"), test.signal)
				}
				assert.Equal(t, test.code, e.code(), e.stderr.String())
				assert.Contains(t, e.stderr.String(), test.stderr)
				log := slices.DeleteFunc(c.log(), func(word string) bool { return word == "pre1" })
				assert.Equal(t, []string{"pre0", "post1", "post0"}, log)
				assert.Empty(t, c.living(), "nothing is left to thaw, and no watchdog")
			})
		}
	})
}

func TestAGuardedPreScriptSucceedsThoughAHookFailsThatMay(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		chain.Pre = []Hook{soft(c.hook(1, "may", "exit 3")), soft(chain.Pre[0]), soft(c.hook(0, "may", "exit 4"))}
		code, stderr := c.run(chain.PreCommand())
		assert.Zero(t, code, "or Velero would not run the post hook")
		assert.Contains(t, stderr, "quiesce: test/may failed with code 3\n")
		assert.Contains(t, stderr, "quiesce: test/may failed with code 4\n")
		assert.True(t, c.frozen())
		c.succeed(chain.PostCommand())
		c.awaitNone()
	})
}

func TestWhatAnUndoCouldNotThawIsRetried(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		code, stderr := c.run(Chain{
			Pre:        []Hook{c.records(0, "pre0"), c.hook(1, "pre1", "exit 9")},
			Post:       []Hook{c.records(1, "post1"), c.hook(0, "post0", `[ -e "$1/go" ]`)},
			MaxQuiesce: forever,
		}.PreCommand())
		assert.Equal(t, 9, code)
		assert.Contains(t, stderr, "quiesce: the watchdog goes on thawing until it succeeds\n")
		assert.Empty(t, c.named("quiesce-watchdog"))
		assert.Len(t, c.named("quiesce-thawing"), 1)
		c.awaitLog("pre0", "pre1", "post1", "post0", "post0", "post0")
		c.write("go")
		c.awaitNone()
		assert.NotContains(t, c.log()[3:], "post1", "a hook that has succeeded is done")
	})
}

func TestWhatAPostScriptCouldNotThawIsRetried(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := Chain{
			Pre: []Hook{c.records(0, "pre0"), c.records(1, "pre1")},
			Post: []Hook{
				c.hook(1, "post1", `[ -e "$1/go" ] || exit 5`), c.hook(2, "post2", "exit 7"), c.records(0, "post0"),
			},
			MaxQuiesce: forever,
		}
		c.succeed(chain.PreCommand())
		code, stderr := c.run(chain.PostCommand())
		assert.Equal(t, 7, code, "the worst")
		assert.Contains(t, stderr, "quiesce: the watchdog goes on thawing until it succeeds\n")
		c.awaitLog("pre0", "pre1", "post1", "post2", "post0", "post1", "post1")
		c.write("go")
		c.awaitNone()
		assert.NotContains(t, c.log()[5:], "post2", "which has nothing to thaw")
	})
}

func TestAPostHookThatThawsNothingDoesNotKeepTheWatchdog(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		chain.Post = append(chain.Post, c.hook(1, "more", "exit 3"))
		c.succeed(chain.PreCommand())
		code, _ := c.run(chain.PostCommand())
		assert.Equal(t, 3, code)
		assert.Empty(t, c.living())
	})
}

func TestASecondBackupIsRefused(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		c.succeed(chain.PreCommand())
		first := c.await("quiesce-watchdog")

		code, stderr := c.run(chain.PreCommand())
		assert.Equal(t, ExitBusy, code)
		assert.Contains(t, stderr, "quiesce: another backup is quiescing this pod; nothing was run\n")
		assert.Equal(t, []string{"freeze"}, c.log())
		assert.Equal(t, first.Pid, c.await("quiesce-watchdog").Pid)

		c.succeed(chain.PostCommand())
		assert.Equal(t, []string{"freeze", "thaw"}, c.log())
		c.awaitNone()
	})
}

func TestASecondBackupIsRefusedWhileTheFirstBegins(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		chain.Pre = append(chain.Pre, c.hook(0, "wait", `until [ -e "$1/go" ]; do sleep .1; done`))
		first := c.start(user{}, chain.PreCommand())
		c.awaitLog("freeze", "wait")
		code, _ := c.run(chain.PreCommand())
		assert.Equal(t, ExitBusy, code)

		// The post script of the second, should it come, does not take the first one's watchdog for its own.
		code, _ = c.run(chain.PostCommand())
		assert.Equal(t, ExitThawedEarly, code)
		assert.Len(t, c.named("quiesce-watchdog"), 1)
		c.write("go")
		assert.Zero(t, first.code())
		_, _ = c.run(chain.PostCommand())
	})
}

func TestNeverDoTwoBackupsQuiesceAtOnce(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		for round := range 8 {
			executions := make([]*execution, 2+round%2)
			for i := range executions {
				executions[i] = c.start(user{}, chain.PreCommand())
			}
			quiesced := 0
			for _, e := range executions {
				switch e.code() {
				case 0:
					quiesced++
				case ExitBusy:
				default:
					require.Fail(t, "neither done nor refused", e.stderr.String())
				}
			}
			require.LessOrEqual(t, quiesced, 1)
			require.Len(t, c.log(), quiesced)
			require.Len(t, c.named("quiesce-watchdog"), quiesced)
			if quiesced == 1 {
				c.succeed(chain.PostCommand())
			}
			c.awaitNone()
			require.NoError(t, os.RemoveAll(c.path("log")))
		}
	})
}

func TestABackupTakesOverFromAWatchdogThatCannotSucceed(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(soon)
		c.succeed(chain.PreCommand())
		require.NoError(t, os.Remove(c.path("frozen"))) // as an administrator would, by hand
		overdue := c.await("quiesce-thawing")

		chain.MaxQuiesce = forever
		c.succeed(chain.PreCommand())
		assert.True(t, c.frozen())
		assert.Empty(t, c.named("quiesce-thawing"))
		assert.NotEqual(t, overdue.Pid, c.await("quiesce-watchdog").Pid)
		c.succeed(chain.PostCommand())
		c.awaitNone()
	})
}

func TestABackupTakesOverFromAWatchdogWhoseHookHangs(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := Chain{
			Pre:        []Hook{c.records(0, "pre")},
			Post:       []Hook{c.hook(0, "post", `[ -e "$1/go" ] || sleep 1000; :`)},
			MaxQuiesce: soon,
		}
		c.succeed(chain.PreCommand())
		c.awaitLog("pre", "post")
		chain.MaxQuiesce = forever
		c.succeed(chain.PreCommand())
		assert.Empty(t, c.named("quiesce-thawing"))
		c.write("go")
		c.succeed(chain.PostCommand())
		c.awaitNone()
	})
}

func TestWhatAnOverdueWatchdogCouldNotThawIsThawedByTheUndo(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := Chain{
			Pre:        []Hook{c.hook(0, "pre0", `[ ! -e "$1/second" ] || { >"$1/go"; exit 9; }`), c.records(1, "pre1")},
			Post:       []Hook{c.hook(1, "post1", `[ -e "$1/go" ]`), c.records(0, "post0")},
			MaxQuiesce: soon,
		}
		c.succeed(chain.PreCommand())
		c.awaitLog("pre0", "pre1", "post1", "post0", "post1")
		c.write("second")
		chain.MaxQuiesce = forever
		code, stderr := c.run(chain.PreCommand())
		assert.Equal(t, 9, code, stderr)
		log := c.log()
		assert.Equal(t, []string{"pre0", "post1", "post0"}, log[len(log)-3:], "though pre1 was not attempted again")
		c.awaitNone()
	})
}

func TestABackupIsRefusedWhenAnOverdueWatchdogCannotBeEnded(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(soon)
		c.succeed(chain.PreCommand())
		require.NoError(t, os.Remove(c.path("frozen")))
		overdue := c.await("quiesce-thawing")
		c.awaitLog("freeze", "thaw")
		c.signal(overdue, syscall.SIGSTOP)
		chain.MaxQuiesce = forever
		code, _ := c.run(chain.PreCommand())
		assert.Equal(t, ExitBusy, code)
		assert.False(t, c.frozen())
		assert.Empty(t, c.named("quiesce-watchdog"))
		c.signal(overdue, syscall.SIGCONT)
		c.awaitNone()
	})
}

func TestALatePostScriptEndsAWatchdogThatIsStillThawing(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := Chain{
			Pre:        []Hook{c.records(0, "pre")},
			Post:       []Hook{c.hook(0, "post", `[ -e "$1/go" ]`)},
			MaxQuiesce: soon,
		}
		c.succeed(chain.PreCommand())
		c.awaitLog("pre", "post")
		code, _ := c.run(chain.PostCommand())
		assert.Equal(t, ExitThawedEarly, code)
		assert.Len(t, c.named("quiesce-thawing"), 1, "for as long as nothing has thawed")
		c.write("go")
		code, _ = c.run(chain.PostCommand())
		assert.Equal(t, ExitThawedEarly, code)
		assert.Empty(t, c.living())
	})
}

func TestAPreScriptThatRunsAtTheDeadlineIsEndedAndThawed(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		// The freeze completes late, when it is ended.
		chain := c.freezing(time.Second)
		chain.Pre = []Hook{c.hook(0, "freeze", `trap : TERM; sleep 1000; mkdir "$1/frozen"`)}
		// The script and its watchdog both thaw then: whichever comes second must find it as good as thawed.
		chain.Post = []Hook{c.hook(0, "thaw", `rm -rf "$1/frozen"`)}
		e := c.start(user{}, chain.PreCommand())
		assert.Equal(t, ExitTerminated, e.code())
		assert.Contains(t, e.stderr.String(), "quiesce: test/freeze was ended by a signal to the script\n")
		c.awaitNone()
		assert.False(t, c.frozen())
		assert.Equal(t, []string{"freeze", "thaw", "thaw"}, c.log()[:3], "at the deadline, and when the hook was ended")
	})
}

func TestAWatchdogThawsAgainWhenAPreScriptThatCannotEndHasGone(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		e := c.start(user{}, Chain{
			Pre:        []Hook{c.hook(0, "pre", "sleep 1000; :")},
			Post:       []Hook{c.records(0, "post")},
			MaxQuiesce: soon,
		}.PreCommand())
		c.awaitLog("pre")
		pre := c.await("quiesce-pre")
		c.signal(pre, syscall.SIGSTOP)
		c.awaitLog("pre", "post", "post")
		assert.Len(t, c.named("quiesce-thawing"), 1)
		require.NoError(t, e.cmd.Process.Signal(syscall.SIGCONT)) // nsenter stops and goes on with its child
		assert.Equal(t, ExitTerminated, e.code())
		c.awaitNone()
	})
}

func TestAHookThatCannotBeKilledDoesNotBlock(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		// What belongs to root cannot be killed by others, as what is in the kernel cannot be killed by anyone.
		setpriv, err := exec.LookPath("setpriv")
		require.NoError(t, err)
		require.NoError(t, exec.Command("cp", setpriv, c.path("setpriv")).Run())
		require.NoError(t, os.Chmod(c.path("setpriv"), 0o755|os.ModeSetuid))
		require.NoError(t, syscall.Mkfifo(c.path("fifo"), 0o600))
		// It lets go of its output, for which an exec waits.
		stuck := within(time.Second, Hook{Name: "test/stuck", Command: []string{
			"/bin/sh", "-c", `exec "$@" >/dev/null 2>&1`, "sh",
			c.path("setpriv"), "--reuid=0", "--clear-groups", "/bin/cat", c.path("fifo"),
		}})
		chain := Chain{
			Pre: []Hook{stuck}, Post: []Hook{c.records(0, "post")}, MaxQuiesce: forever,
		}
		code, stderr := c.runAs(user{nobody: true}, chain.PreCommand())
		require.Equal(t, ExitTimedOut, code, stderr)
		assert.Equal(t, []string{"post"}, c.log()[:1])
		assert.Len(t, c.named("quiesce-thawing"), 1)

		thawed := len(c.log())
		fifo, err := os.OpenFile(c.path("fifo"), os.O_WRONLY, 0) // the hook was waiting for this, and ends
		require.NoError(t, err)
		require.NoError(t, fifo.Close())
		c.awaitNone()
		assert.Greater(t, len(c.log()), thawed, "a freeze may complete late: thawed again when it has gone")
	})
}

func TestNoSignalThatCanBeCaughtKillsAWatchdog(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(soon)
		chain.Post = []Hook{c.hook(0, "thaw", `[ -e "$1/go" ] && rmdir "$1/frozen"`)}
		c.succeed(chain.PreCommand())
		harmless := []syscall.Signal{
			syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGALRM,
			syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCHLD, syscall.SIGWINCH, syscall.SIGCONT,
		}
		watchdog := c.await("quiesce-watchdog")
		for _, name := range []string{"quiesce-watchdog", "quiesce-thawing"} {
			require.Equal(t, watchdog.Pid, c.await(name).Pid)
			if name == "quiesce-thawing" {
				c.awaitLog("freeze", "thaw") // its traps are set
			}
			for range 5 {
				for _, s := range harmless {
					c.signal(watchdog, s)
				}
			}
		}
		assert.Equal(t, watchdog.Pid, c.await("quiesce-thawing").Pid)
		c.write("go")
		c.awaitNone()
		assert.False(t, c.frozen())
	})
}

func TestTermEndsAWatchdogAtOnce(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		c.succeed(c.freezing(forever).PreCommand())
		c.signal(c.await("quiesce-watchdog"), syscall.SIGTERM)
		c.awaitNone() // and PID 1 has seen no signal and no sleep
		assert.Equal(t, []string{"freeze"}, c.log())
	})
}

func TestAWatchdogThatCannotForkGoesOn(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(soon)
		code, stderr := c.runAs(user{nobody: true}, chain.PreCommand())
		require.Zero(t, code, stderr)
		watchdog := c.await("quiesce-watchdog")
		limit := func(args ...string) string {
			cmd := exec.Command("prlimit", append(args, "--pid", strconv.Itoa(watchdog.Pid))...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			return strings.TrimSpace(string(out))
		}
		before := limit("--nproc", "--output", "SOFT", "--raw", "--noheadings")
		limit("--nproc=1:")        // with 0, which it takes for the number of children to remember, bash crashes
		c.await("quiesce-thawing") // though no sleep and no hook can be started
		assert.Equal(t, []string{"freeze"}, c.log())
		limit("--nproc=" + before + ":")
		c.awaitNone()
		assert.False(t, c.frozen())
	})
}

func TestAPodIsNotQuiescedWithoutAWatchdog(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		command := append([]string{"prlimit", "--nproc=1", "--"}, c.freezing(forever).PreCommand()...)
		code, stderr := c.runAs(user{nobody: true}, command)
		if strings.Contains(shell, "bash") {
			assert.NotZero(t, code, "it gives up in its own way, after seconds")
		} else {
			assert.Equal(t, ExitNoWatchdog, code)
		}
		assert.Contains(t, stderr, "shell: None")
		assert.Empty(t, c.log())
		c.awaitNone()
	})
}

func TestAPid1ThatReapsNothingCollectsNothing(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell, lazy)
		chain := c.freezing(soon)
		chain.Post = []Hook{c.hook(0, "thaw", `[ -e "$1/go" ] && rmdir "$1/frozen"`)}
		c.succeed(chain.PreCommand())
		c.awaitLog("freeze", "thaw", "thaw") // naps of both kinds
		require.Eventually(t, func() bool { return c.zombies() <= 1 }, patience, tick, "but those that their parent is about to reap")
		c.write("go")
		c.awaitNone()
		assert.Equal(t, 1, c.zombies(), "the watchdog itself")

		for range 3 {
			code, _ := c.run(Chain{
				Pre:        []Hook{within(time.Second, c.hook(0, "pre", "sleep 1000; :"))},
				Post:       []Hook{c.records(0, "post")},
				MaxQuiesce: forever,
			}.PreCommand())
			require.Equal(t, ExitTimedOut, code)
			c.awaitNone()
			assert.Equal(t, 1, c.zombies(), "no more of them: the script has reaped its watchdog")
		}
	})
}

func TestContainersThatShareTheirProcessesDoNotShareWatchdogs(t *testing.T) {
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
		chain := Chain{Pre: []Hook{c.records(0, "pre")}, Post: []Hook{c.records(0, "post")}, MaxQuiesce: forever}

		code, stderr := c.run(chain.PreCommand())
		require.Zero(t, code, stderr)
		own := c.await("quiesce-watchdog")
		code, _ = c.runAs(other, chain.PostCommand())
		assert.Equal(t, ExitThawedEarly, code, "there is none in this container")
		code, stderr = c.runAs(other, chain.PreCommand())
		require.Zero(t, code, stderr)
		require.Len(t, c.named("quiesce-watchdog"), 2)
		code, _ = c.runAs(other, chain.PreCommand())
		assert.Equal(t, ExitBusy, code)
		code, stderr = c.runAs(other, chain.PostCommand())
		assert.Zero(t, code, stderr)
		assert.Equal(t, own.Pid, c.await("quiesce-watchdog").Pid)
		code, stderr = c.run(chain.PostCommand())
		assert.Zero(t, code, stderr)
	})
}

func TestTheWatchdogRunsTheVerySameCommands(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		arguments := []string{"", "-e", "it's", "$0 `x` \\ \"", "two\nlines\n", "\x01\x7f\x81\x88\xff", "*"}
		post := Hook{Name: "test/post", Group: 0, Timeout: forever, Command: append([]string{
			"/bin/sh", "-c", `for a; do printf '%s\0' "$a"; done >"$0"`, c.path("arguments"),
		}, arguments...)}
		c.succeed(Chain{Pre: []Hook{c.records(0, "pre")}, Post: []Hook{post}, MaxQuiesce: soon}.PreCommand())
		c.awaitNone()
		written, err := os.ReadFile(c.path("arguments"))
		require.NoError(t, err)
		assert.Equal(t, strings.Join(arguments, "\x00")+"\x00", string(written))
	})
}

func TestAnExecEndsWhileTheWatchdogLives(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		e := c.start(user{}, c.freezing(forever).PreCommand())
		assert.Zero(t, e.code(), "it waits for both pipes to be closed")
		watchdog := c.await("quiesce-watchdog")
		for _, fd := range []string{"0", "1", "2"} {
			target, err := os.Readlink("/proc/" + strconv.Itoa(watchdog.Pid) + "/fd/" + fd)
			require.NoError(t, err)
			assert.Equal(t, "/dev/null", target)
		}
	})
}
