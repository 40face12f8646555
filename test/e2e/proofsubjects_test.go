//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// padding makes writes as large as those of applications.
var padding = strings.Repeat("0123456789abcdef", 128)

// RabbitMQ, whose publishers wait. Its server takes longest to start, so that it is the first.
func TestProofRabbitMQ(t *testing.T) {
	const connect = `
import pika, sys
channel = pika.BlockingConnection(pika.ConnectionParameters("localhost")).channel()
`
	prove(t, subject{
		manifest: "rabbitmq.yaml", template: "rabbitmq-quiet", blocks: true,
		broken: regexp.MustCompile(`\[error\].*`),
		// It listens when all is recovered. Its own tools take seconds.
		alive: []string{"python3", "-c", `import socket; socket.create_connection(("localhost", 5672))`},
		open: func(ctx context.Context, p *proof) func(int) error {
			client := p.converse(ctx, p.server, "rabbitmq", "python3", "-uc", connect+`
channel.queue_declare("proof", durable=True)
channel.confirm_delivery()
for line in sys.stdin:
    channel.basic_publish("", "proof", line.encode(), pika.BasicProperties(delivery_mode=2))
    print("confirmed")
`)
			return func(number int) error { return client.say("confirmed", "%d %s", number, padding) }
		},
		check: "rabbitmqctl --quiet list_queues name messages_persistent state",
		found: "python3 -c '" + connect + `
while True:
    method, _, body = channel.basic_get("proof")
    if method is None:
        break
    print(body.split()[0].decode())
'`,
	})
}

// Redis with AOF: a rewrite replaces files while they are copied.
func TestProofRedisAOF(t *testing.T) {
	prove(t, redis("redis-aof.yaml", "redis-aof"))
}

// Redis without AOF: what was written since the last dump would be lost.
func TestProofRedis(t *testing.T) {
	s := redis("redis.yaml", "redis")
	s.exports = true
	s.check = "cd $DATADIR && redis-check-rdb dump.rdb | tail -n 1"
	prove(t, s)
}

func redis(manifest, template string) subject {
	return subject{
		manifest: manifest, template: template,
		alive: shell("redis-cli ping | grep -q PONG"),
		open: func(ctx context.Context, p *proof) func(int) error {
			server := dial(ctx, p.t, p.server.Status.PodIP+":6379")
			return func(number int) error { return server.say("+OK", "MSET n:%d 1 padding %s", number, padding) }
		},
		check: "cd $DATADIR/appendonlydir && redis-check-aof appendonly.aof.manifest | tail -n 1",
		found: "redis-cli --scan --pattern 'n:*' | cut -d : -f 2",
	}
}

// What is in InnoDB recovers from a snapshot as from a crash, with hooks or without. (Copied file by file it does not even while the lock is held, since what was
// written before is still on its way from memory to the files.) What is in MyISAM does not recover: in memory there are parts of its tables.
func TestProofMariaDB(t *testing.T) {
	prove(t, mariaDB("mariadb"))
}

func TestProofMariaDBBackupStage(t *testing.T) {
	prove(t, mariaDB("mariadb-backup-stage"))
}

// mariaDB is written to in a table of each kind.
func mariaDB(template string) subject {
	return subject{
		manifest: "mariadb.yaml", template: template, blocks: true, snapshot: true,
		alive: []string{"mariadb-admin", "ping"},
		open: func(ctx context.Context, p *proof) func(int) error {
			_, err := p.ask(ctx, p.server, "mariadb", "-e", "CREATE DATABASE proof; "+
				"CREATE TABLE proof.t (n INT PRIMARY KEY, padding TEXT, KEY (padding(64))); "+
				"CREATE TABLE proof.m (n INT PRIMARY KEY) ENGINE = MyISAM DELAY_KEY_WRITE = 1")
			require.NoError(p.t, err)
			client := p.converse(ctx, p.server, "mariadb", "mariadb", "-nN")
			return func(number int) error {
				return client.say(strconv.Itoa(number), "INSERT INTO proof.t VALUES (%[1]d, CONCAT(UUID(), '%[2]s')); INSERT INTO proof.m VALUES (%[1]d); SELECT %[1]d;",
					number, padding)
			}
		},
		check: "mariadb-check --all-databases --extended >/tmp/check; ! grep -v ' OK$' /tmp/check && echo all tables are OK",
		found: "mariadb -N -e 'SELECT n FROM proof.t JOIN proof.m USING (n)'",
	}
}

// postgreSQL is written to while WAL goes to an archive on the same volume.
func postgreSQL(template string, params map[string]string, checkpoints bool) subject {
	return subject{
		manifest: "postgres.yaml", template: template, params: params,
		alive: []string{"psql", "-c", "SELECT"},
		open: func(ctx context.Context, p *proof) func(int) error {
			require.NoError(p.t, os.Mkdir(p.volume+"/archive", 0o700))
			require.NoError(p.t, os.Chown(p.volume+"/archive", 999, 999))
			_, err := p.ask(ctx, p.server, "psql", "-c", "ALTER SYSTEM SET archive_command = 'cp %p "+walArchive+"/%f'", "-c", "SELECT pg_reload_conf()",
				"-c", "CREATE TABLE proof (n int PRIMARY KEY, id uuid, padding text)", "-c", "CREATE INDEX ON proof (id)")
			require.NoError(p.t, err)
			client := p.converse(ctx, p.server, "postgres", "psql", "-AtqX")
			return func(number int) error {
				checkpoint := ""
				if checkpoints && number%20 == 0 { // as often as a busy server has them, in time that goes faster
					checkpoint = "CHECKPOINT; "
				}
				return client.say(strconv.Itoa(number), "%sINSERT INTO proof VALUES (%d, gen_random_uuid(), '%s') RETURNING n;", checkpoint, number, padding)
			}
		},
		// It has to be writable: until then it recovers.
		check: "until psql -qc 'CREATE TEMPORARY TABLE writable ()'; do sleep 0.1; done 2>/dev/null; " +
			"pg_amcheck --database postgres --install-missing --heapallindexed && echo all tables and indexes are well",
		found: "psql -AtqXc 'SELECT n FROM proof'",
	}
}

