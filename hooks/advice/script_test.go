package advice_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/advice"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// warningsOf reads hooks as they are written in a policy.
func warningsOf(t *testing.T, hooks string) []string {
	t.Helper()
	spec := &v1alpha1.HookPolicySpec{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(hooks), spec), hooks)
	return advice.For(spec)
}

// hooks are a pre hook and a post hook, of which there may be none.
func hooks(pre, post string) string {
	list := `hooks: [{name: pre, stages: [PreSnapshot], ` + pre + `}`
	if post != "" {
		list += `, {name: post, stages: [PostSnapshot], ` + post + `}`
	}
	return list + `]`
}

func TestWhatIsToldOfScriptsAndHolds(t *testing.T) {
	const lock = `"SET SESSION lock_wait_timeout=30; FLUSH TABLES WITH READ LOCK; SELECT 'held';"`
	tests := map[string]struct {
		hooks string
		says  string
	}{
		"a one-shot lock in a script": {
			hooks(`script: {inline: "#!/bin/bash\nset -e\nmysql -e 'FLUSH TABLES WITH READ LOCK'\n"}`, ""), `hook "pre": FLUSH TABLES WITH READ LOCK ends with its client`},
		"the way out of it":        {hooks(`exec: {command: [mysql, -e, FLUSH TABLES WITH READ LOCK]}`, ""), "write hold, not exec"},
		"a freeze in a script":     {hooks(`script: {inline: "#!/bin/sh\nfsfreeze -f /data\n"}`, ""), "no hook after the backup thaws /data"},
		"a thaw that is a comment": {hooks(`script: {inline: "#!/bin/sh\n# later: fsfreeze -u /data\nfsfreeze -f /data\n"}`, ""), "no hook after the backup thaws /data"},
		"a password in a script":   {hooks(`script: {inline: "#!/usr/bin/env bash\nmysql -phunter2 -e 'FLUSH LOGS'\n"}`, ""), "seems to hold a password"},
		"a password in its env":    {hooks(`script: {name: x, inline: "#!/bin/sh\nsync\n", env: [{name: DB_PASSWORD, value: hunter2}]}`, ""), "seems to hold a password"},
		"a script that asks":       {hooks(`script: {inline: "#!/bin/sh\nmysql -p -e 'FLUSH LOGS'\n"}`, ""), "a lone -p asks for a password"},

		"a hold that is buffered": {hooks(`hold: {command: [mariadb, -uroot], stdin: `+lock+`, readyPattern: held}`, ""), "without a terminal mariadb keeps its answer in a buffer"},
		"the same by a shell":     {hooks(`hold: {command: [sh, -c, 'exec mysql -u"$USER"'], stdin: `+lock+`, readyPattern: held}`, ""), "without a terminal mysql keeps its answer in a buffer"},
		"a hold without a limit":  {hooks(`hold: {command: [mariadb, -n], stdin: "FLUSH TABLES WITH READ LOCK;", readyPattern: held}`, ""), "FLUSH TABLES WITH READ LOCK waits for what runs"},
		"a hold of stages":        {hooks(`hold: {command: [mariadb, -n], stdin: "BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT;", readyPattern: held}`, ""), "BACKUP STAGE waits for what runs"},
		"a password in a hold":    {hooks(`hold: {command: [mysql, -n, -phunter2], readyPattern: held}`, ""), "seems to hold a password"},
		"an operator in a hold":   {hooks(`hold: {command: [mysql, -n, "2>&1"], readyPattern: held}`, ""), "no shell is started"},

		"a thaw on success": {hooks(`exec: {command: [fsfreeze, -f, /data]}`, `executionPolicy: OnSuccess, exec: {command: [fsfreeze, -u, /data]}`), `hook "post": it does not run after every outcome`},
		"a thaw in some pods": {
			hooks(`exec: {command: [mongosh, --eval, db.fsyncLock()]}`, `onlyIf: {command: [is-primary]}, exec: {command: [mongosh, --eval, db.fsyncUnlock()]}`), `hook "post": it does not run after every outcome`},
		"a thaw by its name": {
			`hooks: [{name: quiet, stages: [PreBackup], exec: {command: [x]}}, {name: resume-app, stages: [PostBackup], executionPolicy: OnFailure, exec: {command: [y]}}]`,
			`hook "resume-app": it does not run after every outcome`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			warnings := warningsOf(t, test.hooks)
			require.NotEmpty(t, warnings)
			assert.Contains(t, strings.Join(warnings, "\n"), test.says)
			assert.NotContains(t, strings.Join(warnings, "\n"), "hunter2")
			for _, warning := range warnings {
				assert.LessOrEqual(t, len(warning)+60, 256+len("pre"), "with a long name as well")
			}
		})
	}
}

