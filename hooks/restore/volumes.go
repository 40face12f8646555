package restore

import (
	"path"

	corev1 "k8s.io/api/core/v1"
)

// serviceAccountPath is where the API server mounts a ServiceAccount's token
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller).
const serviceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// inheritVolumes adds the target's mounts and devices, or the token of its ServiceAccount alone, at the paths that are not
// taken.
func inheritVolumes(container, target *corev1.Container, all bool) {
	taken := map[string]bool{}
	// A volume is mounted or a device, not both.
	mounted, devices := map[string]bool{}, map[string]bool{}
	for _, mount := range container.VolumeMounts {
		taken[path.Clean(mount.MountPath)], mounted[mount.Name] = true, true
	}
	for _, device := range container.VolumeDevices {
		taken[path.Clean(device.DevicePath)], devices[device.Name] = true, true
	}
	for _, mount := range target.VolumeMounts {
		at := path.Clean(mount.MountPath)
		if taken[at] || devices[mount.Name] || !all && at != serviceAccountPath {
			continue
		}
		taken[at] = true
		if mount.MountPropagation != nil && *mount.MountPropagation == corev1.MountPropagationBidirectional && !privileged(container) {
			mount.MountPropagation = new(corev1.MountPropagationHostToContainer) // the other is for privileged containers
		}
		container.VolumeMounts = append(container.VolumeMounts, mount)
	}
	if !all {
		return
	}
	for _, device := range target.VolumeDevices {
		if at := path.Clean(device.DevicePath); !taken[at] && !devices[device.Name] && !mounted[device.Name] {
			taken[at] = true
			container.VolumeDevices = append(container.VolumeDevices, device)
		}
	}
}

func privileged(container *corev1.Container) bool {
	return container.SecurityContext != nil && isTrue(container.SecurityContext.Privileged)
}
