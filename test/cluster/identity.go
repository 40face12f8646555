package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// identity names a process for good: a pid alone may be given to another process later, a pid with its start time (in
// clock ticks since boot, proc(5) field 22) within one boot is not.
type identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
	Boot  string `json:"boot"`
}

// procfs is a view of /proc, so that tests can show one of their own.
type procfs string

const proc = procfs("/proc")

// stat is the little of /proc/PID/stat that identity and reports need.
type stat struct {
	state  byte
	parent int
	start  uint64
}

// parseStat reads /proc/PID/stat. The command's name stands in parentheses and may hold spaces and parentheses itself,
// so fields are counted from the last closing one.
func parseStat(text string) (stat, error) {
	end := strings.LastIndexByte(text, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("no command name in %q", text)
	}
	fields := strings.Fields(text[end+1:]) // from field 3, the state, on
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("only %d fields in %q", len(fields)+2, text)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, fmt.Errorf("parent in %q: %w", text, err)
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("start time in %q: %w", text, err)
	}
	return stat{state: fields[0][0], parent: parent, start: start}, nil
}

func (p procfs) stat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("%s/%d/stat", p, pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

func (p procfs) boot() string {
	text, _ := os.ReadFile(string(p) + "/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}

func (p procfs) identify(pid int) (identity, error) {
	s, err := p.stat(pid)
	if err != nil {
		return identity{}, err
	}
	return identity{PID: pid, Start: s.start, Boot: p.boot()}, nil
}

// alive says whether the very process that id names still runs. A zombie does not: it only waits to be reaped.
func (p procfs) alive(id identity) bool {
	s, err := p.stat(id.PID)
	return err == nil && s.start == id.Start && s.state != 'Z' && s.state != 'X' && p.boot() == id.Boot
}

// pids lists the processes there are.
func (p procfs) pids() []int {
	entries, _ := os.ReadDir(string(p))
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// signal sends a signal to the process that id names, and to no other that has its number now.
func (id identity) signal(s syscall.Signal) error {
	if !proc.alive(id) {
		return nil
	}
	if err := syscall.Kill(id.PID, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %v to process %d: %w", s, id.PID, err)
	}
	return nil
}

func readIdentity(path string) (identity, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return identity{}, err
	}
	var id identity
	if err := json.Unmarshal(text, &id); err != nil {
		return identity{}, fmt.Errorf("pid file %s: %w", path, err)
	}
	return id, nil
}

func (id identity) write(path string) error {
	text, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
