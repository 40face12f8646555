package action

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/quiesce-io/quiesce/hooks/chain"
)

// outputLimit is how much of the output's end is kept.
const outputLimit = 2 << 10

// reportLimit is the longest that a report's line can be.
const reportLimit = 64

// output takes what a command writes, however much it is, and keeps the end of it, and the report of its call. It never
// keeps a writer waiting.
type output struct {
	// prefix begins the call's report; empty where there is none to come.
	prefix []byte
	// reported is closed when the report has come. What comes after it is not the command's.
	reported chan struct{}
	// tee, where there is one, sees the command's output as it comes.
	tee func([]byte)

	lock sync.Mutex
	// recent is the end of the output, with room to move it seldom.
	recent []byte
	// pending is how many bytes at the end of recent the tee has not seen: a report may begin there.
	pending int
	// report has come when found.
	report chain.Report
	found  bool
}

func newOutput(prefix string, tee func([]byte)) *output {
	return &output{prefix: []byte(prefix), reported: make(chan struct{}), tee: tee}
}

func (o *output) Write(p []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	written := len(p)
	for len(p) > 0 && !o.found {
		chunk := p[:min(len(p), 8*outputLimit)]
		p = p[len(chunk):]
		o.take(chunk)
	}
	return written, nil
}

func (o *output) take(chunk []byte) {
	// A report may have begun in earlier chunks.
	from := max(0, len(o.recent)-len(o.prefix)-reportLimit)
	o.recent = append(o.recent, chunk...)
	o.pending += len(chunk)
	undecided := 0
	if len(o.prefix) > 0 {
		undecided = o.seek(from)
	}
	if o.tee != nil && o.pending > undecided {
		o.tee(o.recent[len(o.recent)-o.pending : len(o.recent)-undecided])
	}
	o.pending = undecided
	if keep := outputLimit + len(o.prefix) + reportLimit; len(o.recent) > 16*keep {
		o.recent = append(o.recent[:0], o.recent[len(o.recent)-keep:]...)
	}
}

// seek looks for the report, cuts it off when it is whole, and says how many bytes at the end may belong to one.
func (o *output) seek(from int) (undecided int) {
	for {
		at := bytes.Index(o.recent[from:], o.prefix)
		if at < 0 {
			return o.beginnings()
		}
		at += from
		line, _, whole := bytes.Cut(o.recent[at+len(o.prefix):], []byte("\n"))
		if report, valid := chain.ParseReport(string(line)); whole && valid {
			o.pending = max(0, o.pending-(len(o.recent)-at))
			o.recent = o.recent[:at]
			o.report, o.found = report, true
			close(o.reported)
			return 0
		}
		if !whole && len(line) <= reportLimit {
			return min(o.pending, len(o.recent)-at)
		}
		from = at + 1
	}
}

// beginnings is the length of the longest end of the output that the prefix begins with.
func (o *output) beginnings() int {
	for n := min(len(o.prefix)-1, o.pending); n > 0; n-- {
		if bytes.HasSuffix(o.recent, o.prefix[:n]) {
			return n
		}
	}
	return 0
}

// callReport is what the call has reported, if it has.
func (o *output) callReport() (chain.Report, bool) {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.report, o.found
}

// tail is the end of the output, as text.
func (o *output) tail() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	return text(o.recent)
}

// text is the end of what was written, in whole characters.
func text(written []byte) string {
	if len(written) > outputLimit {
		written = written[len(written)-outputLimit:]
		for i := 0; i < utf8.UTFMax-1 && len(written) > 0 && !utf8.RuneStart(written[0]); i++ {
			written = written[1:]
		}
	}
	valid := strings.ToValidUTF8(string(written), "\uFFFD")
	for len(valid) > outputLimit { // a replacement is longer than what it replaces
		_, size := utf8.DecodeRuneInString(valid)
		valid = valid[size:]
	}
	return valid
}
