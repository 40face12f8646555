package chain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests run scripts in containers of their own: new PID and mount namespaces, with this very program as PID 1. It
// stands for PostgreSQL, which restarts when a child of its ends by a signal or with a code other than 0 and 1, or for a
// program that knows nothing of children and never reaps one.

const (
	patience = time.Minute
	tick     = 50 * time.Millisecond
	// soon is a deadline of watchdogs: what comes before it has that long, on a machine that does ten other things.
	soon = 6 * time.Second
	// forever is more than any test takes, for timeouts and deadlines that are not to pass.
	forever = time.Hour
	nobody  = 65534
)

// settings are what PID 1 is to set up.
type settings struct {
	Shell    string // the program to be /bin/sh
	Dir      string // stays writable
	ReadOnly bool   // all else is not
	NoProc   bool
	Lazy     bool // never reaps
}

const settingsVariable = "QUIESCE_TEST_CONTAINER"

func TestMain(m *testing.M) {
	if value, found := os.LookupEnv(settingsVariable); found {
		if err := initProcess(value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	// A shell cannot trap what was ignored when it began, as HUP is under nohup. What is caught here is no longer ignored in
	// the programs that are started.
	for _, ignored := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		if signal.Ignored(ignored) {
			signal.Notify(make(chan os.Signal, 1), ignored)
		}
	}
	// These tests mostly wait.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// exit is how a child of PID 1 ended.
type exit struct {
	Code, Signal int
}

// initProcess is PID 1 of a container, until its stdin is closed. It writes a line when all is set up, and one for each
// child that it has reaped.
func initProcess(value string) error {
	var s settings
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		return err
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	if err := s.mount(); err != nil {
		return err
	}
	reports := json.NewEncoder(os.Stdout)
	if err := reports.Encode(exit{}); err != nil {
		return err
	}
	if !s.Lazy {
		go func() {
			for range children {
				var status syscall.WaitStatus
				for {
					if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); pid <= 0 || err != nil {
						break
					}
					e := exit{Code: status.ExitStatus()}
					if status.Signaled() {
						e.Signal = int(status.Signal())
					}
					_ = reports.Encode(e)
				}
			}
		}()
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (s settings) mount() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	proc := "proc"
	if s.NoProc {
		proc = "tmpfs"
	}
	if err := syscall.Mount(proc, "/proc", proc, 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if err := syscall.Mount(s.Shell, "/bin/sh", "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("making %s /bin/sh: %w", s.Shell, err)
	}
	if !s.ReadOnly {
		return nil
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	if err := syscall.Mount(s.Dir, s.Dir, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		target := strings.Fields(line)[1]
		if err := syscall.Mount("", target, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil && target == "/" {
			return fmt.Errorf("making / read-only: %w", err)
		}
	}
	return nil
}

// eachShell runs a test under every shell that the scripts are meant for.
func eachShell(t *testing.T, test func(t *testing.T, shell string)) {
	t.Helper()
	t.Parallel()
	for _, name := range []string{"dash", "bash", "busybox"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, shellPath(t, name))
		})
	}
}

func shellPath(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	require.NoError(tb, err, "`make shells` installs it")
	return path
}

// container is a container for a test. Hooks may write to dir.
type container struct {
	t   *testing.T
	dir string
	pid int

	lock  sync.Mutex
	exits []exit
}

func newContainer(t *testing.T, shell string, change ...func(*settings)) *container {
	t.Helper()
	c := &container{t: t, dir: t.TempDir()}
	// Others than root are to reach it.
	for dir := c.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o777))
	}
	s := settings{Shell: shell, Dir: c.dir}
	for _, change := range change {
		change(&s)
	}
	value, err := json.Marshal(s)
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), settingsVariable+"="+string(value))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe() // closed when we end
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start(), "the tests need root, for namespaces")
	c.pid = cmd.Process.Pid

	reports := bufio.NewScanner(stdout)
	ready, done := reports.Scan(), make(chan struct{})
	go func() {
		defer close(done)
		for reports.Scan() {
			var e exit
			if json.Unmarshal(reports.Bytes(), &e) == nil {
				c.lock.Lock()
				c.exits = append(c.exits, e)
				c.lock.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range c.processes() {
				t.Logf("left: %d of %d, %s, %.100q", p.Pid, p.Parent, p.State, p.Args)
			}
			t.Logf("log: %q", c.log())
		}
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
		for _, e := range c.exits {
			assert.True(t, e.Signal == 0 && e.Code <= 1,
				"PostgreSQL would restart after a child that ended by signal %d, code %d", e.Signal, e.Code)
		}
	})
	require.True(t, ready, "the container was not set up")
	return c
}

