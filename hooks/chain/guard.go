package chain

import "time"

// Guard is a watchdog over a container in which somebody outside runs hooks one by one: armed before the first that quiesces,
// and disarmed when all is thawed. If it is not, since whoever was to do so has died or cannot reach the container, the
// watchdog thaws, as that of a Chain does, and the two keep clear of each other.
type Guard struct {
	Thaw []Hook // all that thaws, in the order in which it runs
	// MaxQuiesce is how long after arming the watchdog thaws; in whole seconds, rounded up.
	MaxQuiesce time.Duration
}

// ExitTookOver is the code of ArmCommand when it has armed in place of a watchdog past its deadline, which could not thaw
// everything: all is then to be thawed in the end, whatever was quiesced.
const ExitTookOver = 77

// GuardTimeout is how long ArmCommand and DisarmCommand take at most.
const GuardTimeout = guardMargin + margin

// ArmCommand starts the watchdog. It ends with 0 or ExitTookOver when that is done; with ExitBusy when another backup is
// quiescing the container, and ExitNoWatchdog when the container lacks what a watchdog needs: then nothing is armed.
func (g Guard) ArmCommand() []string { return command("quiesce-arm", g.script()) }

// DisarmCommand ends the watchdog, without thawing anything. It ends with ExitThawedEarly when there is none that still waits:
// it has thawed, or never was.
func (g Guard) DisarmCommand() []string { return command("quiesce-disarm", g.script()) }

// Size is the length of the script, to be held against MaxScriptBytes.
func (g Guard) Size() int { return len(g.script()) }

func (g Guard) script() string {
	return Chain{Post: g.Thaw}.definitions(groups(g.Thaw)) + deadline(g.MaxQuiesce) + armed
}
