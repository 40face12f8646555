package chain

import (
	_ "embed" // for the script
	"slices"
	"strings"
	"time"
)

//go:embed sweep.sh
var sweepSource string

// Codes with which SweepCommand ends beside 0, which says that all was thawed and no watchdog is left. With ExitBusy it has done nothing,
// since another script was thawing.
const (
	ExitNothing      = 79 // there is no watchdog of a pre script, or none of those that were found any more; LookCommand ends with it too
	ExitOtherThaw    = 80 // all was thawed, and a watchdog is left that was started with other hooks, to run those at its deadline
	ExitStillThawing = 81 // not all could be thawed; a watchdog goes on trying
	ExitUndoing      = 82 // a pre script was still running, and now undoes what it did
)

// LookTimeout is how long LookCommand takes at most.
const LookTimeout = guardMargin + margin

// foundPrefix begins the line by which LookCommand names watchdogs.
const foundPrefix = "quiesce-found: "

// LookCommand looks for watchdogs that pre scripts have started in a container, those past their deadline included, and for
// no others: a session's Guard is none of them. It ends with 0 and names those that it has found in its output, or with
// ExitNothing.
func LookCommand() []string { return command("quiesce-look", Chain{}.sweepScript()) }

// Found reads in the output of LookCommand which watchdogs it has found, as SweepCommand takes them; false where it names none.
func Found(output string) (watchdogs string, named bool) {
	_, line, named := strings.Cut("\n"+output, "\n"+foundPrefix)
	line, _, whole := strings.Cut(line, "\n")
	return line, named && whole && line != ""
}

// SweepCommand thaws a container in which LookCommand has found watchdogs, as their post script would have, and ends them.
// Where none of those is left it does nothing, whatever another backup has started by then. It runs what thaws, and not
// what the chain may have beside it on the post side. A watchdog that was started with other hooks than the chain has now is
// not ended: only it knows what its pre script has quiesced.
//
// The script is run by nobody but who knows that no backup is quiescing the pod: while it thaws, a post script must not
// begin. Where one runs already, or another sweep, it does nothing.
func (c Chain) SweepCommand(watchdogs string) []string {
	return append(command("quiesce-sweep", c.sweepScript()), c.postFunction(), watchdogs)
}

// SweepTimeout is how long SweepCommand takes at most.
func (c Chain) SweepTimeout() time.Duration {
	return total(c.thaws()) + guardMargin + margin
}

// thaws are the post hooks of the guarded groups.
func (c Chain) thaws() []Hook {
	guarded := c.guarded()
	return slices.DeleteFunc(slices.Clone(c.Post), func(h Hook) bool { return !slices.Contains(guarded, h.Group) })
}

// sweepScript is also that of the watchdog which goes on where the sweep could not thaw.
func (c Chain) sweepScript() string {
	return Chain{Post: c.Post}.definitions(c.guarded()) + swept
}
