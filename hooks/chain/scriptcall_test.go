package chain

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/script"
)

// A session has a script streamed to it within a call.
func TestACallRunsAStreamedScript(t *testing.T) {
	tests := map[string]struct {
		source  string
		args    []string
		timeout time.Duration
		output  string
		report  Report
	}{
		"well":                    {"#!/bin/sh\necho \"$X $1\"\necho two >&2\ncat\n", []string{"it's"}, 0, "a\nb it's\ntwo\n", Report{How: Exited}},
		"with its code":           {"#!/bin/sh -e\nfalse\n", nil, 0, "", Report{How: Exited, Code: 1}},
		"by a signal":             {"#!/bin/sh\nkill -KILL $$\n", nil, 0, "", Report{How: Exited, Code: 137}},
		"ahead of 90 KB":          {"#!/bin/sh\nexit 9\n" + strings.Repeat("# unread\n", 10_000), nil, 0, "", Report{How: Exited, Code: 9}},
		"with no interpreter":     {"#!/no/python3\n", nil, 0, "quiesce: the container has no /no/python3, which the script's first line names\n", Report{How: Exited, Code: 127}},
		"at its timeout":          {"#!/bin/sh\necho a\nsleep 1000\n", nil, time.Millisecond, "a\n", Report{How: TimedOut, Code: 124}},
		"with all its children":   {"#!/bin/sh\n(sleep 1000; :) & sh -c 'sleep 1000; :' & sleep 1000; :\n", nil, time.Millisecond, "", Report{How: TimedOut, Code: 124}},
		"though it ignores TERM":  {"#!/bin/sh\ntrap '' TERM\nsleep 1000; sleep 1000\n", nil, time.Millisecond, "", Report{How: TimedOut, Code: 124}},
		"with 90 KB still unread": {"#!/bin/sh\nsleep 1000\n" + strings.Repeat("# unread\n", 10_000), nil, time.Millisecond, "", Report{How: TimedOut, Code: 124}},
	}
	eachShell(t, func(t *testing.T, shell string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newContainer(t, shell, readOnly)
				argv, stdin, err := script.Stream(test.source, test.args, []script.Variable{{Name: "X", Value: "a\nb"}})
				require.NoError(t, err)
				call := Call{Token: token, Command: argv, Timeout: test.timeout, Stdin: true}
				if call.Timeout == 0 {
					call.Timeout = forever
				}
				e := c.startWith(user{nobody: true, noCaps: true}, call.Argv(), strings.NewReader(stdin))
				code := e.code()
				output, r := report(t, e.stdout.String())
				if r.How == TimedOut { // the script's shell may tell of its children, which were ended first
					assert.True(t, strings.HasPrefix(output, test.output), output)
				} else {
					assert.Equal(t, test.output, output)
				}
				assert.Equal(t, test.report, r)
				assert.Equal(t, test.report.Code, code)
				assert.Empty(t, e.stderr.String())
				c.awaitNone()
			})
		}
	})
}

func TestACallWaitsForAScriptNoLongerThanItsTimeout(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		c := newContainer(t, shell)
		argv, stdin, err := script.Stream("#!/bin/sh\necho ran\n", nil, nil)
		require.NoError(t, err)
		for _, sent := range []string{"", stdin[:len(stdin)-1], stdin} { // and no end
			reader, writer := io.Pipe()
			go func() { _, _ = io.WriteString(writer, sent) }()
			e := c.startWith(user{}, Call{Token: token, Command: argv, Timeout: time.Second, Stdin: true}.Argv(), reader)
			c.eventually(func() bool { return strings.Contains(e.stdout.String(), token+"=") }, "no report")
			output, r := report(t, e.stdout.String())
			assert.Equal(t, Report{How: TimedOut, Code: 124}, r)
			assert.NotContains(t, output, "ran")
			require.NoError(t, writer.Close())
			e.code()
			c.awaitNone()
		}
	})
}
