package main

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

// process is the controller's, as this machine, which is the node, sees it.
type process string

// findController finds it by its program, which no other process of this machine has.
func findController() (process, error) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return "", err
	}
	for _, link := range links {
		if program, err := os.Readlink(link); err == nil && program == "/quiesce-controller" {
			return process(filepath.Dir(link)), nil
		}
	}
	return "", errors.New("no process of /quiesce-controller on this machine")
}

// usage is what a process has used since its start.
type usage struct {
	peak int64 // bytes of resident memory at most
	cpu  time.Duration
}

// clockTick is what /proc counts CPU time in (proc(5); USER_HZ is 100 on every architecture that Go knows).
const clockTick = 10 * time.Millisecond

func (p process) usage() (usage, error) {
	var used usage
	status, err := os.ReadFile(string(p) + "/status")
	if err != nil {
		return used, err
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	if used.peak, err = strconv.ParseInt(strings.Fields(peak)[0], 10, 64); err != nil {
		return used, fmt.Errorf("VmHWM in %s/status: %w", p, err)
	}
	used.peak <<= 10
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
		used.cpu += time.Duration(ticks) * clockTick
	}
	return used, nil
}
