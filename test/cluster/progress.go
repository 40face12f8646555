package main

import (
	"fmt"
	"os"
	"time"
)

var begun = time.Now()

// say tells what is being done: one plain line on stderr with the seconds since the start, readable in a CI log.
// stdout stays free for answers.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
}

// tick is how often a long step says that it is still going on.
const tick = 20 * time.Second

// ticking says every tick that a step goes on, until the returned function is called.
func ticking(step string) (done func()) {
	start, end := time.Now(), make(chan struct{})
	go func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case <-end:
				return
			case <-ticker.C:
				say("… still %s (%s)", step, time.Since(start).Round(time.Second))
			}
		}
	}()
	return func() { close(end) }
}
