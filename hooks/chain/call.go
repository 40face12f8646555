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
	// Arm is the guard whose watchdog is started ahead of the command, which does not run if that fails: see Guard.ArmCommand.
	// Its time is not the command's.
	Arm *Guard
	// Disarm ends the watchdog when the command has ended with code 0, and only then: see Guard.DisarmCommand.
	Disarm bool
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
	arm, disarm := "", ""
	if c.Arm != nil {
		arm = c.Arm.script()
	}
	if c.Disarm {
		disarm = Guard{}.script()
	}
	argv := append(command("quiesce-call-"+c.Token, callScript), strconv.FormatInt(limit, 10), stdin, arm, disarm)
	return append(argv, c.Command...)
}

// Net is how long a call takes at most when all is well, so that what takes longer is to be ended from outside. It is 0 for
// one that keeps its own time.
func (c Call) Net() time.Duration {
	if c.Timeout <= 0 {
		return 0
	}
	net := time.Duration(seconds(c.Timeout))*time.Second + grace + margin
	if c.Arm != nil {
		net += GuardTimeout
	}
	if c.Disarm {
		net += GuardTimeout
	}
	return net
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
	Unarmed  How = "unarmed"  // nothing was run: the watchdog could not be started, and Code says why
)

// Report is what a call writes when it ends.
type Report struct {
	How How
	// Code is the command's when it has exited.
	Code int
	// Stuck is true when the command was to be ended and could not be.
	Stuck bool
	// TookOver is true when the watchdog took over from one that could not thaw everything: see ExitTookOver.
	TookOver bool
	// Early is true when there was no watchdog any more that could be ended: see ExitThawedEarly.
	Early bool
}

// ReportPrefix begins a call's report, and stands nowhere in its arguments: what a command like ps prints is no report.
func (c Call) ReportPrefix() string { return c.Token + "=" }

// ParseReport reads what follows ReportPrefix, up to the end of the line.
func ParseReport(line string) (Report, bool) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return Report{}, false
	}
	code, err := strconv.ParseUint(words[1], 10, 8)
	report := Report{How: How(words[0]), Code: int(code)}
	for _, word := range words[2:] {
		switch word {
		case "stuck":
			report.Stuck = true
		case "tookover":
			report.TookOver = true
		case "early":
			report.Early = true
		default:
			return Report{}, false
		}
	}
	switch report.How {
	case Exited, TimedOut, Ended, Unable, Unarmed:
		return report, err == nil
	default:
		return Report{}, false
	}
}
