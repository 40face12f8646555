// Package chain renders hooks as shell scripts that are run inside a container: the hooks of a side one after another, each
// with its own timeout, and, where there is something to thaw, a watchdog that thaws it whatever dies outside.
//
// The scripts need /bin/sh (any POSIX shell), /proc and the program sleep. They write no file.
package chain

import (
	"slices"
	"time"
)

// Codes with which a script ends, beside those of its hooks.
const (
	ExitBusy        = 75  // another backup is quiescing this pod; nothing was run
	ExitThawedEarly = 76  // a post script that came too late, or found nothing that kept the pod quiesced
	ExitNoWatchdog  = 78  // the container lacks what a script needs; nothing was run
	ExitTimedOut    = 124 // a hook did not end within its timeout
	ExitTerminated  = 143 // the pre script was ended by a signal, and has thawed
)

// MaxScriptBytes is the longest script to be used: the kernel takes no argument above 128 KiB (MAX_ARG_STRLEN).
const MaxScriptBytes = 98304

const (
	// grace is how long a script takes at most to end a hook and its children that do not end by themselves.
	grace = 10 * time.Second
	// margin is for the script's own work.
	margin = 5 * time.Second
	// guardMargin is for starting a watchdog, ending it, or taking over from one that is overdue.
	guardMargin = 30 * time.Second
)

// Hook is a command of a chain.
type Hook struct {
	Name     string        // for messages: policy and hook, such as "postgres/checkpoint"
	Group    int           // hooks of one policy share a group: its post hooks thaw what its pre hooks quiesce
	Command  []string      // as it reaches the program, byte for byte; no NUL
	Timeout  time.Duration // enforced in whole seconds, rounded up
	Continue bool          // whether the pre hooks after it are run if it fails
}

// Chain is what is run in one container before and after its volumes are captured.
type Chain struct {
	Pre, Post []Hook // in the order in which they run
	// MaxQuiesce is how long after the start of the pre script the watchdog thaws; in whole seconds, rounded up.
	MaxQuiesce time.Duration
}

// Guarded tells whether some group has hooks on both sides: then there is something to thaw, and a watchdog for it.
func (c Chain) Guarded() bool {
	return len(c.guarded()) > 0
}

// guarded are the groups with hooks on both sides, in the order of the post hooks.
func (c Chain) guarded() []int {
	pre := groups(c.Pre)
	return slices.DeleteFunc(groups(c.Post), func(group int) bool { return !slices.Contains(pre, group) })
}

// groups are the groups of hooks, each once.
func groups(hooks []Hook) []int {
	var groups []int
	for i := range hooks {
		if !slices.Contains(groups, hooks[i].Group) {
			groups = append(groups, hooks[i].Group)
		}
	}
	return groups
}

// PreCommand is the argv to run before the volumes are captured; nil without pre hooks.
func (c Chain) PreCommand() []string {
	if len(c.Pre) == 0 {
		return nil
	}
	return command("quiesce-pre", c.preScript())
}

// PostCommand is the argv to run after it; nil without post hooks.
func (c Chain) PostCommand() []string {
	if len(c.Post) == 0 {
		return nil
	}
	return command("quiesce-post", c.postScript())
}

// command runs a script by an argument of its own, so that its text is quoted nowhere, and its name, the shell's $0, stands
// on the first line of /proc/PID/cmdline whatever the script contains.
func command(name, script string) []string {
	return []string{"/bin/sh", "-c", `eval "$1"`, name, script}
}

// PreTimeout is how long the pre script may take: its hooks, and the undo of what it attempted.
func (c Chain) PreTimeout() time.Duration {
	timeout := total(c.Pre) + margin
	if c.Guarded() {
		timeout += total(c.thaws()) + guardMargin
	}
	return timeout
}

// PostTimeout is how long the post script may take.
func (c Chain) PostTimeout() time.Duration {
	timeout := total(c.Post) + margin
	if c.Guarded() {
		timeout += guardMargin
	}
	return timeout
}

func total(hooks []Hook) (total time.Duration) {
	for i := range hooks {
		total += time.Duration(seconds(hooks[i].Timeout))*time.Second + grace
	}
	return total
}

// seconds rounds up to whole seconds: a shell's sleep knows no others.
func seconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}

// Size is the length of the longer script, to be held against MaxScriptBytes.
func (c Chain) Size() int {
	size := 0
	if len(c.Pre) > 0 {
		size = len(c.preScript())
	}
	if len(c.Post) > 0 {
		size = max(size, len(c.postScript()))
	}
	return size
}
