// Package terminal knows what the other end of an output stream is: whether it draws, how wide it is, whether in colours.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Terminal is an output stream.
type Terminal struct {
	io.Writer
	file *os.File // nil where it is none that draws
}

// Of looks at a stream.
func Of(stream io.Writer) Terminal {
	file, is := stream.(*os.File)
	if !is || !term.IsTerminal(int(file.Fd())) {
		return Terminal{Writer: stream}
	}
	return Terminal{Writer: stream, file: file}
}

// Draws tells whether lines that have been written can be written over.
func (t Terminal) Draws() bool { return t.file != nil && os.Getenv("TERM") != "dumb" }

// Size in columns and lines, as it is now; 80 by 24 where nobody can tell.
func (t Terminal) Size() (width, height int) {
	if t.file != nil {
		if width, height, err := term.GetSize(int(t.file.Fd())); err == nil && width > 0 && height > 0 {
			return width, height
		}
	}
	return 80, 24
}

// Style is how text is set off.
type Style string

// Styles, by their SGR codes (ECMA-48, 8.3.117).
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Coloured tells whether to use colours: on a terminal that has them, unless NO_COLOR is set (https://no-color.org).
func (t Terminal) Coloured() bool { return t.Draws() && os.Getenv("NO_COLOR") == "" }

// Painter sets text off, or leaves it as it is.
type Painter bool

// Paint returns text in a style.
func (p Painter) Paint(style Style, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}
