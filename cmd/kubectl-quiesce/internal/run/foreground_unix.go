//go:build unix

package run

import (
	"os"

	"golang.org/x/sys/unix"
)

// inForeground tells whether this program is in the terminal's foreground: then the terminal sends Ctrl-C to COMMAND as well, whatever the
// streams of either are (termios(3), VINTR).
func inForeground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer func() { _ = tty.Close() }()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