func TestWhatIsNotToldOfScriptsAndHolds(t *testing.T) {
	tests := map[string]string{
		"a script that does both":                 hooks(`script: {inline: "#!/bin/sh\nfsfreeze -f /data\n"}`, `script: {inline: "#!/bin/sh\nfsfreeze -u /data\n"}`),
		"a thaw by a script's name":               hooks(`exec: {command: [fsfreeze, -f, /data]}`, `script: {name: thaw-it}`),
		"a thaw in Python":                        hooks(`exec: {command: [fsfreeze, -f, /data]}`, `script: {inline: "#!/usr/bin/env python3\nimport thaw\n"}`),
		"a thaw by a request":                     hooks(`exec: {command: [mongosh, --eval, db.fsyncLock()]}`, `httpPost: {port: 80}`),
		"a thaw by a Job":                         hooks(`exec: {command: [mongosh, --eval, db.fsyncLock()]}`, `job: {template: {}}`),
		"a thaw by a template":                    `{template: {name: x}, hooks: [{name: freeze, stages: [PreSnapshot], exec: {command: [fsfreeze, -f, /data]}}]}`,
		"a script in Perl":                        hooks(`script: {inline: "#!/usr/bin/perl\nprint $FOO && $(x);\n", args: ["&&", "$FOO"]}`, ""),
		"a script with arguments":                 hooks(`script: {inline: "#!/bin/sh\nsync \"$1\" && echo \"$HOME\"\n", args: ["/data", "-f"]}`, ""),
		"a script without a known text":           hooks(`script: {name: x, args: ["a b"]}`, ""),
		"a hold as it is to be":                   hooks(`hold: {command: [mariadb, -n], stdin: "SET SESSION lock_wait_timeout=30; FLUSH TABLES WITH READ LOCK; SELECT 'held';", readyPattern: held}`, ""),
		"a hold with options together":            hooks(`hold: {command: [mysql, -sNn, -uroot], stdin: "LOCK TABLES a READ NOWAIT", readyPattern: held}`, ""),
		"a hold whose shell looks for its client": hooks(`hold: {command: [sh, -c, "c=mariadb\ncommand -v mariadb || c=mysql\nexec \"$c\" -n -u\"$1\"", mariadb, app], readyPattern: held}`, ""),
		"a hold with the long option":             hooks(`hold: {command: [mysql, --unbuffered], readyPattern: held}`, ""),
		"a hold of PostgreSQL":                    hooks(`hold: {command: [psql, -At], stdin: "SELECT 'held' FROM pg_backup_start('x', true);", readyPattern: held}`, ""),
		"a word on failure":                       hooks(`exec: {command: [psql, -c, CHECKPOINT]}`, `executionPolicy: OnFailure, exec: {command: [notify]}`),
		"a thaw beside a word on failure":         hooks(`exec: {command: [fsfreeze, -f, /data]}`, `executionPolicy: OnFailure, exec: {command: [notify]}}, {name: thaw, stages: [PostSnapshot], exec: {command: [fsfreeze, -u, /data]}`),
		"a hold with a word on its end":           hooks(`hold: {command: [psql], readyPattern: x}`, `executionPolicy: OnSuccess, exec: {command: [notify]}`),
		"a script that is no script":              hooks(`script: {inline: "echo"}`, ""),
		"a freeze that undoes itself, too":        hooks(`exec: {command: [sh, -c, "fsfreeze -f /data; fsfreeze -u /data"]}`, `executionPolicy: OnSuccess, exec: {command: [notify]}`),
	}
	for name, hooks := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, warningsOf(t, hooks))
		})
	}
}
