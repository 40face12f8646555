package restore

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

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
	inheritVolumes(&container, target, init.InheritVolumeMounts)
	// The paths of some mounts are made of variables.
	byVariables := func(mount corev1.VolumeMount) bool { return mount.SubPathExpr != "" }
	inherited := init.InheritEnv || init.InheritVolumeMounts && slices.ContainsFunc(target.VolumeMounts, byVariables)
	container.Env = slices.Clone(source.Env)
	if inherited {
		container.Env = inheritEnv(target.Env, source.Env)
		container.EnvFrom = slices.Concat(target.EnvFrom, container.EnvFrom)
	}
	container.Env = slices.Concat(known(marker, source.Env), container.Env)
	container.Env = slices.Insert(container.Env, 0, corev1.EnvVar{Name: v1alpha1.InitEnv, Value: id.mark(&container, marker)})
	return container
}
