package walkthrough

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Disk is a small ext4 filesystem of its own, in a file behind a loop device. A hook may freeze it; freezing a folder of
// the machine's own filesystem would stop the machine.
type Disk struct {
	folder string
}

// diskSize suffices for a day of timestamps.
const diskSize = "64M"

// NewDisk names a disk. Nothing is made yet.
func NewDisk(name string) (Disk, error) {
	folder, err := cache()
	return Disk{filepath.Join(folder, name)}, err
}

// Path is where the filesystem is mounted.
func (d Disk) Path() string { return filepath.Join(d.folder, "volume") }

// Image is the file that holds the filesystem: what has reached the disk.
func (d Disk) Image() string { return filepath.Join(d.folder, "volume.img") }

// Create makes the filesystem and mounts it. What an earlier run has left goes first, finished or not, frozen or not.
func (d Disk) Create(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("a filesystem that can be frozen needs root, as the cluster does: run this as root")
	}
	if err := installTools(ctx); err != nil {
		return err
	}
	if err := d.Remove(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(d.Path(), 0o755); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"truncate", "--size", diskSize, d.Image()},
		{"mkfs.ext4", "-q", "-F", d.Image()},
	} {
		if _, err := system(ctx, command...); err != nil {
			return err
		}
	}
	device, err := system(ctx, "losetup", "--find", "--show", d.Image())
	if err != nil {
		return err
	}
	_, err = system(ctx, "mount", device, d.Path())
	return err
}

// Thaw thaws the filesystem, whether it is frozen, mounted, there at all, or not.
func (d Disk) Thaw(ctx context.Context) error {
	devices, err := loopDevices(d.Image())
	if err != nil {
		return err
	}
	for _, device := range devices {
		if err := d.thaw(ctx, device); err != nil {
			return err
		}
	}
	return nil
}

func (d Disk) thaw(ctx context.Context, device string) (err error) {
	points, err := mountPoints(device)
	if err != nil {
		return err
	}
	if len(points) == 0 {
		// A frozen filesystem survives its last umount, and is thawed through a new one.
		if err := os.MkdirAll(d.Path(), 0o755); err != nil {
			return err
		}
		if _, mountErr := system(ctx, "mount", device, d.Path()); mountErr != nil {
			// A run that was interrupted before mkfs left no filesystem behind this device, so none is frozen.
			return nil
		}
		defer func() {
			_, unmountErr := system(ctx, "umount", d.Path())
			err = errors.Join(err, unmountErr)
		}()
		points = []string{d.Path()}
	}
	_, err = system(ctx, "fsfreeze", "--unfreeze", points[0])
	if err != nil && strings.Contains(err.Error(), "Invalid argument") {
		return nil // it was not frozen
	}
	return err
}

// Remove thaws the filesystem and leaves nothing of it.
func (d Disk) Remove(ctx context.Context) error {
	if err := d.Thaw(ctx); err != nil {
		return err
	}
	devices, err := loopDevices(d.Image())
	if err != nil {
		return err
	}
	for _, device := range devices {
		points, err := mountPoints(device)
		if err != nil {
			return err
		}
		for _, point := range points {
			if _, err := system(ctx, "umount", point); err != nil {
				return err
			}
		}
		// The kernel lets go of a device that a pod still has open when the pod ends.
		if _, err := system(ctx, "losetup", "--detach", device); err != nil {
			return err
		}
	}
	return os.RemoveAll(d.folder)
}

// installTools installs what a minimal Debian may lack.
func installTools(ctx context.Context) error {
	for program, debian := range map[string]string{"mkfs.ext4": "e2fsprogs", "losetup": "mount", "fsfreeze": "util-linux"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if _, err := system(ctx, "apt-get", "install", "--yes", "--quiet", "--quiet", debian); err != nil {
			return fmt.Errorf("%s is missing, and the Debian package that has it cannot be installed: %w", program, err)
		}
	}
	return nil
}

// system runs a program of the machine, whose messages are in English whatever the user's language.
func system(ctx context.Context, command ...string) (string, error) {
	program := exec.CommandContext(ctx, command[0], command[1:]...)
	program.Env = append(os.Environ(), "LC_ALL=C", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	output, err := program.CombinedOutput()
	text := strings.TrimSpace(string(output))
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, text)
	}
	return text, nil
}
