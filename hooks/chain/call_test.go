package chain

import (
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const token = "TOKEN7"

// report cuts a call's report off its output.
func report(t *testing.T, output string) (before string, r Report) {
	t.Helper()
	before, rest, found := strings.Cut(output, Call{Token: token}.ReportPrefix())
	require.True(t, found, "no report in %q", output)
	line, after, whole := strings.Cut(rest, "\n")
	require.True(t, whole && after == "", "more than a line: %q", rest)
	r, found = ParseReport(line)
	require.True(t, found, line)
	return before, r
}

func TestACallReportsHowItsCommandEnded(t *testing.T) {
	tests := map[string]struct {
		command []string
		timeout time.Duration
		stdin   string // - : none is given
		output  string
		report  Report
	}{
		"well":               {[]string{"true"}, 0, "-", "", Report{How: Exited}},
		"with a code":        {[]string{"sh", "-c", "exit 9"}, 0, "-", "", Report{How: Exited, Code: 9}},
		"by a signal":        {[]string{"sh", "-c", "kill -KILL $$"}, 0, "-", "", Report{How: Exited, Code: 137}},
		"with the code 124":  {[]string{"sh", "-c", "exit 124"}, 0, "-", "", Report{How: Exited, Code: 124}},
		"with its output":    {[]string{"sh", "-c", "echo a; echo b >&2; echo c; printf d >&2"}, 0, "-", "a\nb\nc\nd", Report{How: Exited}},
		"byte for byte":      {[]string{"printf", "%s|", "it's", "", "$x", "a\nb", `\`}, 0, "-", "it's||$x|a\nb|\\|", Report{How: Exited}},
		"having read":        {[]string{"cat"}, 0, "one\ntwo", "one\ntwo", Report{How: Exited}},
		"with no more input": {[]string{"sh", "-c", "cat; read x || echo end"}, 0, "x", "xend\n", Report{How: Exited}},
		"with none":          {[]string{"cat"}, 0, "-", "", Report{How: Exited}},
		"at its timeout":     {[]string{"sh", "-c", "echo a; exec sleep 1000"}, time.Millisecond, "-", "a\n", Report{How: TimedOut, Code: 124}},
		"though it reads":    {[]string{"sh", "-c", "cat; exec sleep 1000"}, time.Millisecond, "x", "x", Report{How: TimedOut, Code: 124}},
		"caught in the act":  {[]string{"sh", "-c", `trap "exit 0" TERM; sleep 1000 & wait`}, time.Millisecond, "-", "", Report{How: TimedOut, Code: 124}},
	}
	eachShell(t, func(t *testing.T, shell string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newContainer(t, shell)
				call := Call{Token: token, Command: test.command, Timeout: test.timeout, Stdin: test.stdin != "-"}
				if call.Timeout == 0 {
					call.Timeout = forever
				}
				e := c.startWith(user{}, call.Argv(), strings.NewReader(test.stdin))
				code := e.code()
				output, r := report(t, e.stdout.String())
				assert.Equal(t, test.output, output)
				assert.Equal(t, test.report, r)
				assert.Equal(t, test.report.Code, code)
				assert.Empty(t, e.stderr.String())
				c.awaitNone()
			})
		}
	})
}

func TestACallOfWhatDoesNotExistReportsTheShellsCode(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		for _, stdin := range []bool{false, true} {
			for command, code := range map[string]int{"/no/such/program": 127, "/etc": 126} {
				e := c.start(user{}, Call{Token: token, Command: []string{command}, Timeout: forever, Stdin: stdin}.Argv())
				e.code()
				output, r := report(t, e.stdout.String())
				assert.Equal(t, Report{How: Exited, Code: code}, r)
				assert.Contains(t, output, command)
			}
		}
	})
}

// Nothing of what a container's processes can show of a call passes for its report.
func TestNoListOfProcessesHoldsAReport(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		e := c.start(user{}, Call{Token: token, Command: []string{"sh", "-c", "cat /proc/[0-9]*/cmdline"}, Timeout: forever}.Argv())
		require.Zero(t, e.code())
		output, r := report(t, e.stdout.String())
		assert.Contains(t, output, "quiesce-call-"+token)
		assert.Equal(t, Report{How: Exited}, r)
	})
}

func TestACallIsEndedByItsToken(t *testing.T) {
	tests := map[string]string{
		"which waits":             `sleep 1000`,
		"whose children wait":     `(sleep 1000; :) & sh -c "sleep 1000; :" & sh -c "sleep 1000; :"; :`,
		"which ignores TERM":      `trap "" TERM; sleep 1000; sleep 1000`,
		"which does much at once": `while :; do sleep .01; done`,
	}
	eachShell(t, func(t *testing.T, shell string) {
		for name, script := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newContainer(t, shell)
				call := Call{Token: token, Command: c.does("began", script), Timeout: forever}
				other := Call{Token: "TOKEN8", Command: c.does("other", `until [ -e "$1/go" ]; do sleep .1; done`), Timeout: forever}
				e, o := c.start(user{}, call.Argv()), c.start(user{}, other.Argv())
				c.eventually(func() bool { return len(c.log()) == 2 }, "not begun")
				code, stderr := c.run(call.EndArgv())
				assert.Zero(t, code, stderr)
				e.code()
				_, r := report(t, e.stdout.String())
				assert.Equal(t, Ended, r.How)
				assert.False(t, r.Stuck)

				code, _ = c.run(call.EndArgv())
				assert.Equal(t, EndNone, code)
				c.write("go")
				assert.Zero(t, o.code(), "that of another token is let be")
				c.awaitNone()
			})
		}
	})
}

func TestACallThatCannotBeEndedIsStillThere(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		// A post script, which no signal ends.
		post := Chain{Post: []Hook{c.hook(0, "wait", `until [ -e "$1/go" ]; do sleep .1; done`)}}
		call := Call{Token: token, Command: post.PostCommand()}
		e := c.start(user{}, call.Argv())
		c.awaitLog("wait")
		argv := call.EndArgv()
		argv[len(argv)-1] = "1"
		code, _ := c.run(argv)
		assert.Equal(t, EndLeft, code)
		c.write("go")
		e.code()
		_, r := report(t, e.stdout.String())
		assert.Equal(t, Report{How: Exited}, r, "and does what it is there for")
		c.awaitNone()
	})
}

func TestACallOfAChainKeepsItsWatchdogAndUndoesWhenEnded(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		chain := c.freezing(forever)
		pre, post := Call{Token: token, Command: chain.PreCommand()}, Call{Token: token, Command: chain.PostCommand()}
		assert.Zero(t, pre.Net())
		e := c.start(user{}, pre.Argv())
		e.code()
		_, r := report(t, e.stdout.String())
		require.Equal(t, Report{How: Exited}, r)
		assert.True(t, c.frozen())
		c.await("quiesce-watchdog")
		e = c.start(user{}, pre.Argv())
		e.code()
		_, r = report(t, e.stdout.String())
		assert.Equal(t, Report{How: Exited, Code: ExitBusy}, r)
		e = c.start(user{}, post.Argv())
		e.code()
		_, r = report(t, e.stdout.String())
		assert.Equal(t, Report{How: Exited}, r)
		assert.False(t, c.frozen())
		c.awaitNone()

		chain.Pre = append(chain.Pre, c.hook(0, "wait", "sleep 1000; :"))
		e = c.start(user{}, Call{Token: token, Command: chain.PreCommand()}.Argv())
		c.awaitLog("freeze", "thaw", "freeze", "wait")
		code, stderr := c.run(pre.EndArgv())
		assert.Zero(t, code, stderr)
		e.code()
		output, r := report(t, e.stdout.String())
		assert.Equal(t, Report{How: Exited, Code: ExitTerminated}, r, output)
		assert.False(t, c.frozen(), "the pre script has thawed")
		c.awaitNone()
	})
}

func TestACallNeedsNeitherRootNorAWritableFilesystem(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c, as := newContainer(t, shell, readOnly), user{nobody: true, noCaps: true}
		call := Call{Token: token, Command: c.does("began", "exec sleep 1000"), Timeout: forever}
		e := c.start(as, call.Argv())
		c.awaitLog("began")
		code, stderr := c.runAs(as, call.EndArgv())
		assert.Zero(t, code, stderr)
		assert.Empty(t, stderr)
		e.code()
		output, r := report(t, e.stdout.String())
		assert.Equal(t, Ended, r.How)
		assert.Empty(t, output)
		c.awaitNone()
	})
}

func TestACallRunsNothingInAContainerThatLacksWhatItNeeds(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell, noProc)
		e := c.start(user{}, Call{Token: token, Command: c.does("began", ""), Timeout: forever}.Argv())
		assert.Equal(t, ExitNoWatchdog, e.code())
		_, r := report(t, e.stdout.String())
		assert.Equal(t, Unable, r.How)
		assert.Empty(t, c.log())
	})
}

func TestACallWhoseShellIsKilledReportsNothing(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		e := c.start(user{}, Call{Token: token, Command: c.does("began", `until [ -e "$1/go" ]; do sleep .1; done`), Timeout: forever}.Argv())
		c.awaitLog("began")
		c.signal(c.named("quiesce-call-" + token)[0], syscall.SIGKILL)
		c.write("go")
		e.code()
		assert.Empty(t, e.stdout.String())
		c.awaitNone()
	})
}

func TestCallScriptsUseNothingThatAShellLacks(t *testing.T) {
	call := Call{Token: token, Command: []string{"true"}}
	for _, script := range []string{call.Argv()[4], call.EndArgv()[4]} {
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

func TestOnlyAWholeReportIsOne(t *testing.T) {
	for _, line := range []string{"", "exited", "exited x", "exited 256", "exited 0 more", "gone 0", "exited 0 stuck again"} {
		_, found := ParseReport(line)
		assert.False(t, found, line)
	}
	r, found := ParseReport("timedout 124 stuck")
	assert.True(t, found)
	assert.Equal(t, Report{How: TimedOut, Code: 124, Stuck: true}, r)
}

// startWith is start with something to read, and then no more.
func (c *container) startWith(as user, command []string, stdin io.Reader) *execution {
	c.t.Helper()
	e := c.prepare(as, command)
	e.cmd.Stdin = stdin
	e.begin()
	return e
}
