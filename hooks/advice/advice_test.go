package advice_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/advice"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// command reads a command as it is written in a policy.
func command(t *testing.T, source string) *v1alpha1.ExecAction {
	t.Helper()
	action := &v1alpha1.ExecAction{}
	require.NoError(t, yaml.Unmarshal([]byte(source), &action.Command), source)
	return action
}

// policy has a hook named pre before the backup and one named post after it; an empty command is no hook.
func policy(t *testing.T, pre, post string) *v1alpha1.HookPolicySpec {
	t.Helper()
	spec := &v1alpha1.HookPolicySpec{Shell: v1alpha1.Posix, MaxQuiesce: v1alpha1.Duration{Duration: 10 * time.Minute}}
	for _, hook := range []struct {
		name, command string
		stage         v1alpha1.Stage
	}{{"pre", pre, v1alpha1.PreSnapshot}, {"post", post, v1alpha1.PostSnapshot}} {
		if hook.command != "" {
			spec.Hooks = append(spec.Hooks, v1alpha1.Hook{
				Name: hook.name, Stages: []v1alpha1.Stage{hook.stage}, Exec: command(t, hook.command),
				Timeout: v1alpha1.Duration{Duration: 30 * time.Second},
			})
		}
	}
	return spec
}

func TestWhatIsToldOf(t *testing.T) {
	tests := map[string]struct {
		pre, post string
		says      string
	}{
		"a one-shot FLUSH TABLES WITH READ LOCK": {
			pre: `[mysql, -e, "FLUSH TABLES WITH READ LOCK;"]`, post: `[mysql, -e, "UNLOCK TABLES"]`,
			says: `hook "pre": FLUSH TABLES WITH READ LOCK ends with its client, so nothing is locked during the backup`,
		},
		"the same of some tables, in a shell": {
			pre:  `[sh, -c, "mariadb -e 'flush tables a, b with read lock' && sync"]`,
			says: `FLUSH TABLES WITH READ LOCK ends with its client`,
		},
		"the same, whose output goes elsewhere": {
			pre:  `[sh, -c, "mysql -e 'FLUSH TABLES WITH READ LOCK' 2>&1"]`,
			says: `FLUSH TABLES WITH READ LOCK ends with its client`,
		},
		"a one-shot FLUSH TABLES FOR EXPORT":    {pre: `[mysql, -e, "FLUSH TABLES orders FOR EXPORT"]`, says: "FLUSH TABLES FOR EXPORT ends with its client"},
		"a one-shot LOCK TABLES":                {pre: `[mysql, -e, "LOCK TABLES orders READ"]`, says: "LOCK TABLES ends with its client"},
		"a one-shot LOCK INSTANCE FOR BACKUP":   {pre: `[mysql, -e, LOCK INSTANCE FOR BACKUP]`, says: "LOCK INSTANCE FOR BACKUP ends with its client"},
		"a one-shot BACKUP STAGE":               {pre: `[mariadb, -e, BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT]`, says: "BACKUP STAGE ends with its client"},
		"a one-shot pg_backup_start":            {pre: `[psql, -c, "SELECT pg_backup_start('x')"]`, post: `[psql, -c, "SELECT pg_backup_stop()"]`, says: "pg_backup_start ends with its session"},
		"a function that PostgreSQL 15 dropped": {pre: `[psql, -c, "SELECT pg_start_backup('x', true)"]`, says: "pg_start_backup is gone since PostgreSQL 15: write CHECKPOINT instead"},
		"the other of the two":                  {post: `[psql, -c, "SELECT pg_stop_backup()"]`, says: `hook "post": pg_stop_backup is gone since PostgreSQL 15`},
		"super_read_only of MariaDB": {
			pre: `[mariadb, -e, "SET GLOBAL super_read_only=ON"]`, post: `[mariadb, -e, "SET GLOBAL super_read_only=OFF"]`,
			says: "MariaDB has no super_read_only: write SET GLOBAL read_only",
		},
		"super_read_only of MariaDB, in a shell": {
			pre: `[bash, -c, "/usr/bin/mariadb -u root -e 'SET GLOBAL super_read_only = 1'"]`, post: `[/thaw.sh]`,
			says: "MariaDB has no super_read_only",
		},
		"BGSAVE that nobody waits for": {pre: `[redis-cli, BGSAVE]`, says: "BGSAVE returns before the dump is written"},

		"a freeze without a thaw":             {pre: `[fsfreeze, --freeze, /data]`, says: `hook "pre": no hook after the backup thaws /data, which it freezes`},
		"a freeze in short":                   {pre: `[/sbin/fsfreeze, -f, /data]`, says: "no hook after the backup thaws /data"},
		"a freeze in a shell":                 {pre: `[sh, -c, "sync; fsfreeze -f /data"]`, says: "no hook after the backup thaws /data"},
		"a freeze by XFS":                     {pre: `[xfs_freeze, -f, /data]`, says: "no hook after the backup thaws /data"},
		"a freeze whose thaw is of another":   {pre: `[fsfreeze, -f, /data]`, post: `[fsfreeze, -u, /date]`, says: "no hook after the backup thaws /data"},
		"a freeze of two, of which one thaws": {pre: `[sh, -c, "fsfreeze -f /a && fsfreeze -f /b"]`, post: `[fsfreeze, -u, /b]`, says: "no hook after the backup thaws /a"},
		"a freeze that thaws when it fails":   {pre: `[sh, -c, "fsfreeze -f /data || fsfreeze -u /data"]`, says: "no hook after the backup thaws /data"},
		"a freeze of the root filesystem":     {pre: `[fsfreeze, -f, /]`, post: `[fsfreeze, -u, /]`, says: "it freezes /, from which the thaw itself has to be started"},
		"fsyncLock without fsyncUnlock":       {pre: `[mongosh, --eval, db.fsyncLock()]`, says: "no hook after the backup ends fsyncLock"},
		"fsyncLock by its command":            {pre: `[mongosh, --eval, "db.adminCommand({fsync: 1, lock: true})"]`, says: "no hook after the backup ends fsyncLock"},
		"fsyncLock beside some other hook":    {pre: `[mongosh, --eval, db.fsyncLock()]`, post: `[echo, done]`, says: "no hook after the backup ends fsyncLock"},
		"read_only that stays":                {pre: `[mysql, -e, "SET GLOBAL read_only = ON"]`, says: "no hook after the backup ends the server's read_only"},
		"super_read_only that stays":          {pre: `[mysql, -e, "set global super_read_only=1"]`, post: `[mysql, -e, "select 1"]`, says: "SET GLOBAL read_only=OFF"},
		"a block on writes":                   {pre: `[curl, -XPUT, "localhost:9200/_all/_settings", -d, '{"index.blocks.write": true}']`, says: "no hook after the backup ends the block on writes"},
		"SQL Server's READ_ONLY":              {pre: `[sqlcmd, -Q, "ALTER DATABASE shop SET READ_ONLY WITH ROLLBACK IMMEDIATE"]`, says: "no hook after the backup ends READ_ONLY"},
		"SQL Server's suspension":             {pre: `[sqlcmd, -Q, "ALTER SERVER CONFIGURATION SET SUSPEND_FOR_SNAPSHOT_BACKUP = ON"]`, says: "SUSPEND_FOR_SNAPSHOT_BACKUP"},
		"Cassandra's compaction":              {pre: `[sh, -c, "nodetool flush && nodetool disableautocompaction"]`, says: "nodetool enableautocompaction"},
		"Jenkins":                             {pre: `[jenkins-cli, quiet-down]`, says: "no hook after the backup ends quiet-down"},
		"a replay that is paused":             {pre: `[psql, -c, "select pg_wal_replay_pause()"]`, says: "pg_wal_replay_resume()"},
		"a process that is stopped":           {pre: `[sh, -c, "pkill -STOP writer"]`, says: "no hook after the backup ends the signal STOP"},
		"Redis' rewriting":                    {pre: `[redis-cli, CONFIG, SET, auto-aof-rewrite-percentage, "0"]`, says: "auto-aof-rewrite-percentage"},
		"what by its name is a freeze":        {pre: `[appctl, pause]`, says: "by its name it freezes something, and the policy has no hook after the backup"},

		"a line as a program":             {pre: `["echo a && b"]`, says: "command[0] is a program and not a line for a shell"},
		"a program with its arguments":    {pre: `["psql -c CHECKPOINT"]`, says: "command[0] is a program and not a line for a shell"},
		"an operator without a shell":     {pre: `[sync, "&&", touch, /x]`, says: `no shell is started, so command[1], "&&", is handed to sync: write [sh, -c, LINE]`},
		"a pipe without a shell":          {pre: `[pg_dumpall, "|", gzip]`, says: `no shell is started`},
		"a variable without a shell":      {pre: `[psql, -U, $POSTGRES_USER, -c, CHECKPOINT]`, says: "nothing replaces what follows the $ in command[2]"},
		"a variable in an option":         {pre: `[mysql, "-p${MYSQL_ROOT_PASSWORD}", -e, SELECT 1]`, says: "nothing replaces what follows the $ in command[1]"},
		"a substitution without a shell":  {pre: `[touch, "/data/$(date)"]`, says: "nothing replaces what follows the $"},
		"a shell without -c":              {pre: `[sh, "psql -c CHECKPOINT"]`, says: "sh takes its first argument for the name of a file"},
		"a shell whose line is cut":       {pre: `[sh, -c, sync, -f, /data]`, says: "sh -c takes the next item alone for its line"},
		"a shell without a line":          {pre: `[/bin/bash, -c]`, says: "bash -c lacks the line to run"},
		"a shell with nothing to run":     {pre: `[/bin/sh]`, says: "sh has nothing to run"},
		"busybox's shell whose line is c": {pre: `[busybox, sh, -c, sync, -f]`, says: "sh -c takes the next item alone for its line"},

		"a password in an option":        {pre: `[mytool, --password=hunter2]`, says: "seems to hold a password or token"},
		"a password behind an option":    {pre: `[mongosh, -u, root, -p, hunter2, --eval, "1"]`, says: "seems to hold a password or token"},
		"a password behind -p":           {pre: `[mysql, -uroot, -phunter2, -e, SELECT 1]`, says: "seems to hold a password or token"},
		"the same in a shell":            {pre: `[sh, -c, "mysql -u root -p'hunter2' -e 'SELECT 1'"]`, says: "seems to hold a password or token"},
		"a password in a variable":       {pre: `[sh, -c, "PGPASSWORD=hunter2 psql -c CHECKPOINT"]`, says: "seems to hold a password or token"},
		"a password handed to env":       {pre: `[env, PGPASSWORD=hunter2, psql, -c, CHECKPOINT]`, says: "seems to hold a password or token"},
		"a password in a URL":            {pre: `[psql, "postgresql://app:hunter2@localhost/shop", -c, CHECKPOINT]`, says: "seems to hold a password or token"},
		"a password of Redis":            {pre: `[redis-cli, -a, hunter2, SAVE]`, says: "seems to hold a password or token"},
		"a password of curl":             {pre: `[curl, -u, "elastic:hunter2", localhost:9200/_flush]`, says: "seems to hold a password or token"},
		"a password in SQL":              {pre: `[mysql, -e, "ALTER USER a IDENTIFIED BY 'hunter2'"]`, says: "seems to hold a password or token"},
		"a token in a header":            {pre: `[curl, -H, "Authorization: Bearer hunter2hunter2", localhost]`, says: "seems to hold a password or token"},
		"a token by its form":            {pre: `[tool, ghp_0123456789abcdefghijABCDEFGHIJ012345]`, says: "seems to hold a password or token"},
		"a client that asks for it":      {pre: `[mysql, -u, root, -p, -e, SELECT 1]`, says: "a lone -p asks for a password, and nobody is there to answer"},
		"a client in a shell that does":  {pre: `[sh, -c, "mysqladmin -u root -p flush-logs"]`, says: "a lone -p asks for a password"},
		"a password of MySQL in a shell": {pre: `[sh, -c, "mysql --password=hunter2 -e 'SELECT 1'"]`, says: "seems to hold a password or token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			warnings := advice.For(policy(t, test.pre, test.post))
			require.NotEmpty(t, warnings)
			assert.Contains(t, strings.Join(warnings, "\n"), test.says)
			for _, warning := range warnings {
				assert.NotContains(t, warning, "hunter2")
				assert.NotContains(t, warning, "ghp_")
			}
		})
	}
}

