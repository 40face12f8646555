package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const architecture = runtime.GOARCH

// recipe is an image that is made on this machine. Its tag is fixed, and never latest: kubelet would ask a registry.
type recipe struct {
	tag string
	// archive answers the path of the image's docker-archive, making it when the cache lacks it.
	archive func(ctx context.Context, l layout) (string, error)
}

var recipes = map[string]recipe{
	"busybox": {tag: busyboxImage, archive: busyboxArchive},
	"nginx": debianRecipe(debianImage{
		tag: "quiesce.test/nginx:1.22", packages: []string{"nginx-light"},
		// Logs go where `kubectl logs` finds them.
		setup:   "ln -sf /dev/stdout /var/log/nginx/access.log; ln -sf /dev/stderr /var/log/nginx/error.log",
		command: []string{"nginx", "-g", "daemon off;"},
	}),
	"postgres": debianRecipe(debianImage{
		tag: postgresImage, packages: []string{"postgresql-15"},
		// A user of a fixed number, for runAsNonRoot and fsGroup, and no database in the image itself.
		prepare: "groupadd --system --gid 999 postgres; useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres; " +
			"mkdir /etc/postgresql-common; echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf",
		programs: "/usr/lib/postgresql/15/bin",
		env:      []string{"PGDATA=/var/lib/postgresql/data", "PGHOST=/tmp", "PGUSER=postgres"},
		user:     "999:999",
		command:  []string{"sh", "-c", postgresScript},
	}),
	"mariadb": debianRecipe(debianImage{
		tag: mariadbImage, packages: []string{"mariadb-server"},
		prepare: "groupadd --system --gid 999 mysql; useradd --system --uid 999 --gid 999 --home-dir /var/lib/mysql mysql",
		setup: "rm -rf /var/lib/mysql/* /etc/mysql/mariadb.conf.d/*; " +
			"printf '[client]\\nsocket=/tmp/mariadb.sock\\nuser=root\\n[mariadbd]\\nsocket=/tmp/mariadb.sock\\npid-file=/tmp/mariadb.pid\\n' >/etc/mysql/mariadb.conf.d/pod.cnf",
		env:     []string{"DATADIR=/var/lib/mysql/data", "HOME=/tmp"},
		user:    "999:999",
		command: []string{"sh", "-c", mariadbScript},
	}),
	"redis": debianRecipe(debianImage{
		tag: redisImage, packages: []string{"redis-server"},
		env:     []string{"DATADIR=/var/lib/redis/data", "HOME=/tmp"},
		user:    "999:999",
		command: []string{"sh", "-c", redisScript},
	}),
	"etcd": debianRecipe(debianImage{
		tag: etcdImage, packages: []string{"etcd-server", "etcd-client"},
		env:     []string{"ETCD_DATA_DIR=/var/lib/etcd/data", "ETCDCTL_API=3", "HOME=/tmp"},
		user:    "999:999",
		command: []string{"sh", "-c", etcdScript},
	}),
	"rabbitmq": debianRecipe(debianImage{
		tag: rabbitmqImage, packages: []string{"rabbitmq-server", "python3-pika"},
		programs: "/usr/lib/rabbitmq/bin",
		env: []string{
			"HOME=/var/lib/rabbitmq", "RABBITMQ_MNESIA_BASE=/var/lib/rabbitmq/data", "RABBITMQ_LOG_BASE=/tmp", "RABBITMQ_PID_FILE=/tmp/rabbitmq.pid",
			"RABBITMQ_ENABLED_PLUGINS_FILE=/tmp/enabled_plugins", "RABBITMQ_NODENAME=rabbit@localhost", "RABBITMQ_LOGS=-",
		},
		user:    "999:999",
		command: []string{"rabbitmq-server"},
	}),
	"influxdb": debianRecipe(debianImage{
		tag: influxdbImage, packages: []string{"influxdb", "influxdb-client"},
		env: []string{
			"INFLUXDB_META_DIR=/var/lib/influxdb/data/meta", "INFLUXDB_DATA_DIR=/var/lib/influxdb/data/data",
			"INFLUXDB_DATA_WAL_DIR=/var/lib/influxdb/data/wal", "INFLUXDB_REPORTING_DISABLED=true", "HOME=/tmp",
		},
		user:    "999:999",
		command: []string{"influxd"},
	}),
	"quiesce": {tag: quiesceImage, archive: quiesceArchive},
	"velero":  {tag: veleroImage, archive: veleroArchive},
}

func recipeNames() string { return strings.Join(slices.Sorted(maps.Keys(recipes)), ", ") }

const pathVariable = "PATH=" + systemPath

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const postgresImage = "quiesce.test/postgres:15"

// postgresScript ends in the server itself, which so is PID 1. A database whose making was interrupted does not pass for a
// whole one.
const postgresScript = `set -e
if [ ! -d "$PGDATA" ]; then
  rm -rf "$PGDATA.unfinished"
  initdb --username=postgres --auth=trust --pgdata="$PGDATA.unfinished"
  mv "$PGDATA.unfinished" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c unix_socket_directories=/tmp $OPTIONS`

