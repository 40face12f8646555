package match

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

func checkVolumes(mounts []corev1.VolumeMount, devices []corev1.VolumeDevice) error {
	paths := map[string]bool{}
	for i := range mounts {
		mount := &mounts[i]
		switch {
		case mount.Name == "":
			return fmt.Errorf(".volumeMounts[%d].name: write the name of one of the pod's volumes", i)
		case mount.MountPath == "" || strings.Contains(mount.MountPath, ":"):
			return fmt.Errorf(".volumeMounts[%d].mountPath: %q: write a path without a colon, such as /data", i, mount.MountPath)
		case paths[mount.MountPath]:
			return fmt.Errorf(".volumeMounts[%d].mountPath: %q is taken: mount one volume at one path", i, mount.MountPath)
		case mount.SubPath != "" && mount.SubPathExpr != "":
			return fmt.Errorf(".volumeMounts[%d]: write subPath or subPathExpr, not both", i)
		case leads(mount.SubPath):
			return fmt.Errorf(".volumeMounts[%d].subPath: %q: write a path within the volume, with neither .. nor a / ahead", i, mount.SubPath)
		case leads(mount.SubPathExpr):
			return fmt.Errorf(".volumeMounts[%d].subPathExpr: %q: write a path within the volume, with neither .. nor a / ahead", i, mount.SubPathExpr)
		}
		paths[mount.MountPath] = true
	}
	for i, device := range devices {
		switch {
		case device.Name == "" || device.DevicePath == "":
			return fmt.Errorf(".volumeDevices[%d]: write the name of one of the pod's volumes, and devicePath", i)
		case paths[device.DevicePath]:
			return fmt.Errorf(".volumeDevices[%d].devicePath: %q is taken: mount one volume at one path", i, device.DevicePath)
		}
		paths[device.DevicePath] = true
	}
	return nil
}

// leads tells of a path that leads out of its volume.
func leads(sub string) bool {
	return path.IsAbs(sub) || slices.Contains(strings.Split(sub, "/"), "..")
}
