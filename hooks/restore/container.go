package restore

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// serviceAccountPath is where the API server mounts a ServiceAccount's token
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller).
const serviceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// render makes the init container, which inherits from the target what it does not say itself. It has the token of the
// ServiceAccount where the target has.
func render(id identity, marker Marker, init *v1alpha1.InitAction, source *v1alpha1.InitContainer, target *corev1.Container) corev1.Container {
	container := corev1.Container{
		Name: id.name(), Image: source.Image, ImagePullPolicy: source.ImagePullPolicy,
		Command: source.Command, Args: source.Args, WorkingDir: source.WorkingDir,
		EnvFrom:         slices.Clone(source.EnvFrom),
		VolumeMounts:    slices.Clone(source.VolumeMounts),
		VolumeDevices:   slices.Clone(source.VolumeDevices),
		Resources:       resources(source.Resources, target.Resources),
		SecurityContext: securityContext(source.SecurityContext, target.SecurityContext),
		// `kubectl describe pod` then shows what a failed one had to say.
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	if container.Image == "" {
		container.Image = target.Image
		if container.ImagePullPolicy == "" {
			container.ImagePullPolicy = target.ImagePullPolicy
		}
	}
	for _, mount := range target.VolumeMounts {
		if init.InheritVolumeMounts || mount.MountPath == serviceAccountPath {
			mountToo(&container, mount)
		}
	}
	if init.InheritVolumeMounts {
		for _, device := range target.VolumeDevices {
			taken := func(other corev1.VolumeDevice) bool {
				return other.DevicePath == device.DevicePath || other.Name == device.Name
			}
			if !slices.ContainsFunc(container.VolumeDevices, taken) {
				container.VolumeDevices = append(container.VolumeDevices, device)
			}
		}
	}
	// The paths of some mounts are made of variables.
	byVariables := func(mount corev1.VolumeMount) bool { return mount.SubPathExpr != "" }
	inherited := init.InheritEnv || init.InheritVolumeMounts && slices.ContainsFunc(target.VolumeMounts, byVariables)
	container.Env = environment(marker, source.Env, target.Env, inherited)
	if inherited {
		container.EnvFrom = slices.Concat(target.EnvFrom, container.EnvFrom)
	}
	container.Env = slices.Insert(container.Env, 0, corev1.EnvVar{Name: v1alpha1.InitEnv, Value: id.mark(&container)})
	return container
}

// mountToo adds a mount unless something is mounted at its path already.
func mountToo(container *corev1.Container, mount corev1.VolumeMount) {
	path := func(m corev1.VolumeMount) string { return strings.TrimRight(m.MountPath, "/") }
	if !slices.ContainsFunc(container.VolumeMounts, func(other corev1.VolumeMount) bool { return path(other) == path(mount) }) {
		container.VolumeMounts = append(container.VolumeMounts, mount)
	}
}

// environment has our variables first, so that all others can be made of them; then the target's, if they are inherited;
// then the container's own, which win.
func environment(marker Marker, own, target []corev1.EnvVar, inherited bool) []corev1.EnvVar {
	ours := []corev1.EnvVar{
		fromField(v1alpha1.RestoreNameEnv, marker.fieldPath()),
		fromField(v1alpha1.BackupNameEnv, labelPath(v1alpha1.VeleroBackupLabel)),
		fromField(v1alpha1.PodNameEnv, "metadata.name"),
		fromField(v1alpha1.PodNamespaceEnv, "metadata.namespace"),
	}
	if !inherited {
		target = nil
	}
	named := func(list []corev1.EnvVar, name string) bool {
		return slices.ContainsFunc(list, func(variable corev1.EnvVar) bool { return variable.Name == name })
	}
	ours = slices.DeleteFunc(ours, func(variable corev1.EnvVar) bool { return named(own, variable.Name) })
	inheritedEnv := slices.DeleteFunc(slices.Clone(target), func(variable corev1.EnvVar) bool {
		return named(own, variable.Name) || named(ours, variable.Name)
	})
	all := slices.Concat(ours, inheritedEnv, own)
	return slices.DeleteFunc(all, func(variable corev1.EnvVar) bool { return variable.Name == v1alpha1.InitEnv })
}

func fromField(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}