func readOnly(s *settings) { s.ReadOnly = true }
func noProc(s *settings)   { s.NoProc = true }
func lazy(s *settings)     { s.Lazy = true }

// user is how an exec comes into a container; its zero value is root.
type user struct {
	nobody   bool
	noCaps   bool
	env      []string
	mountsOf int // the process whose mount namespace it is, when it is not PID 1's
}

// execution is an exec into a container, as a runtime does it: its parent stays outside.
type execution struct {
	t              *testing.T
	cmd            *exec.Cmd
	done           chan struct{}
	stdout, stderr written
}

func (c *container) start(as user, command []string) *execution {
	c.t.Helper()
	e := c.prepare(as, command)
	_, err := e.cmd.StdinPipe() // open as long as the command runs: no hook may wait for it
	require.NoError(c.t, err)
	e.begin()
	return e
}

func (c *container) prepare(as user, command []string) *execution {
	c.t.Helper()
	require.NotNil(c.t, command)
	if as.mountsOf == 0 {
		as.mountsOf = c.pid
	}
	args := []string{"--pid=" + namespace(c.pid, "pid"), "--mount=" + namespace(as.mountsOf, "mnt")}
	if as.nobody {
		args = append(args, "-S", strconv.Itoa(nobody), "-G", strconv.Itoa(nobody))
	}
	args = append(args, "--")
	if as.noCaps {
		args = append(args, "setpriv", "--no-new-privs", "--inh-caps=-all", "--")
	}
	e := &execution{t: c.t, cmd: exec.Command("nsenter", append(args, command...)...), done: make(chan struct{})}
	e.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, as.env...)
	e.cmd.Stdout, e.cmd.Stderr = &e.stdout, &e.stderr
	return e
}

func (e *execution) begin() {
	e.t.Helper()
	require.NoError(e.t, e.cmd.Start())
	e.t.Cleanup(func() { _ = e.cmd.Process.Kill() }) // a container does not end before all in it are reaped
	go func() {
		defer close(e.done)
		_ = e.cmd.Wait() // for the code, and until nobody holds the output any longer
	}()
}

func namespace(pid int, kind string) string {
	return fmt.Sprintf("/proc/%d/ns/%s", pid, kind)
}

// code waits for the end.
func (e *execution) code() int {
	e.t.Helper()
	select {
	case <-e.done:
	case <-time.After(patience):
		require.Fail(e.t, "an exec did not end")
	}
	return e.cmd.ProcessState.ExitCode()
}

// run is an exec, awaited.
func (c *container) run(command []string) (code int, stderr string) {
	c.t.Helper()
	return c.runAs(user{}, command)
}

func (c *container) runAs(as user, command []string) (code int, stderr string) {
	c.t.Helper()
	e := c.start(as, command)
	code = e.code()
	return code, e.stderr.String()
}

func (c *container) succeed(command []string) {
	c.t.Helper()
	code, stderr := c.run(command)
	require.Zero(c.t, code, stderr)
}

// process is one in a container, seen from outside.
type process struct {
	Pid, Parent int
	State       string
	Args        []string
}

