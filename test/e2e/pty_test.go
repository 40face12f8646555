//go:build e2e

package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ctrlC is the key by which a terminal interrupts all of its foreground.
const ctrlC = "\x03"

// console is a terminal at which somebody has started a program: its keyboard and its screen.
type console struct {
	t        *testing.T
	keyboard *os.File
	display  vt10x.Terminal
	program  *exec.Cmd
	// drained says that nobody holds the terminal any longer, and all is on the screen.
	drained chan struct{}
}

// atConsole starts a program at a terminal of a size.
func atConsole(t *testing.T, program *exec.Cmd, columns, lines int) *console {
	t.Helper()
	program.Env = append(program.Env, "TERM=xterm-256color", "NO_COLOR=")
	// Whoever runs these tests may have them ignore that a terminal closes, as nohup does. At this one nobody does.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	keyboard, err := pty.StartWithSize(program, winsize(columns, lines))
	require.NoError(t, err)
	c := &console{t: t, keyboard: keyboard, program: program, drained: make(chan struct{})}
	c.display = vt10x.New(vt10x.WithSize(columns, lines))
	go func() {
		defer close(c.drained)
		output := bufio.NewReader(keyboard)
		for c.display.Parse(output) == nil {
			continue
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen:\n%s", c.screen())
		}
		if c.program.ProcessState == nil {
			assert.NoError(t, c.program.Process.Kill())
			_ = c.program.Wait()
		}
		assert.NoError(t, keyboard.Close())
		<-c.drained
	})
	return c
}

func winsize(columns, lines int) *pty.Winsize {
	return &pty.Winsize{Cols: uint16(columns), Rows: uint16(lines)}
}

// screen is what can be read on it, without what is blank at the ends.
func (c *console) screen() string {
	var lines []string
	for line := range strings.Lines(c.display.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// waitScreen waits until the screen matches a regular expression.
func (c *console) waitScreen(expression string) {
	c.t.Helper()
	require.EventuallyWithT(c.t, func(t *assert.CollectT) { assert.Regexp(t, expression, c.screen()) }, patience, tick)
}

// press presses keys.
func (c *console) press(keys string) {
	c.t.Helper()
	_, err := c.keyboard.WriteString(keys)
	require.NoError(c.t, err)
}

// resize makes the terminal larger or smaller.
func (c *console) resize(columns, lines int) {
	c.t.Helper()
	c.display.Resize(columns, lines)
	require.NoError(c.t, pty.Setsize(c.keyboard, winsize(columns, lines)))
}

// waitEnd waits until the program has ended and all it has said is on the screen, and returns its exit code.
func (c *console) waitEnd(within time.Duration) int {
	c.t.Helper()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.program.Wait() }()
	select {
	case <-ended:
	case <-time.After(within):
		assert.NoError(c.t, c.program.Process.Kill())
		<-ended
		require.Fail(c.t, "the program does not end", c.screen())
	}
	select {
	case <-c.drained:
	case <-time.After(patience):
		require.Fail(c.t, "what the program has started has not ended with it", c.screen())
	}
	return c.program.ProcessState.ExitCode()
}
