package templates_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The programs here answer as the real ones do; against those the templates are run by test/e2e, as far as they can be had.

func TestTheClientOfPostgreSQLIsToldWhoAndWithWhatPassword(t *testing.T) {
	tests := map[string]struct {
		env        []string
		user, host string
		says       string
	}{
		"the official image": {
			env: []string{"POSTGRES_USER=shop", "POSTGRES_PASSWORD=secret"}, says: "shop secret ",
		},
		"its default user": {env: []string{"POSTGRES_PASSWORD=secret"}, says: "postgres secret "},
		"Bitnami's, whose user is no superuser": {
			env: []string{"POSTGRES_USER=shop", "POSTGRES_PASSWORD=his", "POSTGRES_POSTGRES_PASSWORD=super"}, says: "postgres super ",
		},
		"a user that is given, with his password": {
			env: []string{"POSTGRES_USER=shop", "POSTGRES_PASSWORD=his", "POSTGRES_POSTGRES_PASSWORD=super"}, user: "shop", says: "shop his ",
		},
		"a password of the container's own": {env: []string{"PGPASSWORD=own", "POSTGRES_PASSWORD=secret"}, says: "postgres own "},
		"a socket elsewhere":                {host: "/run/pg", says: "postgres  /run/pg"},
		"a user with a quote":               {user: `a"; reboot; $(reboot)`, says: `a"; reboot; $(reboot)  `},
	}
	programs := map[string]string{"psql": `while [ "$1" != -U ]; do shift; done; printf '%s %s %s' "$2" "$PGPASSWORD" "${PGHOST:-}"`}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			onStage(t, programs, func(s *stage) {
				for template, hook := range map[string]string{"postgresql": "checkpoint", "postgresql-backup-mode": "backup-mode"} {
					said, good := s.run(template, hook, test.env, test.user, test.host)
					assert.True(s.t, good, said)
					assert.Equal(s.t, test.says, said)
				}
			})
		})
	}
}

func TestAPasswordMayBeInAFile(t *testing.T) {
	programs := map[string]string{
		"psql":    `printf '%s' "$PGPASSWORD"`,
		"mariadb": `printf '%s' "$MYSQL_PWD"`,
		"mysql":   `printf '%s' "$MYSQL_PWD"`,
	}
	onStage(t, programs, func(s *stage) {
		file := s.write("password", "a b$c'\"\n")
		for _, test := range [][3]string{
			{"postgresql", "checkpoint", "POSTGRES_PASSWORD_FILE"}, {"postgresql", "checkpoint", "POSTGRESQL_PASSWORD_FILE"},
			{"postgresql-backup-mode", "backup-mode", "POSTGRES_PASSWORD_FILE"},
			{"mariadb", "lock", "MARIADB_ROOT_PASSWORD_FILE"}, {"mariadb", "lock", "MYSQL_ROOT_PASSWORD_FILE"},
			{"mariadb-backup-stage", "backup-stage", "MARIADB_ROOT_PASSWORD_FILE"},
			{"mysql", "lock", "MYSQL_ROOT_PASSWORD_FILE"}, {"mysql-instance-lock", "instance-lock", "MYSQL_ROOT_PASSWORD_FILE"},
		} {
			said, good := s.run(test[0], test[1], []string{test[2] + "=" + file}, "", "")
			assert.True(s.t, good, said)
			assert.Equal(s.t, "a b$c'\"", said, test[0])
		}
	})
}

// redisCLI answers from files: info, config. BGSAVE begins what the files saves say.
const redisCLI = `
while [ "${1#-}" != "$1" ]; do shift 2; done
[ -z "${REDISCLI_AUTH:-}" ] || echo "$REDISCLI_AUTH" >"$STAGE/password"
case $1 in
INFO)
  if [ -s "$STAGE/turns" ]; then
    IFS= read -r turn <"$STAGE/turns"
    sed 1d "$STAGE/turns" >"$STAGE/turns.new"
    mv "$STAGE/turns.new" "$STAGE/turns"
    printf '%s\n' "$turn" | tr ' ' '\n' >"$STAGE/info"
  fi
  sed 's/$/\r/' "$STAGE/info"
  ;;
TIME) printf '2000000000\n1\n' ;;
BGSAVE) head -n 1 "$STAGE/bgsave" && sed -i 1d "$STAGE/bgsave" ;;
CONFIG)
  case $2 in
  GET) printf '%s\n%s\n' "$3" "$(cat "$STAGE/$3")" ;;
  SET) echo "$4" >"$STAGE/$3" && echo OK ;;
  esac
  ;;
CLIENT) echo "$*" >>"$STAGE/client" && echo OK ;;
esac`

