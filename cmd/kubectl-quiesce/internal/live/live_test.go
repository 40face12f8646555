package live_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hinshun/vt10x"
	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/live"
)

// screen is a terminal's, as one would see it.
type screen struct {
	vt10x.Terminal
	width, height int
}

func newScreen(width, height int) *screen {
	return &screen{Terminal: vt10x.New(vt10x.WithSize(width, height)), width: width, height: height}
}

// Write turns line ends into what the kernel makes of them on their way to a terminal.
func (s *screen) Write(text []byte) (int, error) {
	_, err := s.Terminal.Write([]byte(strings.ReplaceAll(string(text), "\n", "\r\n")))
	return len(text), err
}

func (s *screen) size() (width, height int) { return s.width, s.height }

func (s *screen) lines() []string {
	var lines []string
	for line := range strings.Lines(s.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func TestLinesAreWrittenOver(t *testing.T) {
	s := newScreen(40, 10)
	fmt.Fprintln(s, "earlier")
	region := live.New(s, s.size)
	region.Draw([]string{"one: Running", "two: Pending"})
	assert.Equal(t, []string{"earlier", "one: Running", "two: Pending"}, s.lines())
	region.Draw([]string{"one: Succeeded"})
	assert.Equal(t, []string{"earlier", "one: Succeeded"}, s.lines())
	region.Print("said meanwhile")
	assert.Equal(t, []string{"earlier", "said meanwhile", "one: Succeeded"}, s.lines())
	region.Clear()
	assert.Equal(t, []string{"earlier", "said meanwhile"}, s.lines())
}

func TestWhatATerminalHasNoRoomForIsCut(t *testing.T) {
	s := newScreen(10, 4)
	region := live.New(s, s.size)
	for range 3 {
		region.Draw([]string{"0123456789 and more", "\x1b[32m0123456789\x1b[0m", "three", "four", "five"})
		assert.Equal(t, []string{"012345678…", "0123456789", "… and 3 m…"}, s.lines())
	}
}

func TestATerminalThatHasBecomeNarrowerIsClearedWholly(t *testing.T) {
	// A terminal that has broken these two lines anew has them on four of its own, as this one has from the start.
	s := newScreen(10, 10)
	width := 20
	fmt.Fprintln(s, "earlier")
	region := live.New(s, func() (int, int) { return width, 10 })
	region.Draw([]string{"0123456789abcdef", "fedcba9876543210"})
	assert.Len(t, s.lines(), 5)
	width = 10
	region.Draw([]string{"done"})
	assert.Equal(t, []string{"earlier", "done"}, s.lines())
}
