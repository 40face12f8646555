package walkthrough

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// loopDevices finds the devices behind which a file lies, also when it has been deleted since.
func loopDevices(image string) ([]string, error) {
	entries, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	var devices []string
	for _, entry := range entries {
		backing, err := os.ReadFile(entry)
		if errors.Is(err, fs.ErrNotExist) {
			continue // detached since
		}
		if err != nil {
			return nil, err
		}
		if strings.TrimSuffix(strings.TrimSpace(string(backing)), " (deleted)") == image {
			devices = append(devices, "/dev/"+filepath.Base(filepath.Dir(filepath.Dir(entry))))
		}
	}
	return devices, nil
}

// mountPoints finds where a device is mounted, the latest first.
func mountPoints(device string) ([]string, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseMountPoints(string(table), device), nil
}

// unescape undoes what the kernel does to a path in mountinfo (proc_pid_mountinfo(5)).
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func parseMountPoints(table, device string) []string {
	var points []string
	for line := range strings.Lines(table) {
		before, after, _ := strings.Cut(line, " - ")
		mount, source := strings.Fields(before), strings.Fields(after)
		if len(mount) > 4 && len(source) > 1 && source[1] == device {
			points = append([]string{unescape.Replace(mount[4])}, points...)
		}
	}
	return points
}