func TestADumpOfRedisIsWaitedFor(t *testing.T) {
	tests := map[string]struct {
		bgsave, info string
		good         bool
		says         string
	}{
		"it is saved": {
			bgsave: "Background saving started\n",
			info:   "rdb_last_save_time:1 rdb_bgsave_in_progress:0\nrdb_last_save_time:1 rdb_bgsave_in_progress:1\nrdb_last_save_time:5 rdb_bgsave_in_progress:0\n",
			good:   true, says: "saved at 5",
		},
		"it fails": {
			bgsave: "Background saving started\n",
			info:   "rdb_last_save_time:1 rdb_bgsave_in_progress:0\nrdb_last_save_time:1 rdb_bgsave_in_progress:1\nrdb_last_save_time:1 rdb_bgsave_in_progress:0 rdb_last_bgsave_status:err\n",
			says:   "BGSAVE has failed (rdb_last_bgsave_status:err)",
		},
		"it fails before anybody looks": {
			bgsave: "Background saving started\n",
			info:   "rdb_last_save_time:1 rdb_bgsave_in_progress:0\nrdb_last_save_time:1 rdb_bgsave_in_progress:0 rdb_last_bgsave_status:err\n",
			says:   "BGSAVE has failed",
		},
		"another is under way, whose data are older": {
			bgsave: "ERR Background save already in progress\nBackground saving started\n",
			info:   "rdb_last_save_time:1 rdb_bgsave_in_progress:1\nrdb_last_save_time:7 rdb_bgsave_in_progress:0\n",
			good:   true, says: "saved at 7",
		},
		"it comes behind a rewrite of the AOF": {
			bgsave: "Background saving scheduled\n",
			info:   "rdb_last_save_time:1 rdb_bgsave_in_progress:0\nrdb_last_save_time:1 rdb_bgsave_in_progress:0\nrdb_last_save_time:1 rdb_bgsave_in_progress:1\nrdb_last_save_time:9 rdb_bgsave_in_progress:0\n",
			good:   true, says: "saved at 9",
		},
		"the disk is full": {
			bgsave: "MISCONF Errors writing to the AOF file\n", info: "rdb_last_save_time:1 rdb_bgsave_in_progress:0\n", says: "BGSAVE: MISCONF",
		},
		"the password is wrong": {info: "NOAUTH\n", says: "INFO says nothing of saves: NOAUTH"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			onStage(t, map[string]string{"redis-cli": redisCLI}, func(s *stage) {
				s.write("bgsave", test.bgsave)
				s.write("turns", test.info)
				said, good := s.run("redis", "save", []string{"REDIS_PASSWORD=a b"}, "redis-cli", "6379", "")
				assert.Equal(s.t, test.good, good, said)
				assert.Contains(s.t, said, test.says)
				assert.Equal(s.t, "a b\n", s.read("password"))
			})
		})
	}
}

func TestWhatTheAOFOfRedisIsSetToComesBackAsItWas(t *testing.T) {
	const arguments = "redis-cli 6379 "
	for _, before := range []string{"67108864", "0", "1073741824"} {
		onStage(t, map[string]string{"redis-cli": redisCLI, "sync": "exit 0"}, func(s *stage) {
			s.write("info", "aof_enabled:1\naof_rewrite_in_progress:0\naof_rewrite_scheduled:0\n")
			setting := "auto-aof-rewrite-min-size"
			s.write(setting, before)
			s.write("dir", s.dir)
			args := append(strings.Split(arguments, " "), "0")
			for range 2 { // a thaw may have been lost
				said, good := s.run("redis-aof", "keep-files", nil, args...)
				assert.True(s.t, good, said)
				assert.Len(s.t, strings.TrimSpace(s.read(setting)), 19, "no AOF is that long")
			}
			for range 2 {
				said, good := s.run("redis-aof", "release-files", nil, args...)
				assert.True(s.t, good, said)
				assert.Equal(s.t, before, strings.TrimSpace(s.read(setting)))
			}
			assert.NoFileExists(s.t, filepath.Join(s.dir, "client"), "writes go on")
		})
	}
}

