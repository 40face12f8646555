package chain

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScriptsRunTheirHooks(t *testing.T) {
	sh := func(script string) Hook {
		return Hook{Name: "test/hook", Command: []string{"/bin/sh", "-c", script}, Timeout: forever}
	}
	tests := map[string]struct {
		pre, post []Hook // run as one of them
		code      int
		stdout    string
		stderr    []string // parts of it
	}{
		"one after another, and their output passes through": {
			pre:    []Hook{sh("sleep .1; echo one"), sh("echo two >&2"), sh("echo three")},
			stdout: "one\nthree\n", stderr: []string{"two\n"},
		},
		"with nothing to read": {
			pre: []Hook{sh("cat")},
		},
		"until one fails": {
			pre:  []Hook{sh("exit 3"), sh("echo two")},
			code: 3, stderr: []string{"quiesce: test/hook failed with code 3\n"},
		},
		"and go on after one that may fail": {
			pre:    []Hook{soft(sh("exit 3")), sh("echo two")},
			stdout: "two\n", stderr: []string{"quiesce: test/hook failed with code 3\n"},
		},
		"and still tell of a failure when all may fail": {
			pre:  []Hook{soft(sh("exit 3")), soft(sh("exit 5")), soft(sh("exit 4")), soft(sh("echo four"))},
			code: 5, stdout: "four\n",
		},
		"but not of one that may fail when another may not, whatever its code": {
			pre: []Hook{soft(sh("exit 200")), sh("exit 0"), soft(sh("exit 1"))},
		},
		"which may not exist": {
			pre:  []Hook{{Name: "test/none", Command: []string{"/no/such/program"}, Timeout: forever}},
			code: 127, stderr: []string{"quiesce: test/none failed with code 127\n"},
		},
		"which may be no program": {
			pre:  []Hook{{Name: "test/none", Command: []string{"/etc"}, Timeout: forever}},
			code: 126, stderr: []string{"quiesce: test/none failed with code 126\n"},
		},
		"which may end by a signal": {
			pre:  []Hook{sh("kill -KILL $$")},
			code: 137, stderr: []string{"quiesce: test/hook failed with code 137\n"},
		},
		"only until the timeout of one passes": {
			pre:  []Hook{within(time.Second, sh("sleep 1000")), sh("echo two")},
			code: ExitTimedOut, stderr: []string{"quiesce: test/hook did not end within its timeout of 1s\n"},
		},
		"with whole seconds, rounded up": {
			pre:  []Hook{within(time.Millisecond, sh("sleep 1000"))},
			code: ExitTimedOut, stderr: []string{"timeout of 1s\n"},
		},
		"all of them on the post side, and end with the worst code": {
			post: []Hook{sh("exit 3"), within(time.Second, sh("sleep 1000")), sh("exit 5"), sh("echo four")},
			code: ExitTimedOut, stdout: "four\n",
		},
		"more of them than fit if each waited for its timer": {
			pre: slices.Repeat([]Hook{sh(":")}, 40),
		},
	}
	eachShell(t, func(t *testing.T, shell string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newContainer(t, shell)
				command := Chain{Pre: test.pre}.PreCommand()
				if test.post != nil {
					command = Chain{Post: test.post}.PostCommand()
				}
				e := c.start(user{}, command)
				assert.Equal(t, test.code, e.code(), e.stderr.String())
				assert.Equal(t, test.stdout, e.stdout.String())
				for _, part := range test.stderr {
					assert.Contains(t, e.stderr.String(), part)
				}
				if len(test.stderr) == 0 && test.code == 0 && !strings.Contains(name, "may fail") {
					assert.Empty(t, e.stderr.String(), "a script says nothing of its own when all is well")
				}
				c.awaitNone()
			})
		}
	})
}

func TestHooksAreProgramsWhateverTheirNames(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		require.NoError(t, os.Mkdir(c.path("bin"), 0o777))
		var pre []Hook
		names := []string{"run", "say", "pre", "before", "quit", "export", "wait", "eval", "if", "}", "name=value"}
		for _, name := range names {
			require.NoError(t, os.WriteFile(c.path("bin/"+name), []byte("#!/bin/sh\necho \"${0##*/} $*\"\n"), 0o777))
			pre = append(pre, Hook{Name: "test/" + name, Command: []string{name, "-p"}, Timeout: forever})
		}
		e := c.start(user{env: []string{"PATH=" + c.path("bin") + ":" + os.Getenv("PATH")}}, Chain{Pre: pre}.PreCommand())
		require.Zero(t, e.code(), e.stderr.String())
		assert.Equal(t, strings.Join(names, " -p\n")+" -p\n", e.stdout.String())
	})
}

