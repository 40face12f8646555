package advice

import (
	"regexp"
	"slices"
	"strings"
)

// held finds signs that a command keeps its session open beyond its own end, or does within it what it came for.
var held = regexp.MustCompile(`(?i)sleep|mkfifo|coproc|nohup|setsid|tail\s+-f|\\!|\bsystem\s|(^|[^&>])&([^&0-9]|$)`)

// locks that end with the client that took them.
var locks = []struct {
	taken, released *regexp.Regexp
	name            string
}{
	{
		regexp.MustCompile(`(?is)\bflush\s+((local|no_write_to_binlog)\s+)?tables?\b[^;]*\bwith\s+read\s+lock\b`),
		regexp.MustCompile(`(?i)\bunlock\s+tables\b`), "FLUSH TABLES WITH READ LOCK",
	},
	{
		regexp.MustCompile(`(?is)\bflush\s+((local|no_write_to_binlog)\s+)?tables?\b[^;]*\bfor\s+export\b`),
		regexp.MustCompile(`(?i)\bunlock\s+tables\b`), "FLUSH TABLES FOR EXPORT",
	},
	{
		regexp.MustCompile(`(?is)\block\s+tables?\s[^;]*\b(read|write)\b`),
		regexp.MustCompile(`(?i)\bunlock\s+tables\b`), "LOCK TABLES",
	},
	{
		regexp.MustCompile(`(?i)\block\s+instance\s+for\s+backup\b`),
		regexp.MustCompile(`(?i)\bunlock\s+instance\b`), "LOCK INSTANCE FOR BACKUP",
	},
	{
		regexp.MustCompile(`(?i)\bbackup\s+stage\s+(start|flush|block_ddl|block_commit)\b`),
		regexp.MustCompile(`(?i)\bbackup\s+stage\s+end\b`), "BACKUP STAGE",
	},
}

var (
	startedBackup = regexp.MustCompile(`(?i)\bpg_backup_start\b`)
	stoppedBackup = regexp.MustCompile(`(?i)\bpg_backup_stop\b`)
)

// boundToASession finds locks that are gone before the backup begins, since the client that took them is.
func boundToASession(p policy) (warnings []string) {
	for _, hook := range p.pre {
		if held.MatchString(hook.text) {
			continue
		}
		for _, lock := range locks {
			if lock.taken.MatchString(hook.text) && !lock.released.MatchString(hook.text) {
				warnings = append(warnings, warn(hook, "%s ends with its client, so nothing is locked during the backup: "+
					"write hold, not exec, or SET GLOBAL super_read_only=ON (MariaDB: read_only), and OFF after it", lock.name))
				break
			}
		}
		if startedBackup.MatchString(hook.text) && !stoppedBackup.MatchString(hook.text) {
			warnings = append(warnings, warn(hook, "pg_backup_start ends with its session, before the backup begins: "+
				"write hold, not exec, or CHECKPOINT; a restore then recovers as after a crash"))
		}
	}
	return warnings
}

var goneBackup = regexp.MustCompile(`(?i)\bpg_(start|stop)_backup\b`)

// goneFromPostgreSQL finds functions that PostgreSQL 15 has dropped. A command that knows the new ones as well asks for the
// version, presumably.
func goneFromPostgreSQL(p policy) (warnings []string) {
	for _, hook := range p.all {
		if name := goneBackup.FindString(hook.text); name != "" && !startedBackup.MatchString(hook.text) && !stoppedBackup.MatchString(hook.text) {
			warnings = append(warnings, warn(hook, "%s is gone since PostgreSQL 15: write CHECKPOINT instead (a restore then "+
				"recovers as after a crash); pg_backup_start needs a session that stays open", strings.ToLower(name)))
		}
	}
	return warnings
}

var (
	superReadOnly = regexp.MustCompile(`(?i)\bsuper_read_only\b`)
	mariaDB       = regexp.MustCompile(`(?i)\bmariadb(-admin)?\b`)
)

// foreignToMariaDB finds what MySQL alone has, where the policy is for MariaDB.
func foreignToMariaDB(p policy) (warnings []string) {
	forMariaDB := false
	for _, pattern := range p.spec.Selector.ContainerImages {
		forMariaDB = forMariaDB || mariaDB.MatchString(string(pattern))
	}
	for _, hook := range p.all {
		if !superReadOnly.MatchString(hook.text) || !forMariaDB && !slices.ContainsFunc(hook.commands, func(words []string) bool {
			_, found := program(words, "mariadb", "mariadb-admin")
			return found
		}) {
			continue
		}
		warnings = append(warnings, warn(hook, "MariaDB has no super_read_only: write SET GLOBAL read_only, which accounts "+
			"with the right READ_ONLY ADMIN are not bound by"))
	}
	return warnings
}

var (
	backgroundSave = regexp.MustCompile(`(?i)\bbgsave\b`)
	waitsForSave   = regexp.MustCompile(`(?i)rdb_bgsave_in_progress|lastsave|sleep|\bwhile\b|\buntil\b|[^g]\bsave\b`)
)

// returnsTooEarly finds commands that have only begun what they are for when they return.
func returnsTooEarly(p policy) (warnings []string) {
	for _, hook := range p.pre {
		if backgroundSave.MatchString(hook.text) && !waitsForSave.MatchString(hook.text) {
			warnings = append(warnings, warn(hook, "BGSAVE returns before the dump is written: wait in the same script until "+
				"INFO persistence shows rdb_bgsave_in_progress:0, or write SAVE, which blocks clients meanwhile"))
		}
	}
	return warnings
}
