// Package live draws lines on a terminal that are written over as they change.
package live

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Region is the last lines of a terminal, which are drawn anew as a whole. Everything else that is written to the terminal
// meanwhile must go through Print, which puts it above them.
type Region struct {
	out io.Writer
	// size tells how many columns and lines the terminal has at the moment.
	size  func() (width, height int)
	drawn []string
}

// New returns a region at the end of what has been written so far.
func New(out io.Writer, size func() (width, height int)) *Region {
	return &Region{out: out, size: size}
}

// Draw replaces the region's lines. Lines that are too long are cut, since a line that the terminal breaks would count as two; so are
// lines for which the terminal is not high enough: the last one then says how many.
func (r *Region) Draw(lines []string) {
	width, height := r.size()
	shown := fit(lines, width, height)
	var b strings.Builder
	b.WriteString(r.erase(width))
	for _, line := range shown {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	fmt.Fprint(r.out, b.String())
	r.drawn = shown
}

// Print writes a line above the region, to stay.
func (r *Region) Print(line string) {
	width, _ := r.size()
	fmt.Fprint(r.out, r.erase(width)+line+"\n"+joined(r.drawn))
}

// Clear takes the region's lines away.
func (r *Region) Clear() {
	width, _ := r.size()
	fmt.Fprint(r.out, r.erase(width))
	r.drawn = nil
}

// erase goes up to the first line of the region and clears from there to the end of the screen (ECMA-48: CUU, ED). A terminal that
// has become narrower since has broken the lines that no longer fit.
func (r *Region) erase(width int) string {
	up := 0
	for _, line := range r.drawn {
		up += 1 + max(0, ansi.StringWidth(line)-1)/max(width, 1)
	}
	if up == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", up)
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// fit leaves one line of the terminal free, for the cursor.
func fit(lines []string, width, height int) []string {
	room := max(height-1, 2)
	if len(lines) > room {
		more := len(lines) - room + 1
		lines = append(append([]string{}, lines[:room-1]...), fmt.Sprintf("… and %d more", more))
	}
	shown := make([]string, len(lines))
	for i, line := range lines {
		shown[i] = ansi.Truncate(line, width, "…")
	}
	return shown
}