func TestHooksSeeTheContainersEnvironment(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		env := []string{"p=1", "t=2", "T=3", "h=4", "name=5", "i=6", "n=7", "over=8", "me=9"}
		hook := Hook{Name: "test/env", Command: []string{"env"}, Timeout: forever}
		for _, command := range [][]string{
			Chain{Pre: []Hook{hook}}.PreCommand(),
			Chain{Pre: []Hook{hook}, Post: []Hook{hook}, MaxQuiesce: forever}.PreCommand(),
		} {
			e := c.start(user{env: env}, command)
			require.Zero(t, e.code(), e.stderr.String())
			lines := strings.Split(e.stdout.String(), "\n")
			assert.Subset(t, lines, env)
			for _, line := range lines[:len(lines)-1] {
				name, _, _ := strings.Cut(line, "=")
				assert.True(t, slices.Contains(env, line) || slices.Contains([]string{"PATH", "PWD", "OLDPWD", "SHLVL", "_"}, name), line)
			}
		}
	})
}

func TestHooksMayLeaveAProcessBehind(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		pre := []Hook{c.hook(0, "leave", `(until [ -e "$1/end" ]; do sleep .1; done) >/dev/null 2>&1 &`)}
		c.succeed(Chain{Pre: pre}.PreCommand())
		require.NotEmpty(t, c.processes())
		c.write("end")
		c.awaitNone()
	})
}

func TestAnEndedHookLeavesNothingBehind(t *testing.T) {
	tests := map[string]string{
		"which waits":                    `sleep 1000`,
		"which waits and then goes on":   `sleep 1000; :`,
		"whose children have children":   `(sleep 1000; :) & sh -c "sleep 1000; :" & sh -c "sleep 1000; :"; :`,
		"which ignores TERM":             `trap "" TERM; sleep 1000; sleep 1000`,
		"whose children ignore TERM":     `(trap "" TERM; sleep 1000; :) & wait`,
		"which catches TERM":             `trap "sleep 1; exit 3" TERM; sleep 1000 & wait`,
		"which does one thing in a loop": `while :; do sleep 1; done`,
		"which is stopped":               `kill -STOP $$`,
	}
	eachShell(t, func(t *testing.T, shell string) {
		for name, script := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newContainer(t, shell)
				code, stderr := c.run(Chain{Pre: []Hook{within(time.Second, c.hook(0, "hang", script))}}.PreCommand())
				assert.Equal(t, ExitTimedOut, code, stderr)
				c.awaitNone()
			})
		}
	})
}

func TestASignalEndsAnUnguardedPreScript(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		e := c.start(user{}, Chain{Pre: []Hook{c.hook(0, "hang", "sleep 1000"), c.records(0, "more")}}.PreCommand())
		c.awaitLog("hang")
		c.signal(c.await("quiesce-pre"), syscall.SIGTERM)
		assert.Equal(t, ExitTerminated, e.code())
		assert.Equal(t, []string{"hang"}, c.log())
		c.awaitNone()
	})
}

func TestASignalDoesNotEndAPostScript(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		e := c.start(user{}, Chain{Post: []Hook{
			c.hook(0, "wait", `until [ -e "$1/go" ]; do sleep .1; done`), c.records(0, "more"),
		}}.PostCommand())
		c.awaitLog("wait")
		post := c.await("quiesce-post")
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE} {
			c.signal(post, s)
		}
		c.write("go")
		assert.Zero(t, e.code(), e.stderr.String())
		assert.Equal(t, []string{"wait", "more"}, c.log())
	})
}

func TestAContainerThatLacksWhatAScriptNeeds(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		tests := map[string]struct {
			change []func(*settings)
			env    []string
		}{
			"sleep": {env: []string{"PATH=/nowhere"}},
			"/proc": {change: []func(*settings){noProc}},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newContainer(t, shell, test.change...)
				if name == "sleep" && strings.Contains(shell, "busybox") {
					return // has a sleep of its own
				}
				hooks := []Hook{c.records(0, "hook")}
				for _, chain := range []Chain{{Pre: hooks}, {Pre: hooks, Post: hooks, MaxQuiesce: forever}} {
					code, stderr := c.runAs(user{env: test.env}, chain.PreCommand())
					assert.Equal(t, ExitNoWatchdog, code)
					assert.Contains(t, stderr, name)
					assert.Contains(t, stderr, "shell: None")
					assert.Empty(t, c.log(), "nothing was run")
				}
				chain := Chain{Pre: hooks, Post: hooks, MaxQuiesce: forever}
				code, stderr := c.runAs(user{env: test.env}, chain.PostCommand())
				assert.Equal(t, ExitThawedEarly, code, stderr)
				assert.Equal(t, []string{"hook"}, c.log(), "what may be frozen is thawed all the same")
			})
		}
	})
}
