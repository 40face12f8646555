package advice

import (
	"path"
	"regexp"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// readHold reads the command of a hold, with what it is given to read.
func readHold(source *v1alpha1.Hook) hookCommand {
	read := readCommand(source.Name, source.Hold.Command)
	read.text += "\n" + source.Hold.Stdin
	return read
}

// unbuffered are the options by which a MySQL client writes each answer at once, alone or among others that take no argument.
var unbuffered = regexp.MustCompile(`^(--unbuffered|-[bBCEfGHiNqrstvVwX]*n[bBCEfGHiNnqrstvVwX]*)$`)

// buffersItsAnswer finds holds whose client keeps to itself what readyPattern waits for. In a shell's text it may be called in many ways, so that
// one sign of the option anywhere is enough.
func buffersItsAnswer(p policy) (warnings []string) {
	for _, hook := range p.holds {
		if slices.ContainsFunc(hook.commands, func(words []string) bool { return slices.ContainsFunc(words, unbuffered.MatchString) }) {
			continue
		}
		for _, words := range hook.commands {
			if _, found := program(words, "mysql", "mariadb"); found {
				warnings = append(warnings, warn(hook, "without a terminal %s keeps its answer in a buffer, so that readyPattern never sees it "+
					"and the hold fails at its timeout: add -n to its options", client(words)))
				break
			}
		}
	}
	return warnings
}

func client(words []string) string {
	at := slices.IndexFunc(words, func(word string) bool { return slices.Contains([]string{"mysql", "mariadb"}, path.Base(word)) })
	return path.Base(words[at])
}

// bounded finds signs that a lock is not waited for without end.
var bounded = regexp.MustCompile(`(?i)\block_(wait_)?timeout\b|\bnowait\b|\bwait\s+\d`)

// waitsWithoutEnd finds holds that wait for a lock as long as it takes, while everybody waits behind them.
func waitsWithoutEnd(p policy) (warnings []string) {
	for _, hook := range p.holds {
		if bounded.MatchString(hook.text) {
			continue
		}
		for _, lock := range locks {
			if lock.taken.MatchString(hook.text) {
				warnings = append(warnings, warn(hook, "%s waits for what runs, and all others wait behind it, also when the hold has been given up: "+
					"write SET SESSION lock_wait_timeout=30; ahead of it", lock.name))
				break
			}
		}
	}
	return warnings
}

// thawName finds what by its name undoes something.
var thawName = regexp.MustCompile(`(^|-)(thaw|unfreeze|unlock|resume|unpause|unquiesce)(-|$)`)

// thawsOnlySometimes finds policies in which nothing is sure to undo what the hooks before the backup did: all that comes after it is for
// one outcome, or for some pods. Where nothing shows that there is anything to undo, it keeps silent.
func thawsOnlySometimes(p policy) (warnings []string) {
	if len(p.post) == 0 || slices.ContainsFunc(p.post, func(h hookCommand) bool { return !h.sometimes }) {
		return nil
	}
	for _, hook := range p.pre {
		at := slices.IndexFunc(p.post, func(after hookCommand) bool { return thawName.MatchString(after.name) })
		if at < 0 && needsUndoing(hook) {
			at = 0
		}
		if at < 0 || undoesItself(hook) {
			continue
		}
		return []string{warn(p.post[at], "it does not run after every outcome and in every pod, and no other hook after the backup does, so that nothing counts as "+
			"the thaw: write executionPolicy: Always, and no onlyIf")}
	}
	return nil
}

// needsUndoing tells of a hook that leaves something quiesced, as far as one can see.
func needsUndoing(hook hookCommand) bool {
	return freezeName.MatchString(hook.name) || len(freezes(hook)) > 0 ||
		slices.ContainsFunc(hook.argv[1:hook.length], freezeWord.MatchString) || entersAState(hook)
}

func entersAState(hook hookCommand) bool {
	for _, state := range states {
		if state.entered.MatchString(hook.text) {
			return true
		}
	}
	return false
}

// isSometimes tells of a hook that does not run after every outcome, or not in every pod.
func isSometimes(hook *v1alpha1.Hook) bool {
	return hook.OnlyIf != nil || hook.ExecutionPolicy != "" && hook.ExecutionPolicy != v1alpha1.Always
}

// isOpaque tells of actions that may do anything, of which nothing can be read.
func isOpaque(hook *v1alpha1.Hook) bool {
	return hook.HTTPGet != nil || hook.HTTPPost != nil || hook.Job != nil
}