func TestWritesToRedisArePausedWhereThatIsAskedFor(t *testing.T) {
	onStage(t, map[string]string{"redis-cli": redisCLI, "sync": "exit 0"}, func(s *stage) {
		s.write("turns", "aof_enabled:1 aof_rewrite_in_progress:1 aof_rewrite_scheduled:0\n"+
			"aof_enabled:1 aof_rewrite_in_progress:0 aof_rewrite_scheduled:1\naof_enabled:1 aof_rewrite_in_progress:0 aof_rewrite_scheduled:0\n")
		s.write("auto-aof-rewrite-min-size", "1")
		s.write("dir", s.dir)
		said, good := s.run("redis-aof", "keep-files", nil, "redis-cli", "6379", "", "90")
		assert.True(s.t, good, said)
		assert.Empty(s.t, s.read("turns"), "the rewrite was waited for")
		said, good = s.run("redis-aof", "release-files", nil, "redis-cli", "6379", "", "90")
		assert.True(s.t, good, said)
		assert.Equal(s.t, "CLIENT PAUSE 90000 WRITE\nCLIENT UNPAUSE\n", s.read("client"))

		s.write("info", "aof_enabled:0\n")
		said, good = s.run("redis-aof", "keep-files", nil, "redis-cli", "6379", "", "0")
		assert.False(s.t, good)
		assert.Contains(s.t, said, "the server keeps no AOF")
	})
}

// curl is an Elasticsearch whose indices are the lines of the file indices, with a + ahead of those that are blocked.
const curl = `
cat >"$STAGE/config"
method= url= data=
while [ $# -gt 0 ]; do
  case $1 in
  --request) method=$2 && shift ;;
  --data) data=$2 && shift ;;
  http*) url=$1 ;;
  esac
  shift
done
echo "$method ${url#http://x/} $data" >>"$STAGE/log"
touch "$STAGE/kept"
selected() { # by an expression, in which -name leaves out what is named only behind a wildcard
  wildcard=
  : >"$STAGE/chosen"
  for item in $(echo "$1" | tr ',*' ' %'); do
    case $item in
    -*)
      [ -n "$wildcard" ] || return 1
      grep -vxe "${item#-}" "$STAGE/chosen" >"$STAGE/fewer" || :
      cp "$STAGE/fewer" "$STAGE/chosen"
      ;;
    *%)
      wildcard=yes
      sed -n "s/^+*\(${item%?}.*\)/\1/p" "$STAGE/indices" | grep . >>"$STAGE/chosen" || :
      ;;
    *) sed 's/^+//' "$STAGE/indices" | grep -xe "$item" >>"$STAGE/chosen" || return 1 ;;
    esac
  done
}
case "$method ${url#http://x/}" in
GET*_settings/index.blocks.write*)
  printf '{'
  sed -n 's/^+\(.*\)/"\1":{"settings":{"index.blocks.write":"true"}}/p' "$STAGE/indices" | paste -sd, - | tr -d '\n'
  printf '}'
  ;;
GET*_cluster/settings*)
  printf '{"persistent":{'
  [ ! -s "$STAGE/kept" ] || printf '"cluster.metadata.quiesce_blocked_before":"%s"' "$(cat "$STAGE/kept")"
  printf '},"transient":{}}'
  ;;
PUT*_cluster/settings*)
  printf '%s' "$data" | sed -n 's/.*before":"\([^"]*\)".*/\1/p' >"$STAGE/kept"
  echo '{"acknowledged":true}'
  ;;
PUT*/_settings*)
  expression=${url#http://x/}
  selected "${expression%%/_settings*}" || { echo "curl: (22) 404" >&2 && exit 22; }
  for index in $(cat "$STAGE/chosen"); do
    case $data in
    *true*) sed -i "s/^$index\$/+$index/" "$STAGE/indices" ;;
    *null*) sed -i "s/^+$index\$/$index/" "$STAGE/indices" ;;
    esac
  done
  echo '{"acknowledged":true}'
  ;;
POST*/_flush*) cat "$STAGE/flush" ;;
esac`

