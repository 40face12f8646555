package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// marker is in the environment of every process that we start and of all that these start themselves: what has lost its
// pid file is still known as ours.
const marker = "QUIESCE_CLUSTER_PART"

func (l layout) marker() string      { return marker + "=" + l.cluster + "/" }
func (l layout) pid(p string) string { return filepath.Join(l.part(p), "pid") }
func (l layout) log(p string) string { return filepath.Join(l.part(p), "log") }

// process is a part that this run started, with its end when it has come.
type process struct {
	id    identity
	mutex sync.Mutex
	ended string // how it ended, empty while it runs
}

func (p *process) end() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.ended
}

// start runs a part in a session of its own with its output in its log: it outlives this command and keeps none of the
// caller's pipes open.
func (l layout) start(p part) (*process, error) {
	if err := os.MkdirAll(l.part(p.name), 0o755); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(l.log(p.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	_, _ = fmt.Fprintf(log, "--- %s: %s\n", time.Now().Format(time.RFC3339), p.name)
	cmd := exec.Command(p.binary, p.args...) //nolint:noctx // it must outlive this command
	cmd.Dir = l.part(p.name)
	cmd.Stdout, cmd.Stderr = log, log
	// Nothing of the caller's environment: neither its secrets nor its proxies and KUBECONFIG belong here.
	cmd.Env = append([]string{l.marker() + p.name, "PATH=" + toolPath(), "HOME=" + l.part(p.name), "TMPDIR=" + os.TempDir()}, p.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	started := &process{}
	if started.id, err = proc.identify(cmd.Process.Pid); err == nil {
		err = started.id.write(l.pid(p.name))
	}
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("recording the process of %s: %w", p.name, err)
	}
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		started.mutex.Lock()
		defer started.mutex.Unlock()
		started.ended = cmd.ProcessState.String()
	}()
	return started, nil
}

type partState string

const (
	running    partState = "running"
	dead       partState = "dead"
	stopped    partState = "stopped"
	notStarted partState = "not started"
)

// state tells from a part's files how it is: `stop` takes the pid file away and leaves the log.
func (l layout) state(name string) (partState, identity) {
	id, err := readIdentity(l.pid(name))
	switch {
	case errors.Is(err, os.ErrNotExist):
		if _, err := os.Stat(l.log(name)); err == nil {
			return stopped, identity{}
		}
		return notStarted, identity{}
	case err == nil && proc.alive(id):
		return running, id
	}
	return dead, id // an unreadable pid file is what a crash while writing it leaves
}

// marked finds all living processes that descend from a part of this cluster.
func (l layout) marked() []identity { return havingVariable(l.marker()) }

// markedAs finds those that descend from one part.
func (l layout) markedAs(name string) []identity { return havingVariable(l.marker() + name + "\x00") }

// havingVariable finds living processes by how a variable of their environment begins.
func havingVariable(beginning string) []identity {
	var found []identity
	needle := []byte(beginning)
	for _, pid := range proc.pids() {
		id, err := proc.identify(pid)
		if err != nil || pid == os.Getpid() || !proc.alive(id) {
			continue
		}
		environ, err := os.ReadFile(fmt.Sprintf("%s/%d/environ", proc, pid))
		if err == nil && (bytes.HasPrefix(environ, needle) || bytes.Contains(environ, append([]byte{0}, needle...))) {
			found = append(found, id)
		}
	}
	return found
}

// end asks processes to stop, kills those that have not after the patience, and returns those that even a kill did not
// end: processes in an uninterruptible sleep, as behind a frozen filesystem.
func end(ids []identity, patience time.Duration) []identity {
	if patience > 0 {
		for _, id := range ids {
			_ = id.signal(syscall.SIGTERM)
		}
		ids = waitGone(ids, patience)
	}
	for _, id := range ids {
		_ = id.signal(syscall.SIGKILL)
	}
	return waitGone(ids, 5*time.Second)
}

func waitGone(ids []identity, most time.Duration) []identity {
	deadline := time.Now().Add(most)
	for {
		var left []identity
		for _, id := range ids {
			if proc.alive(id) {
				left = append(left, id)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(20 * time.Millisecond)
	}
}
