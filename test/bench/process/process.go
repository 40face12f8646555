// Package process says what the controller has used, whose node is this machine.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is one of this machine, by its folder in /proc.
type Process string

// Controller is the controller's, by its program, which no other process of this machine has.
func Controller() (Process, error) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return "", err
	}
	for _, link := range links {
		if program, err := os.Readlink(link); err == nil && program == "/quiesce-controller" {
			return Process(filepath.Dir(link)), nil
		}
	}
	return "", errors.New("no process of /quiesce-controller on this machine")
}

// Usage is what a process has used since its start.
type Usage struct {
	Peak int64 // bytes of resident memory at most
	CPU  time.Duration
}

// clockTick is what /proc counts CPU time in (proc(5); USER_HZ is 100 on every architecture that Go knows).
const clockTick = 10 * time.Millisecond

// Usage says what it has used until now.
func (p Process) Usage() (Usage, error) {
	var used Usage
	status, err := os.ReadFile(string(p) + "/status")
	if err != nil {
		return used, err
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	if used.Peak, err = strconv.ParseInt(strings.Fields(peak)[0], 10, 64); err != nil {
		return used, fmt.Errorf("VmHWM in %s/status: %w", p, err)
	}
	used.Peak <<= 10
	stat, err := os.ReadFile(string(p) + "/stat")
	if err != nil {
		return used, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, field := range fields[11:13] { // utime and stime
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return used, fmt.Errorf("CPU time in %s/stat: %w", p, err)
		}
		used.CPU += time.Duration(ticks) * clockTick
	}
	return used, nil
}