func TestOnlyIndicesThatWereWritableAreMadeSoAgain(t *testing.T) {
	arguments := []string{"http://x", "*", "elastic", "verify", ""}
	for name, before := range map[string]string{
		"none was blocked": "a\nb\nc\n", "some were": "a\n+logs-2025\nb\n+logs-2026\n", "all were": "+a\n+b\n",
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, map[string]string{"curl": curl}, func(s *stage) {
				s.write("indices", before)
				s.write("flush", `{"_shards":{"total":6,"successful":3,"failed":0}}`)
				for range 2 { // by two pods of the cluster
					said, good := s.run("elasticsearch", "block-writes", []string{`ELASTIC_PASSWORD=a"b\c`}, arguments...)
					assert.True(s.t, good, said)
				}
				assert.Equal(s.t, `user = "elastic:a\"b\\c"`+"\n", s.read("config"))
				for line := range strings.Lines(strings.TrimSpace(s.read("indices"))) {
					assert.True(s.t, strings.HasPrefix(line, "+"), line)
				}
				for range 2 {
					said, good := s.run("opensearch", "allow-writes", nil, arguments...)
					assert.True(s.t, good, said)
				}
				assert.Equal(s.t, before, s.read("indices"))
				assert.Empty(s.t, s.read("kept"))
			})
		})
	}
}

func TestIndicesThatAreNamedAreLeftOutWhereTheyWereBlocked(t *testing.T) {
	arguments := []string{"http://x", "a,logs-2025", "elastic", "verify", ""}
	for _, before := range []string{"a\n+logs-2025\nb\n", "+a\n+logs-2025\nb\n", "a\nlogs-2025\nb\n"} {
		onStage(t, map[string]string{"curl": curl}, func(s *stage) {
			s.write("indices", before)
			s.write("flush", `{"_shards":{"total":6,"successful":3,"failed":0}}`)
			said, good := s.run("elasticsearch", "block-writes", nil, arguments...)
			assert.True(s.t, good, said)
			assert.Equal(s.t, "+a\n+logs-2025\nb\n", s.read("indices"))
			said, good = s.run("elasticsearch", "allow-writes", nil, arguments...)
			assert.True(s.t, good, said)
			assert.Equal(s.t, before, s.read("indices"))
		})
	}
}

func TestAFlushThatFailsIsTold(t *testing.T) {
	onStage(t, map[string]string{"curl": curl}, func(s *stage) {
		s.write("indices", "a\n")
		s.write("flush", `{"_shards":{"total":6,"successful":3,"failed":1}}`)
		said, good := s.run("elasticsearch", "block-writes", nil, "http://x", "*", "elastic", "verify", "")
		assert.False(s.t, good)
		assert.Contains(s.t, said, "not all shards were flushed")
	})
}

func TestAServerThatCannotBeReadIsNotBlocked(t *testing.T) {
	onStage(t, map[string]string{"curl": "cat >/dev/null; echo 'curl: (7) refused' >&2; exit 7"}, func(s *stage) {
		for _, hook := range []string{"block-writes", "allow-writes"} {
			said, good := s.run("elasticsearch", hook, nil, "http://x", "*", "elastic", "verify", "")
			assert.False(s.t, good)
			assert.Contains(s.t, said, "refused")
		}
	})
}

func TestAFilesystemOfTheNodeIsNotFrozen(t *testing.T) {
	programs := map[string]string{
		"fsfreeze": `echo "$*" >>"$STAGE/frozen"`,
		// The root is device 1, what the kubelet puts into containers is on device 2.
		"stat": `case $3 in /) echo 1 ;; /etc/hosts) echo 2 ;; */empty-dir/.) echo 2 ;; */root/.) echo 1 ;; */data/.) echo 3 ;; *) echo 9 ;; esac`,
	}
	onStage(t, programs, func(s *stage) {
		for _, path := range []string{"/root", "/empty-dir"} {
			said, good := s.run("fsfreeze", "freeze", nil, s.dir+path)
			assert.False(s.t, good)
			assert.Contains(s.t, said, "it is not frozen")
		}
		said, good := s.run("fsfreeze", "freeze", nil, s.dir+"/data")
		assert.True(s.t, good, said)
		assert.Equal(s.t, "--freeze "+s.dir+"/data\n", s.read("frozen"))
	})
}

func TestTheThawOfWhatIsNotFrozenIsNoFailure(t *testing.T) {
	onStage(t, map[string]string{"fsfreeze": `echo "fsfreeze: /data: unfreeze failed: $(cat "$STAGE/why")" >&2; exit 1`}, func(s *stage) {
		s.write("why", "Invalid argument")
		said, good := s.run("fsfreeze", "thaw", nil, "/data")
		assert.True(s.t, good, said)
		s.write("why", "Operation not permitted")
		said, good = s.run("fsfreeze", "thaw", nil, "/data")
		assert.False(s.t, good)
		assert.Contains(s.t, said, "Operation not permitted")
	})
}

