package action

import (
	"bytes"
	"regexp"
	"sync"
	"time"
)

const (
	// lineLimit is how much of a line is kept for the pattern; of a longer one it sees parts that overlap.
	lineLimit = 64 << 10
	// quietLine is how long a line without an end is to stay as it is before it counts as one: a prompt.
	quietLine = 250 * time.Millisecond
)

// readiness watches output for a line that a pattern matches.
type readiness struct {
	pattern *regexp.Regexp
	// ready is closed at the first such line.
	ready chan struct{}

	lock  sync.Mutex
	line  []byte
	timer *time.Timer
	done  bool
}

func newReadiness(pattern *regexp.Regexp) *readiness {
	return &readiness{pattern: pattern, ready: make(chan struct{})}
}

// see takes what was written next, cut anywhere.
func (r *readiness) see(p []byte) {
	r.lock.Lock()
	defer r.lock.Unlock()
	for len(p) > 0 && !r.done {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		part = part[:min(len(part), lineLimit-len(r.line))]
		r.line = append(r.line, part...)
		if ended && len(part) == len(p)-len(rest)-1 {
			p = rest
			r.match()
			r.line = r.line[:0]
			continue
		}
		p = p[len(part):]
		if len(r.line) == lineLimit {
			r.match()
			r.line = append(r.line[:0], r.line[lineLimit/2:]...)
		}
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	if len(r.line) > 0 && !r.done {
		seen := len(r.line)
		r.timer = time.AfterFunc(quietLine, func() { r.matchQuiet(seen) })
	}
}

// match, with the lock held, matches the line.
func (r *readiness) match() {
	if !r.done && r.pattern.Match(bytes.TrimSuffix(r.line, []byte("\r"))) {
		r.done = true
		close(r.ready)
	}
}

func (r *readiness) matchQuiet(seen int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if len(r.line) == seen {
		r.match()
	}
}