const walArchive = "/var/lib/postgresql/archive"

// A snapshot of one moment is what a crash leaves, so that nothing is lost without hooks either. A checkpoint makes the recovery shorter.
func TestProofPostgreSQL(t *testing.T) {
	s := postgreSQL("postgresql", nil, false)
	s.snapshot, s.control = true, (*proof).requireShorterRecovery
	prove(t, s)
}

func (p *proof) requireShorterRecovery() {
	with := p.recovered()
	p.waitWritten(200)
	begun := time.Now()
	copied := p.copy()
	found, err := p.examine(copied, false)
	require.NoError(p.t, err)
	assert.Empty(p.t, p.ledger.judge(found, begun, time.Now()))
	without := p.recovered()
	p.t.Logf("%s: recovered by %d KiB of WAL, without hooks by %d KiB", p.template, with>>10, without>>10)
	assert.Less(p.t, with, without/2)
}

// recovered is how much of the WAL the server on the last copy has replayed, in bytes.
func (p *proof) recovered() int64 {
	p.t.Helper()
	log := p.log(p.restored)
	position := func(words string) int64 {
		match := regexp.MustCompile(words + ` ([0-9A-F]+)/([0-9A-F]+)`).FindStringSubmatch(log)
		require.NotNil(p.t, match, "%s is not in the log: %s", words, log)
		high, err := strconv.ParseInt(match[1], 16, 64)
		require.NoError(p.t, err)
		low, err := strconv.ParseInt(match[2], 16, 64)
		require.NoError(p.t, err)
		return high<<32 + low
	}
	return position("redo done at") - position("redo starts at")
}

// PostgreSQL in its backup mode, by its book: files of different moments are brought together by the label and the WAL archive.
func TestProofPostgreSQLBackupMode(t *testing.T) {
	s := postgreSQL("postgresql-backup-mode", map[string]string{"waitForArchive": "true"}, true)
	s.mend = func(p *proof, copied string, hooked bool) {
		if !hooked {
			return
		}
		label, err := p.ask(p.t.Context(), p.server, "cat", "/tmp/quiesce_backup_label")
		require.NoError(p.t, err)
		require.NoError(p.t, os.RemoveAll(copied+"/archive"))
		require.NoError(p.t, exec.CommandContext(p.t.Context(), "cp", "-a", p.volume+"/archive", copied+"/archive").Run())
		settings, err := os.OpenFile(copied+"/data/postgresql.auto.conf", os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(p.t, err)
		_, err = settings.WriteString("restore_command = 'cp " + walArchive + "/%f %p'\nrecovery_target = 'immediate'\nrecovery_target_action = 'promote'\n")
		require.NoError(p.t, errors.Join(err, settings.Close()))
		for name, content := range map[string]string{"backup_label": label + "\n", "recovery.signal": ""} {
			path := copied + "/data/" + name
			require.NoError(p.t, os.WriteFile(path, []byte(content), 0o600))
			require.NoError(p.t, os.Chown(path, 999, 999))
		}
	}
	prove(t, s)
}

func TestProofEtcd(t *testing.T) {
	prove(t, subject{
		manifest: "etcd.yaml", template: "etcd", params: map[string]string{"file": "/var/lib/etcd/snapshot.db"}, exports: true,
		alive: []string{"etcdctl", "endpoint", "health"},
		open: func(ctx context.Context, p *proof) func(int) error {
			encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
			return func(number int) error {
				_, err := request(ctx, "http://"+p.server.Status.PodIP+":2379/v3/kv/put",
					fmt.Sprintf(`{"key":%q,"value":%q}`, encode(fmt.Sprintf("n/%d", number)), encode(padding)))
				return err
			}
		},
		restoring: shell("rm -rf $ETCD_DATA_DIR && etcdctl snapshot restore /var/lib/etcd/snapshot.db --data-dir $ETCD_DATA_DIR && " +
			"exec etcd --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://127.0.0.1:2379"),
		check: "etcdctl endpoint hashkv",
		found: "etcdctl get --prefix --keys-only n/ | cut -d / -f 2",
	})
}

func TestProofInfluxDB(t *testing.T) {
	prove(t, subject{
		manifest: "influxdb.yaml", template: "influxdb", params: map[string]string{"directory": "/var/lib/influxdb/backup"}, exports: true,
		alive: []string{"influx", "-execute", "SHOW DATABASES"},
		open: func(ctx context.Context, p *proof) func(int) error {
			url := "http://" + p.server.Status.PodIP + ":8086"
			if _, err := request(ctx, url+"/query", "q=CREATE DATABASE proof"); err != nil {
				p.t.Error(err)
			}
			return func(number int) error {
				_, err := request(ctx, url+"/write?db=proof", fmt.Sprintf("w n=%di,padding=%q %d", number, padding, number))
				return err
			}
		},
		mend: func(p *proof, copied string, hooked bool) {
			if hooked { // it is restored into a new server
				require.NoError(p.t, os.RemoveAll(copied+"/data"))
			}
		},
		load: shell("influxd restore -portable /var/lib/influxdb/backup"),
		// Debian has no influx_inspect. A backup reads all there is.
		check: "influxd backup -portable /tmp/again 2>&1 | tail -n 1",
		found: "influx -database proof -execute 'SELECT n FROM w' -format csv | tail -n +2 | cut -d , -f 3",
	})
}