// name is the name of our script, when it runs one.
func (p process) name() string {
	if len(p.Args) > 3 && slices.Equal(p.Args[:3], []string{"/bin/sh", "-c", `eval "$1"`}) {
		return p.Args[3]
	}
	return ""
}

func (c *container) processes() []process {
	own, err := os.Readlink(namespace(c.pid, "pid"))
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	require.NoError(c.t, err)
	var processes []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == c.pid {
			continue
		}
		if its, err := os.Readlink(namespace(pid, "pid")); err != nil || its != own {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		parent, err := strconv.Atoi(fields[1])
		require.NoError(c.t, err)
		arguments, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		processes = append(processes, process{
			Pid: pid, Parent: parent, State: fields[0],
			Args: strings.Split(strings.TrimSuffix(string(arguments), "\x00"), "\x00"),
		})
	}
	return processes
}

// named are the processes that run our script by a name, without those that they have just forked.
func (c *container) named(name string) []process {
	all := c.processes()
	names := map[int]string{}
	for _, p := range all {
		names[p.Pid] = p.name()
	}
	return slices.DeleteFunc(all, func(p process) bool { return p.name() != name || names[p.Parent] == name })
}

// await waits until there is exactly one process of a name.
func (c *container) await(name string) process {
	c.t.Helper()
	var found []process
	c.eventually(func() bool {
		found = c.named(name)
		return len(found) == 1
	}, "%s did not appear", name)
	return found[0]
}

// living are the processes, without zombies: what has ended may not have been reaped yet, or never be.
func (c *container) living() []process {
	return slices.DeleteFunc(c.processes(), func(p process) bool { return p.State == "Z" || p.State == "X" })
}

func (c *container) zombies() int {
	return len(c.processes()) - len(c.living())
}

// awaitNone waits until no process is left.
func (c *container) awaitNone() {
	c.t.Helper()
	c.eventually(func() bool { return len(c.living()) == 0 }, "processes were left")
}

func (c *container) eventually(condition func() bool, message string, args ...any) {
	c.t.Helper()
	require.Eventuallyf(c.t, condition, patience, tick, message, args...)
}

func (c *container) signal(p process, s syscall.Signal) {
	c.t.Helper()
	require.NoError(c.t, syscall.Kill(p.Pid, s))
}

// path is a file for hooks.
func (c *container) path(name string) string { return filepath.Join(c.dir, name) }

func (c *container) write(name string) {
	c.t.Helper()
	require.NoError(c.t, os.WriteFile(c.path(name), nil, 0o666))
}

// log is what hooks have recorded.
func (c *container) log() []string {
	written, err := os.ReadFile(c.path("log"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(written))
}

// awaitLog waits until hooks have recorded these words; there may be more by now.
func (c *container) awaitLog(words ...string) {
	c.t.Helper()
	c.eventually(func() bool {
		log := c.log()
		return len(log) >= len(words) && slices.Equal(words, log[:len(words)])
	}, "not recorded: %v", words)
}

// does is a command that records a word, and then does what a shell script says, for which $1 is the directory.
func (c *container) does(word, then string) []string {
	return []string{"/bin/sh", "-c", `echo "$0" >>"$1/log"` + "\n" + then, word, c.dir}
}

// records is a hook that records its name.
func (c *container) records(group int, name string) Hook {
	return c.hook(group, name, "")
}

func (c *container) hook(group int, name, then string) Hook {
	return Hook{Name: "test/" + name, Group: group, Command: c.does(name, then), Timeout: forever}
}

// within gives a hook a timeout, and soft lets it fail.
func within(timeout time.Duration, h Hook) Hook {
	h.Timeout = timeout
	return h
}

func soft(h Hook) Hook {
	h.Continue = true
	return h
}

// written is what a command has written so far, which may be read while it writes.
type written struct {
	lock   sync.Mutex
	buffer bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.buffer.Write(p)
}

func (w *written) String() string {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.buffer.String()
}