const mariadbImage = "quiesce.test/mariadb:10.11"

// mariadbScript ends in the server itself, which so is PID 1, as postgresScript does.
const mariadbScript = `set -e
if [ ! -d "$DATADIR" ]; then
  rm -rf "$DATADIR.unfinished"
  mariadb-install-db --auth-root-authentication-method=normal --skip-test-db --datadir="$DATADIR.unfinished"
  mv "$DATADIR.unfinished" "$DATADIR"
fi
exec mariadbd --datadir="$DATADIR" $OPTIONS`

const (
	redisImage    = "quiesce.test/redis:7.0"
	etcdImage     = "quiesce.test/etcd:3.4"
	rabbitmqImage = "quiesce.test/rabbitmq:3.10"
	influxdbImage = "quiesce.test/influxdb:1.6"
)

// Options of a server beside those of its script are in the container's variable OPTIONS.
const (
	redisScript = `mkdir -p "$DATADIR" && exec redis-server --dir "$DATADIR" --protected-mode no --bind 0.0.0.0 $OPTIONS`
	etcdScript  = `exec etcd --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls http://127.0.0.1:2379 $OPTIONS`
)

// cachedArchive finds or makes an archive whose name says all that decides its content.
func (l layout) cachedArchive(tag string, ingredients []string, cook func(path, scratch string) error) (string, error) {
	path := filepath.Join(l.images(), fileName(tag, ingredients)+".tar")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(l.images(), 0o755); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp(l.images(), "making-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	return path, cook(path, scratch)
}

func fileName(tag string, ingredients []string) string {
	hash := sha256.Sum256([]byte(strings.Join(ingredients, "\x00")))
	base := filepath.Base(strings.ReplaceAll(tag, ":", "-"))
	return fmt.Sprintf("%s-%s", base, hex.EncodeToString(hash[:])[:12])
}

// packageVersion is what dpkg has installed, since images made of the machine's own packages change with them.
func packageVersion(ctx context.Context, name string) (string, error) {
	out, err := output(ctx, "dpkg-query", "-W", "-f", "${Version}", name)
	if err != nil {
		return "", fmt.Errorf("version of Debian package %s: %w", name, err)
	}
	return out, nil
}

const (
	pauseImage   = "quiesce.test/pause:1"
	busyboxImage = "quiesce.test/busybox:1.35"
)

// loadPause gives containerd the image of pod sandboxes: a static program of our own.
func (c *cluster) loadPause(ctx context.Context) error {
	_, err := c.loadRecipe(ctx, recipe{tag: pauseImage, archive: pauseArchive})
	return err
}

func pauseArchive(ctx context.Context, l layout) (string, error) {
	source, err := os.ReadFile(filepath.Join(l.source, "pause", "main.go"))
	if err != nil {
		return "", err
	}
	return l.cachedArchive(pauseImage, []string{string(source), runtime.Version(), architecture}, func(path, scratch string) error {
		binary := filepath.Join(scratch, "pause")
		if err := goBuild(ctx, "building pause", l.source, "./pause", "-s -w", binary); err != nil {
			return err
		}
		layer := filepath.Join(scratch, "layer.tar")
		if err := writeLayer(layer, []entry{{path: "pause", mode: 0o755, from: binary}}); err != nil {
			return err
		}
		return writeArchive(path, pauseImage, v1.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"}, layer)
	})
}

// busyboxArchive holds Debian's static busybox with a link for each of its applets, and the few files that programs
// look for.
func busyboxArchive(ctx context.Context, l layout) (string, error) {
	version, err := packageVersion(ctx, "busybox-static")
	if err != nil {
		return "", err
	}
	return l.cachedArchive(busyboxImage, []string{version, "1"}, func(path, scratch string) error {
		applets, err := output(ctx, "/bin/busybox", "--list")
		if err != nil {
			return err
		}
		entries := []entry{
			{path: "bin/", mode: 0o755}, {path: "etc/", mode: 0o755}, {path: "home/", mode: 0o755}, {path: "root/", mode: 0o700},
			{path: "tmp/", mode: 0o1777}, {path: "var/", mode: 0o755}, {path: "usr/", mode: 0o755},
			{path: "usr/bin", link: "../bin"}, {path: "sbin", link: "bin"},
			{path: "etc/passwd", mode: 0o644, text: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"},
			{path: "etc/group", mode: 0o644, text: "root:x:0:\nnogroup:x:65534:\n"},
			{path: "bin/busybox", mode: 0o755, from: "/bin/busybox"},
		}
		for _, applet := range strings.Fields(applets) {
			if applet != "busybox" {
				entries = append(entries, entry{path: "bin/" + applet, link: "busybox"})
			}
		}
		layer := filepath.Join(scratch, "layer.tar")
		if err := writeLayer(layer, entries); err != nil {
			return err
		}
		return writeArchive(path, busyboxImage, v1.Config{Cmd: []string{"sh"}, Env: []string{pathVariable}}, layer)
	})
}