func TestWordPressIsClosedAndOpened(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		maintenance := filepath.Join(s.dir, ".maintenance")
		said, good := s.run("wordpress", "close", nil, s.dir)
		assert.False(s.t, good)
		assert.Contains(s.t, said, "there is no WordPress in "+s.dir)

		s.write("wp-load.php", "")
		for range 2 {
			said, good = s.run("wordpress", "close", nil, s.dir)
			assert.True(s.t, good, said)
			assert.Regexp(s.t, `^<\?php \$upgrading = [0-9]{10}; // quiesce\n$`, s.read(".maintenance"))
		}
		for range 2 {
			said, good = s.run("wordpress", "open", nil, s.dir)
			assert.True(s.t, good, said)
			assert.NoFileExists(s.t, maintenance)
		}

		s.write(".maintenance", "<?php $upgrading = 1; ?>")
		said, good = s.run("wordpress", "close", nil, s.dir)
		assert.False(s.t, good)
		assert.Contains(s.t, said, "WordPress is being updated")
		_, good = s.run("wordpress", "open", nil, s.dir)
		assert.True(s.t, good)
		assert.FileExists(s.t, maintenance, "it is not ours")
	})
}

func TestTheBackupOfInfluxDBReplacesTheLastOnlyWhenItIsWhole(t *testing.T) {
	programs := map[string]string{
		"influxd": `[ "$1" = backup ] || { cat "$STAGE/version"; exit; }
echo "influxd $*" >>"$STAGE/log"
for target; do :; done
mkdir "$target" && cp "$STAGE"/*.manifest "$target" 2>/dev/null || :`,
		"influx": `echo "influx $1 $INFLUX_HOST $INFLUX_TOKEN" >>"$STAGE/log"; mkdir "$2" && echo >"$2/2.manifest"`,
		"sync":   "exit 0",
	}
	onStage(t, programs, func(s *stage) {
		target := filepath.Join(s.dir, "backup")
		s.write("version", "InfluxDB v1.8.10 (git: 1.8 688e697c51fd)")
		s.write("1.manifest", "")
		for range 2 {
			said, good := s.run("influxdb", "backup", nil, target, "")
			assert.True(s.t, good, said)
			assert.FileExists(s.t, filepath.Join(target, "1.manifest"))
		}
		assert.Contains(s.t, s.read("log"), "influxd backup -portable -host 127.0.0.1:8088 "+target)

		assert.NoError(s.t, os.Remove(filepath.Join(s.dir, "1.manifest")))
		said, good := s.run("influxdb", "backup", nil, target, "")
		assert.False(s.t, good)
		assert.Contains(s.t, said, "the backup is not whole")
		assert.FileExists(s.t, filepath.Join(target, "1.manifest"), "the last one is still there")

		s.write("version", "InfluxDB v2.7.11 (git: fbf5d4ab5e)")
		said, good = s.run("influxdb", "backup", []string{"DOCKER_INFLUXDB_INIT_ADMIN_TOKEN=t"}, target, "")
		assert.True(s.t, good, said)
		assert.Contains(s.t, s.read("log"), "influx backup http://localhost:8086 t")
		assert.FileExists(s.t, filepath.Join(target, "2.manifest"))
	})
}

func TestABackupOfKafkaIsRefusedWhileReplicasAreBehind(t *testing.T) {
	onStage(t, map[string]string{"kafka-topics": `cat "$STAGE/behind"`, "sleep": "exit 0"}, func(s *stage) {
		s.write("behind", "OpenJDK 64-Bit Server VM warning: of something else\n")
		said, good := s.run("kafka", "check-replicas", nil, "localhost:9092", "")
		assert.True(s.t, good, said)
		s.write("behind", "Topic: orders Partition: 3 Leader: 1 Replicas: 1,2 Isr: 1\n")
		said, good = s.run("kafka", "check-replicas", nil, "localhost:9092", "")
		assert.False(s.t, good)
		assert.Contains(s.t, said, "Topic: orders Partition: 3")
	})
}

func TestWhatRabbitMQOwesIsWaitedFor(t *testing.T) {
	programs := map[string]string{"rabbitmqctl": `case "$*" in
*eval*) echo "$*" | tr -s ' \n' ' ' >>"$STAGE/log"; echo ok ;;
*list_channels*) [ -s "$STAGE/owed" ] || exit 70; head -n 1 "$STAGE/owed" | tr ' ' '\n'; sed -i 1d "$STAGE/owed" ;;
esac`}
	onStage(t, programs, func(s *stage) {
		s.write("owed", "0 3 0\n0 0 10\n0 0 0\n")
		said, good := s.run("rabbitmq-quiet", "block-publishers", nil, s.dir)
		assert.True(s.t, good, said)
		assert.Empty(s.t, s.read("owed"))
		assert.Contains(s.t, s.read("log"), "rabbit_disk_monitor:set_disk_free_limit(1000000000000000).")
		_, good = s.run("rabbitmq-quiet", "block-publishers", nil, s.dir)
		assert.False(s.t, good, "what it owes cannot be told")
	})
}

