package advice

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// frozenFilesystem finds filesystems that stay frozen.
func frozenFilesystem(p policy) (warnings []string) {
	for _, hook := range p.pre {
		for _, frozen := range freezes(hook) {
			if frozen == "/" {
				warnings = append(warnings, warn(hook, "it freezes /, from which the thaw itself has to be started: "+
					"freeze the path at which the volume is mounted"))
			}
			if p.undone(hook, func(h hookCommand) bool { return covers(thaws(h), frozen) }) {
				continue
			}
			warnings = append(warnings, warn(hook, "no hook after the backup thaws %s, which it freezes: "+
				"add one in stage PostSnapshot with fsfreeze --unfreeze and the same path", shown(frozen)))
		}
	}
	return warnings
}

func freezes(hook hookCommand) []string { return filesystems(hook, "-f", "--freeze") }
func thaws(hook hookCommand) []string   { return filesystems(hook, "-u", "--unfreeze") }

// filesystems are those that a hook freezes or thaws, by their paths; "" is one that only the container knows.
func filesystems(hook hookCommand, short, long string) (paths []string) {
	for _, words := range hook.commands {
		arguments, found := program(words, "fsfreeze", "xfs_freeze")
		if !found || !slices.Contains(arguments, short) && !slices.Contains(arguments, long) {
			continue
		}
		at := slices.IndexFunc(arguments, func(word string) bool { return !strings.HasPrefix(word, "-") })
		switch {
		case at < 0 || strings.ContainsAny(arguments[at], "$`*?"):
			paths = append(paths, "")
		default:
			paths = append(paths, path.Clean(arguments[at]))
		}
	}
	return paths
}

// covers tells whether one filesystem is among others, or could be.
func covers(others []string, one string) bool {
	return slices.ContainsFunc(others, func(other string) bool { return other == one || other == "" || one == "" })
}

// shown is a path as a warning has room for it.
func shown(folder string) string {
	if folder == "" || len(folder) > 60 {
		return "the filesystem"
	}
	return folder
}

// states that a server stays in until it is told otherwise.
var states = []struct {
	entered, left *regexp.Regexp
	// what it is, and how it is left.
	what, leave string
}{
	{
		regexp.MustCompile(`(?i)\bfsyncLock\b|\bfsync["']?\s*:\s*1\b.*\block["']?\s*:\s*true`),
		regexp.MustCompile(`(?i)fsyncUnlock`),
		"fsyncLock", "db.fsyncUnlock()",
	},
	{
		regexp.MustCompile(`(?i)\b(global|persist)(\s+|\.)(super_)?read_only\s*=\s*(on|1|true)\b`),
		regexp.MustCompile(`(?i)\b(super_)?read_only\s*=\s*(off|0|false)\b`),
		"the server's read_only", "SET GLOBAL read_only=OFF (which ends super_read_only as well)",
	},
	{
		regexp.MustCompile(`(?i)blocks["']?[.:]\s*\{?\s*["']?(write|read_only)["']?\s*:\s*["']?true`),
		regexp.MustCompile(`(?i)blocks["']?[.:]\s*\{?\s*["']?(write|read_only)["']?\s*:\s*["']?(false|null)`),
		"the block on writes", "index.blocks.write: false",
	},
	{
		regexp.MustCompile(`(?i)\bset\s+read_only\b`),
		regexp.MustCompile(`(?i)\bset\s+read_write\b`),
		"READ_ONLY", "ALTER DATABASE … SET READ_WRITE",
	},
	{
		regexp.MustCompile(`(?i)\bsuspend_for_snapshot_backup\s*=\s*on\b`),
		regexp.MustCompile(`(?i)\bsuspend_for_snapshot_backup\s*=\s*off\b|\bmetadata_only\b`),
		"SUSPEND_FOR_SNAPSHOT_BACKUP", "the same with OFF, or BACKUP … WITH METADATA_ONLY",
	},
	{
		regexp.MustCompile(`(?i)\bdisableautocompaction\b`),
		regexp.MustCompile(`(?i)\benableautocompaction\b`),
		"disableautocompaction", "nodetool enableautocompaction",
	},
	{
		regexp.MustCompile(`(?i)\bquiet-?down\b`),
		regexp.MustCompile(`(?i)cancel-?quiet-?down`),
		"quiet-down", "cancel-quiet-down",
	},
	{
		regexp.MustCompile(`(?i)\bpg_wal_replay_pause\b`),
		regexp.MustCompile(`(?i)\bpg_wal_replay_resume\b`),
		"pg_wal_replay_pause", "pg_wal_replay_resume()",
	},
	{
		regexp.MustCompile(`\bp?kill(all)?\s+(-s\s+|--signal[\s=])?-?(SIG)?STOP\b`),
		regexp.MustCompile(`\bp?kill(all)?\s+(-s\s+|--signal[\s=])?-?(SIG)?CONT\b`),
		"the signal STOP", "kill -CONT",
	},
	{
		regexp.MustCompile(`(?i)\bauto-aof-rewrite-percentage\s+["']?0\b`),
		regexp.MustCompile(`(?i)\bauto-aof-rewrite-percentage\s+["']?[1-9$]`),
		"auto-aof-rewrite-percentage 0", "CONFIG SET auto-aof-rewrite-percentage with the former value",
	},
}

// neverUndone finds servers that stay in a state that was meant for the backup.
func neverUndone(p policy) (warnings []string) {
	for _, hook := range p.pre {
		for _, state := range states {
			if !state.entered.MatchString(hook.text) || p.undone(hook, func(h hookCommand) bool { return state.left.MatchString(h.text) }) {
				continue
			}
			warnings = append(warnings, warn(hook, "no hook after the backup ends %s, which outlasts the backup: "+
				"add one in stage PostSnapshot with %s", state.what, state.leave))
		}
	}
	return warnings
}

var (
	freezeWord = regexp.MustCompile(`^(freeze|lock|pause|suspend|read-?only)$`)
	freezeName = regexp.MustCompile(`(^|-)(freeze|lock|pause|suspend|readonly|read-only)(-|$)`)
)

// looksLikeAFreeze finds, in a policy without any hook after the backup, what by its name has to be undone. Where a rule
// that knows more has spoken, it does not.
func looksLikeAFreeze(p policy) (warnings []string) {
	if len(p.post) > 0 || len(boundToASession(p))+len(frozenFilesystem(p))+len(neverUndone(p)) > 0 {
		return nil
	}
	for _, hook := range p.pre {
		named := freezeName.MatchString(hook.name) || slices.ContainsFunc(hook.argv[1:], freezeWord.MatchString)
		if !named || undoesItself(hook) {
			continue
		}
		warnings = append(warnings, warn(hook, "by its name it freezes something, and the policy has no hook after the "+
			"backup: add one in stage PostSnapshot that undoes it, and both are stamped together"))
	}
	return warnings
}

// undoesItself tells of a hook that has, in the same command, something that ends what it does.
func undoesItself(hook hookCommand) bool {
	for _, state := range states {
		if state.left.MatchString(hook.text) {
			return true
		}
	}
	for _, lock := range locks {
		if lock.released.MatchString(hook.text) {
			return true
		}
	}
	return len(thaws(hook)) > 0
}
