package match

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// bindMountOptions are those of the alpha feature VolumeBindMountOptions.
var bindMountOptions = []corev1.BindMountOption{corev1.BindMountOptionNoExec, corev1.BindMountOptionNoDev, corev1.BindMountOptionNoSUID}

func checkVolumes(mounts []corev1.VolumeMount, devices []corev1.VolumeDevice, privileged bool) error {
	names, paths := map[string]bool{}, map[string]bool{}
	for i := range mounts {
		mount := &mounts[i]
		if err := checkMount(mount, privileged); err != nil {
			return fmt.Errorf(".volumeMounts[%d]%w", i, err)
		}
		if paths[mount.MountPath] {
			return fmt.Errorf(".volumeMounts[%d].mountPath: %q is taken: mount one volume at one path", i, mount.MountPath)
		}
		names[mount.Name], paths[mount.MountPath] = true, true
	}
	for i, device := range devices {
		switch {
		case !isVolumeName(device.Name) || device.DevicePath == "":
			return fmt.Errorf(".volumeDevices[%d]: write the name of one of the pod's volumes, and devicePath", i)
		case climbs(device.DevicePath):
			return fmt.Errorf(".volumeDevices[%d].devicePath: %q: write a path without .., such as /dev/data", i, device.DevicePath)
		case names[device.Name]:
			return fmt.Errorf(".volumeDevices[%d].name: %q is taken: a container has a volume as one device, or mounts it", i, device.Name)
		case paths[device.DevicePath]:
			return fmt.Errorf(".volumeDevices[%d].devicePath: %q is taken: mount one volume at one path", i, device.DevicePath)
		}
		names[device.Name], paths[device.DevicePath] = true, true
	}
	return nil
}

func checkMount(mount *corev1.VolumeMount, privileged bool) error {
	switch {
	case !isVolumeName(mount.Name):
		return fmt.Errorf(".name: %q: write the name of one of the pod's volumes", mount.Name)
	case mount.MountPath == "" || strings.Contains(withoutDrive(mount.MountPath), ":"):
		return fmt.Errorf(".mountPath: %q: write a path without a colon, such as /data", mount.MountPath)
	case mount.SubPath != "" && mount.SubPathExpr != "":
		return errors.New(": write subPath or subPathExpr, not both")
	case leads(mount.SubPath):
		return fmt.Errorf(".subPath: %q: write a path within the volume, with neither .. nor a / ahead", mount.SubPath)
	case leads(mount.SubPathExpr):
		return fmt.Errorf(".subPathExpr: %q: write a path within the volume, with neither .. nor a / ahead", mount.SubPathExpr)
	}
	if err := checkPropagation(mount.MountPropagation, privileged); err != nil {
		return err
	}
	if err := checkRecursiveReadOnly(mount); err != nil {
		return err
	}
	for i, option := range mount.BindMountOptions {
		if !slices.Contains(bindMountOptions, corev1.BindMountOption(option)) || slices.Contains(mount.BindMountOptions[:i], option) {
			return fmt.Errorf(".bindMountOptions[%d]: %q: write noexec, nodev and nosuid, each once at most", i, option)
		}
	}
	return nil
}

func checkPropagation(propagation *corev1.MountPropagationMode, privileged bool) error {
	switch {
	case propagation == nil || *propagation == corev1.MountPropagationNone || *propagation == corev1.MountPropagationHostToContainer:
		return nil
	case *propagation != corev1.MountPropagationBidirectional:
		return fmt.Errorf(".mountPropagation: %q: write None, HostToContainer or Bidirectional, or leave it out", *propagation)
	case !privileged:
		return errors.New(".mountPropagation: Bidirectional is for privileged containers: write securityContext: {privileged: true} beside volumeMounts, or HostToContainer here")
	}
	return nil
}

func checkRecursiveReadOnly(mount *corev1.VolumeMount) error {
	mode, propagation := mount.RecursiveReadOnly, mount.MountPropagation
	switch {
	case mode == nil || *mode == corev1.RecursiveReadOnlyDisabled:
		return nil
	case *mode != corev1.RecursiveReadOnlyEnabled && *mode != corev1.RecursiveReadOnlyIfPossible:
		return fmt.Errorf(".recursiveReadOnly: %q: write Disabled, IfPossible or Enabled, or leave it out", *mode)
	case !mount.ReadOnly:
		return fmt.Errorf(".recursiveReadOnly: %s is for mounts that are read-only: write readOnly: true beside it, or leave it out", *mode)
	case propagation != nil && *propagation != corev1.MountPropagationNone:
		return fmt.Errorf(".recursiveReadOnly: %s is for mounts without mountPropagation: leave one of the two out", *mode)
	}
	return nil
}

func isVolumeName(name string) bool { return len(validation.IsDNS1123Label(name)) == 0 }

// leads tells of a path that leads out of its volume.
func leads(sub string) bool { return path.IsAbs(sub) || climbs(sub) }

func climbs(to string) bool { return slices.Contains(strings.Split(to, "/"), "..") }

// withoutDrive is a path without its C: on Windows.
func withoutDrive(full string) string {
	if letter, behind, hasColon := strings.Cut(full, ":"); hasColon && len(letter) == 1 && strings.IndexAny(behind, `/\`) == 0 {
		return behind
	}
	return full
}

func hasDrive(full string) bool { return withoutDrive(full) != full }
