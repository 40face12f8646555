package run

import (
	"os"
	"os/signal"
	"syscall"
)

// listen has signals that ask for the end come over a channel. One that was ignored when this program began, as by nohup, stays so.
// Nor does the end of whoever reads what is said here end this program: pods would stay quiesced.
func listen() chan os.Signal {
	signals := make(chan os.Signal, 4)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return signals
}
