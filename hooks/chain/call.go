package chain

import (
	_ "embed" // for the scripts
	"strconv"
	"strings"
	"time"
)

var (
	//go:embed call.sh
	callSource string
	//go:embed end.sh
	endSource string

	callScript, endScript = "\n" + run + strip(callSource), "\n" + run + strip(endSource)
)

// Call is a command that is run in a container for someone outside: with a timeout that is kept in the container, whatever
// becomes of the connection; and with a report, which proves that the command ended.
type Call struct {
	// Token is unlike that of any other call; letters and digits.
	Token   string
	Command []string // as it reaches the program, byte for byte; no NUL
	// Timeout is enforced in whole seconds, rounded up. With 0, Command is that of a Chain, which keeps its own time.
	Timeout time.Duration
	// Stdin lets the command read what is sent. Otherwise there is nothing to read.
	Stdin bool
}

// Argv is what to run.
func (c Call) Argv() []string {
	limit, stdin := int64(0), "0"
	if c.Timeout > 0 {
		limit = seconds(c.Timeout)
	}
	if c.Stdin {
		stdin = "1"
	}
	argv := append(command("quiesce-call-"+c.Token, callScript), strconv.FormatInt(limit, 10), stdin)
	return append(argv, c.Command...)
}

// Net is how long a call takes at most when all is well, so that what takes longer is to be ended from outside. It is 0 for
// one that keeps its own time.
func (c Call) Net() time.Duration {
	if c.Timeout <= 0 {
		return 0
	}
	return time.Duration(seconds(c.Timeout))*time.Second + grace + margin
}

// EndGrace is how long EndArgv takes at most.
const EndGrace = grace + margin

// Codes with which the ending of a call ends, beside 0: the call is gone.
const (
	EndLeft = 1 // the call is still there
	EndNone = 3 // there was no such call
)

// EndArgv ends the call as its own timeout would, children first, and waits until it is gone.
func (c Call) EndArgv() []string {
	return append(command("quiesce-end", endScript), c.Token, strconv.FormatInt(seconds(EndGrace), 10))
}

// How a call came out.
type How string

const (
	Exited   How = "exited"   // the command ended by itself
	TimedOut How = "timedout" // it was ended when its timeout had passed
	Ended    How = "ended"    // it was ended by EndArgv, or by a signal to its shell
	Unable   How = "unable"   // nothing was run: the container lacks /proc or the program sleep
)

// Report is what a call writes when it ends.
type Report struct {
	How How
	// Code is the command's when it has exited.
	Code int
	// Stuck is true when the command was to be ended and could not be.
	Stuck bool
}

// ReportPrefix begins a call's report, and stands nowhere in its arguments: what a command like ps prints is no report.
func (c Call) ReportPrefix() string { return c.Token + "=" }

// ParseReport reads what follows ReportPrefix, up to the end of the line.
func ParseReport(line string) (Report, bool) {
	words := strings.Fields(line)
	if len(words) != 2 && (len(words) != 3 || words[2] != "stuck") {
		return Report{}, false
	}
	code, err := strconv.ParseUint(words[1], 10, 8)
	how := How(words[0])
	switch how {
	case Exited, TimedOut, Ended, Unable:
		return Report{How: how, Code: int(code), Stuck: len(words) == 3}, err == nil
	default:
		return Report{}, false
	}
}