func TestWhatIsNotToldOf(t *testing.T) {
	tests := map[string]struct{ pre, post string }{
		"PostgreSQL":                      {pre: `[psql, -U, postgres, -c, CHECKPOINT]`},
		"PostgreSQL by a shell":           {pre: `[sh, -c, 'PGPASSWORD="$POSTGRES_PASSWORD" psql -U "$POSTGRES_USER" -c CHECKPOINT']`},
		"PostgreSQL's password in a file": {pre: `[sh, -c, "export PGPASSWORD=$(cat /run/secrets/pg); psql -c CHECKPOINT"]`},
		"PostgreSQL of either version": {
			pre: `[sh, -c, "start=pg_backup_start; test $(psql -Atc 'show server_version_num') -ge 150000 || start=pg_start_backup; (echo \"select $start(1);\"; sleep 600) | psql &"]`,
		},
		"PostgreSQL with an operator of its own":   {pre: `[psql, -c, "SELECT '{1}'::int[] && '{2}'::int[] || '{}'"]`},
		"PostgreSQL with a password from the file": {pre: `[psql, "service=backup passfile=/run/pgpass", -c, CHECKPOINT]`},
		"a session in the background": {
			pre:  `[sh, -c, "(echo 'SELECT pg_backup_start(1);'; sleep 600) | psql & sleep 2"]`,
			post: `[sh, -c, "psql -c 'SELECT pg_backup_stop()'"]`,
		},
		"MySQL by super_read_only": {pre: `[mysql, -e, "SET GLOBAL super_read_only=ON"]`, post: `[mysql, -e, "SET GLOBAL super_read_only=OFF; SET GLOBAL read_only=OFF"]`},
		"MySQL that waits in its session": {
			pre: `[sh, -c, "mysql -e 'FLUSH TABLES WITH READ LOCK; SELECT SLEEP(600)' & sleep 1"]`, post: `[sh, -c, "kill $(cat /tmp/pid)"]`,
		},
		"MySQL that takes the snapshot in its session": {pre: `[mysql, -e, "FLUSH TABLES WITH READ LOCK; \\! sync\nUNLOCK TABLES"]`},
		"MySQL with the password of its container":     {pre: `[sh, -c, 'mysql -uroot -p"$MYSQL_ROOT_PASSWORD" -e "FLUSH LOGS"']`},
		"MySQL with a file of options":                 {pre: `[mysql, --defaults-extra-file=/etc/my.cnf, --password-file=/run/x, -e, FLUSH LOGS]`},
		"a dump that locks by itself":                  {pre: `[sh, -c, "mysqldump --lock-tables --all-databases > /backup/dump.sql"]`},
		"MariaDB by read_only":                         {pre: `[mariadb, -e, "SET GLOBAL read_only=ON"]`, post: `[mariadb, -e, "SET GLOBAL read_only=OFF"]`},
		"MongoDB":                                      {pre: `[mongosh, --eval, "db.fsyncLock()"]`, post: `[mongosh, --eval, "while (db.currentOp().fsyncLock) db.fsyncUnlock()"]`},
		"MongoDB with operators of its own":            {pre: `[mongosh, --eval, "db.a.update({}, {$SET: {b: 1}}); db.b.find({$or: []})"]`},
		"Redis":                                        {pre: `[sh, -c, "redis-cli BGSAVE && until redis-cli INFO persistence | grep -q rdb_bgsave_in_progress:0; do sleep 1; done"]`},
		"Redis by SAVE":                                {pre: `[redis-cli, SAVE]`},
		"Redis with its password":                      {pre: `[sh, -c, 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli SAVE']`},
		"Elasticsearch": {
			pre:  `[sh, -c, "curl -u \"elastic:$ELASTIC_PASSWORD\" -XPUT localhost:9200/_all/_settings -d '{\"index.blocks.write\": true}' && curl -XPOST localhost:9200/_flush"]`,
			post: `[sh, -c, "curl -XPUT localhost:9200/_all/_settings -d '{\"index.blocks.write\": false}'"]`,
		},
		"Cassandra":                    {pre: `[sh, -c, "nodetool flush && nodetool disableautocompaction"]`, post: `[nodetool, enableautocompaction]`},
		"Cassandra's flush":            {pre: `[nodetool, flush]`},
		"etcd":                         {pre: `[etcdctl, snapshot, save, /data/snapshot.db]`},
		"RabbitMQ":                     {pre: `[rabbitmqctl, export_definitions, /data/definitions.json]`},
		"SQL Server":                   {pre: `[sqlcmd, -Q, "ALTER DATABASE shop SET READ_ONLY"]`, post: `[sqlcmd, -Q, "ALTER DATABASE shop SET READ_WRITE"]`},
		"CockroachDB":                  {pre: `[cockroach, sql, -e, "BACKUP INTO 'nodelocal://1/b' AS OF SYSTEM TIME '-10s'"]`},
		"Jenkins":                      {pre: `[jenkins-cli, quiet-down]`, post: `[jenkins-cli, cancel-quiet-down]`},
		"a filesystem":                 {pre: `[fsfreeze, --freeze, /data]`, post: `[fsfreeze, --unfreeze, /data]`},
		"a filesystem in other words":  {pre: `[sh, -c, "sync && /sbin/fsfreeze -f /data/"]`, post: `[/sbin/fsfreeze, -u, /data]`},
		"a filesystem by a variable":   {pre: `[sh, -c, "fsfreeze -f \"$DATA\""]`, post: `[sh, -c, "fsfreeze -u $DATA"]`},
		"a filesystem frozen and thaw": {pre: `[sh, -c, "fsfreeze -f /data && fsfreeze -u /data"]`},
		"a thaw in a script":           {pre: `[fsfreeze, -f, /data]`, post: `[/scripts/after-backup]`},
		"a thaw in a script by sh":     {pre: `[mongosh, --eval, db.fsyncLock()]`, post: `[sh, /scripts/thaw.sh]`},
		"a side of the user's own":     {post: `[fsfreeze, --unfreeze, /data]`},
		"a process":                    {pre: `[sh, -c, "kill -STOP 1"]`, post: `[sh, -c, "kill -CONT 1"]`},
		"a freeze by its name":         {pre: `[appctl, freeze]`, post: `[appctl, unfreeze]`},
		"a shell with arguments":       {pre: `[sh, -c, 'exec "$0" "$@"', sync, -f]`},
		"a shell with options":         {pre: `[bash, -euc, "sync; sync"]`},
		"a shell that runs a file":     {pre: `[sh, /scripts/before-backup.sh, --fast]`},
		"a shell whose line is a word": {pre: `[sh, -c, sync]`},
		"a script with a $ in awk":     {pre: `[awk, "{print $1}", /etc/passwd]`},
		"a sync":                       {pre: `[sync]`},
		"an option named as a token":   {pre: `[tool, --token-file=/run/token, --tokens=3, --password=/run/secret]`},
		"a port behind a colon":        {pre: `[curl, "http://localhost:8080/a@b", -u, elastic]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, advice.For(policy(t, test.pre, test.post)))
		})
	}
}

func TestAPolicyForMariaDBIsKnownByItsImages(t *testing.T) {
	spec := policy(t, `[mysql, -e, "SET GLOBAL super_read_only=ON"]`, `[mysql, -e, "SET GLOBAL super_read_only=OFF"]`)
	assert.Empty(t, advice.For(spec))
	spec.Selector.ContainerImages = []v1alpha1.ImagePattern{"(^|/)mariadb:"}
	assert.Len(t, advice.For(spec), 2, "one for each hook")
}

func TestAShellWhereThereIsNone(t *testing.T) {
	spec := policy(t, `[/bin/sh, -c, "sync; sync"]`, "")
	assert.Empty(t, advice.For(spec))
	spec.Shell = v1alpha1.NoShell
	assert.Equal(t, []string{`hook "pre": it starts sh, and shell: None says that the containers have none: ` +
		"leave shell out, or write the program without a shell"}, advice.For(spec))
}

func TestTimeoutsThatAddUpToMoreThanMaxQuiesce(t *testing.T) {
	hook := func(name, container string, timeout time.Duration, stage v1alpha1.Stage) v1alpha1.Hook {
		return v1alpha1.Hook{
			Name: name, Container: container, Stages: []v1alpha1.Stage{stage}, Timeout: v1alpha1.Duration{Duration: timeout},
			Exec: &v1alpha1.ExecAction{Command: []string{"sync"}},
		}
	}
	narrowed := hook("narrowed", "", 6*time.Minute, v1alpha1.PreBackup)
	narrowed.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"role": "primary"}}
	post := hook("post", "", time.Minute, v1alpha1.PostBackup)
	tests := map[string]struct {
		hooks []v1alpha1.Hook
		told  bool
	}{
		"more":                           {[]v1alpha1.Hook{hook("a", "", 6*time.Minute, v1alpha1.PreBackup), hook("b", "", 5*time.Minute, v1alpha1.PreSnapshot), post}, true},
		"as much":                        {[]v1alpha1.Hook{hook("a", "", 5*time.Minute, v1alpha1.PreBackup), hook("b", "", 5*time.Minute, v1alpha1.PreSnapshot), post}, false},
		"more, with nothing to thaw":     {[]v1alpha1.Hook{hook("a", "", 11*time.Minute, v1alpha1.PreBackup)}, false},
		"more, in two containers":        {[]v1alpha1.Hook{hook("a", "db", 6*time.Minute, v1alpha1.PreBackup), hook("b", "web", 6*time.Minute, v1alpha1.PreBackup), post}, false},
		"more, with one for some pods":   {[]v1alpha1.Hook{hook("a", "", 6*time.Minute, v1alpha1.PreBackup), narrowed, post}, false},
		"long hooks after the backup":    {[]v1alpha1.Hook{hook("a", "", time.Minute, v1alpha1.PreBackup), hook("b", "", 20*time.Minute, v1alpha1.PostBackup)}, false},
		"one hook that alone takes more": {[]v1alpha1.Hook{hook("a", "", 11*time.Minute, v1alpha1.PreBackup), post}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			warnings := advice.For(&v1alpha1.HookPolicySpec{Hooks: test.hooks, MaxQuiesce: v1alpha1.Duration{Duration: 10 * time.Minute}})
			if !test.told {
				assert.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			assert.Equal(t, "the hooks before the backup may take 11m0s together, and maxQuiesce, from the first of them on, is 10m0s: "+
				"the thaw could come while they run; raise maxQuiesce or lower their timeouts", warnings[0])
		})
	}
}

// Beyond 256 characters each, and 4096 together, the API server cuts warnings short.
func TestWarningsAreShortAndFew(t *testing.T) {
	long := strings.Repeat("x", 63)
	var spec v1alpha1.HookPolicySpec
	for range 32 {
		for _, source := range []string{
			`[mysql, -phunter2, -e, "FLUSH TABLES WITH READ LOCK"]`, `[mysql, -e, LOCK INSTANCE FOR BACKUP, -p]`,
			`[mariadb, -e, "SET GLOBAL super_read_only=ON"]`, `[psql, -c, select pg_start_backup()]`, `[psql, -c, select pg_backup_start()]`,
			`[redis-cli, BGSAVE]`, `[fsfreeze, -f, /]`, `[fsfreeze, -f, /` + strings.Repeat("y", 59) + `]`, `[fsfreeze, -f, /` + strings.Repeat("y", 200) + `]`,
			`["a b"]`, `[` + long + `, "&&"]`, `[sh, -c, sync, now]`, `[sh, ` + long + ` x]`, `[sqlcmd, SET SUSPEND_FOR_SNAPSHOT_BACKUP = ON]`,
			`[redis-cli, CONFIG SET auto-aof-rewrite-percentage 0]`, `[bash, -` + strings.Repeat("x", 100) + `c]`, `[x, $FOO]`,
		} {
			for _, shell := range []v1alpha1.Shell{v1alpha1.Posix, v1alpha1.NoShell} {
				single := v1alpha1.HookPolicySpec{Shell: shell, Hooks: []v1alpha1.Hook{{
					Name: long, Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, Exec: command(t, source),
				}}}
				warnings := advice.For(&single)
				require.NotEmpty(t, warnings, source)
				for _, warning := range warnings {
					assert.LessOrEqual(t, utf8.RuneCountInString(warning), 256, warning)
				}
				spec.Hooks = append(spec.Hooks, single.Hooks...)
			}
		}
	}
	warnings := advice.For(&spec)
	require.Len(t, warnings, 16)
	assert.Regexp(t, `^there are \d+ more warnings: mend these first$`, warnings[15])
	assert.LessOrEqual(t, len(strings.Join(warnings, "")), 4096)
}

// A policy that passed the schema of another version may lack what this one requires.
func TestAHookWithoutACommandIsPassedOver(t *testing.T) {
	assert.Empty(t, advice.For(&v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{{Name: "none"}, {Name: "empty", Exec: &v1alpha1.ExecAction{}}}}))
}

func TestASecretInAnInitContainerIsToldOf(t *testing.T) {
	for name, test := range map[string]struct {
		container v1alpha1.InitContainer
		told      bool
	}{
		"in its command":            {v1alpha1.InitContainer{Command: []string{"load", "--password=hunter2"}}, true},
		"in its arguments":          {v1alpha1.InitContainer{Command: []string{"psql"}, Args: []string{"postgresql://app:hunter2@db/shop"}}, true},
		"in a variable":             {v1alpha1.InitContainer{Image: "load:1", Env: []corev1.EnvVar{{Name: "DB_PASSWORD", Value: "hunter2"}}}, true},
		"a variable made of one":    {v1alpha1.InitContainer{Image: "load:1", Env: []corev1.EnvVar{{Name: "DB_PASSWORD", ValueFrom: &corev1.EnvVarSource{}}}}, false},
		"a variable made of others": {v1alpha1.InitContainer{Image: "load:1", Env: []corev1.EnvVar{{Name: "DB_PASSWORD", Value: "$(OTHER)"}}}, false},
		"nothing":                   {v1alpha1.InitContainer{Command: []string{"chown", "-R", "999:999", "/data"}}, false},
	} {
		warnings := advice.For(&v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{{
			Name: "seed", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{Containers: []v1alpha1.InitContainer{test.container}},
		}}})
		if !test.told {
			assert.Empty(t, warnings, name)
			continue
		}
		require.Len(t, warnings, 1, name)
		assert.Contains(t, warnings[0], `hook "seed": an init container's command or env seems to hold a password or token`)
		assert.NotContains(t, warnings[0], "hunter2")
		assert.LessOrEqual(t, len(warnings[0]), 256)
	}
}

func TestALineForAShellInAnInitContainerIsToldOf(t *testing.T) {
	for name, test := range map[string]struct {
		container v1alpha1.InitContainer
		says      string
	}{
		"a whole line":            {v1alpha1.InitContainer{Command: []string{"chown -R 999 /data && echo ok"}}, "command[0] is a program and not a line for a shell"},
		"an operator":             {v1alpha1.InitContainer{Command: []string{"chown", "x"}, Args: []string{"&&", "echo"}}, `no shell is started, so command[2], "&&", is handed to chown`},
		"a shell's variable":      {v1alpha1.InitContainer{Command: []string{"echo", "$HOME"}}, "no shell is started, so nothing replaces what follows the $ in command[1]"},
		"the kubelet's variable":  {v1alpha1.InitContainer{Command: []string{"echo", "$(QUIESCE_POD_NAME)"}}, ""},
		"a shell":                 {v1alpha1.InitContainer{Command: []string{"sh", "-c", "chown -R 999 /data && echo $HOME"}}, ""},
		"a shell with no line":    {v1alpha1.InitContainer{Command: []string{"sh", "-c"}}, "sh -c lacks the line to run"},
		"an image of its own":     {v1alpha1.InitContainer{Image: "load:1", Args: []string{"a && b", "|"}}, ""},
		"a variable with a space": {v1alpha1.InitContainer{Image: "load:1", Env: []corev1.EnvVar{{Name: "A", Value: "b && c"}}}, ""},
	} {
		warnings := advice.For(&v1alpha1.HookPolicySpec{Shell: v1alpha1.NoShell, Hooks: []v1alpha1.Hook{{
			Name: "seed", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{Containers: []v1alpha1.InitContainer{test.container}},
		}}})
		if test.says == "" {
			assert.Empty(t, warnings, name)
		} else if assert.Len(t, warnings, 1, name) {
			assert.Contains(t, warnings[0], test.says, name)
		}
	}
}
