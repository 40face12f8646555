package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// mount is a line of /proc/PID/mountinfo (proc(5)).
type mount struct {
	point, device string
}

// parseMounts reads mountinfo. Fields before " - " hold the mount point, those after it the device; space, tab, newline
// and backslash are written as octal escapes.
func parseMounts(text string) []mount {
	var mounts []mount
	for line := range strings.Lines(text) {
		before, after, found := strings.Cut(line, " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if !found || len(fields) < 5 || len(rest) < 2 {
			continue
		}
		mounts = append(mounts, mount{point: unescape(fields[4]), device: rest[1]})
	}
	return mounts
}

func unescape(field string) string {
	var plain strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if code, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				plain.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		plain.WriteByte(field[i])
	}
	return plain.String()
}

// mountsBelow lists the mount points at or below a folder, the innermost and latest first.
func mountsBelow(mounts []mount, folder string) []string {
	var points []string
	for i := len(mounts) - 1; i >= 0; i-- {
		if point := mounts[i].point; point == folder || strings.HasPrefix(point, folder+"/") {
			points = append(points, point)
		}
	}
	return points
}

// loopMounts are those of filesystems that have a device of their own.
func loopMounts(mounts []mount) []mount {
	return slices.DeleteFunc(slices.Clone(mounts), func(m mount) bool { return !strings.HasPrefix(m.device, "/dev/loop") })
}

// thawBelow thaws the volumes that are mounted below a folder. A test that was killed may have left one frozen: processes that write there do not
// end, and its loop device outlives its being unmounted. What is not frozen answers with an error, which says nothing.
func thawBelow(folder string) error {
	const fithaw = 0xc0045878 // FITHAW of linux/fs.h
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for _, point := range mountsBelow(loopMounts(parseMounts(string(text))), folder) {
		root, err := os.Open(point)
		if err != nil {
			continue // it has gone with another one
		}
		_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, root.Fd(), fithaw, 0)
		_ = root.Close()
	}
	return nil
}

// unmountBelow unmounts everything below a folder: first as it should be, then, for what is busy, lazily.
func unmountBelow(folder string) error {
	for range 3 {
		text, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			return err
		}
		points := mountsBelow(parseMounts(string(text)), folder)
		if len(points) == 0 {
			return nil
		}
		var problems []error
		for _, point := range points {
			err := syscall.Unmount(point, 0)
			if errors.Is(err, syscall.EBUSY) {
				err = syscall.Unmount(point, syscall.MNT_DETACH)
			}
			// EINVAL: it is no mount any more, having gone with another one.
			if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
				problems = append(problems, fmt.Errorf("unmounting %s: %w", point, err))
			}
		}
		if err := errors.Join(problems...); err != nil {
			return err
		}
	}
	return fmt.Errorf("new mounts keep appearing below %s", folder)
}