func TestJenkinsIsWaitedFor(t *testing.T) {
	programs := map[string]string{"sleep": "exit 0", "curl": `cat >"$STAGE/config"
for last; do :; done
case $last in */computer/*) ;; *) echo "$last" >>"$STAGE/log" && exit ;; esac
head -n 1 "$STAGE/busy" && sed -i 1d "$STAGE/busy"`}
	onStage(t, programs, func(s *stage) {
		credentials := []string{"CREDENTIALS=admin:11ab"}
		s.write("busy", "{\"busyExecutors\":2}\n{\"busyExecutors\":1}\n{\"busyExecutors\":0}\n")
		said, good := s.run("jenkins-idle", "quiet-down", credentials, "http://x/jenkins/", "10", "wait")
		assert.True(s.t, good, said)
		assert.Equal(s.t, "http://x/jenkins/quietDown\n", s.read("log"))
		assert.Equal(s.t, "user = \"admin:11ab\"\n", s.read("config"))

		s.write("busy", "{\"busyExecutors\":2}\n{\"busyExecutors\":2}\n")
		said, good = s.run("jenkins-idle", "quiet-down", credentials, "http://x", "2", "wait")
		assert.False(s.t, good)
		assert.Contains(s.t, said, "builds still run: 2")

		held := `{"_class":"x.ExecutorStepExecution$PlaceholderTask$PlaceholderExecutable","number":1}`
		s.write("busy", `{"busyExecutors":2,"computer":[{"executors":[{"currentExecutable":`+held+`},{"currentExecutable":{"_class":"FreeStyleBuild"}}]}]}
{"busyExecutors":1,"computer":[{"executors":[{"currentExecutable":`+held+`},{"currentExecutable":null}]}]}
`)
		said, good = s.run("jenkins-idle", "quiet-down", credentials, "http://x", "2", "leave")
		assert.True(s.t, good, said)
		assert.Empty(s.t, s.read("busy"))
	})
}

func TestSQLServerIsSuspendedUntilTheInputEnds(t *testing.T) {
	programs := map[string]string{"sqlcmd": `case "$*" in
*IsDatabase*) [ -e "$STAGE/suspended" ] && echo 1 || echo 0 ;;
*) while read -r line; do
  case $line in *' = ON (MODE = COPY_ONLY)') touch "$STAGE/suspended" ;; *' = OFF') rm -f "$STAGE/suspended" ;; esac
  [ "$line" = GO ] || echo "$line" >>"$STAGE/log"
done ;;
esac`}
	onStage(t, programs, func(s *stage) {
		said, good := s.run("sqlserver", "suspend", nil, "shop", "sa") // its input is at its end
		assert.True(s.t, good, said)
		assert.Equal(s.t, "ALTER DATABASE [shop] SET SUSPEND_FOR_SNAPSHOT_BACKUP = ON (MODE = COPY_ONLY)\nALTER DATABASE [shop] SET SUSPEND_FOR_SNAPSHOT_BACKUP = OFF\n", s.read("log"))
		assert.NoFileExists(s.t, filepath.Join(s.dir, "suspended"))
	})
}

func TestAClientOfMinIOIsNotGivenWhatItWouldMisread(t *testing.T) {
	onStage(t, map[string]string{"mc": `echo "$MC_HOST_quiesce $*"`}, func(s *stage) {
		said, good := s.run("minio-freeze", "freeze", []string{"MINIO_ROOT_USER=root", "MINIO_ROOT_PASSWORD=secret"}, "http://localhost:9000", "freeze")
		assert.True(s.t, good, said)
		assert.Contains(s.t, said, "http://root:secret@localhost:9000 ")
		assert.Contains(s.t, said, "admin service freeze quiesce")
		said, good = s.run("minio-freeze", "freeze", []string{"MINIO_ROOT_USER=root", "MINIO_ROOT_PASSWORD=a@b"}, "http://localhost:9000", "freeze")
		assert.False(s.t, good)
		assert.Contains(s.t, said, "cannot read")
	})
}
