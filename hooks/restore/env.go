package restore

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// known are variables of what is known of the restore, but for those that the container has itself. They come first, so that
// others can be made of them.
func known(marker Marker, own []corev1.EnvVar) []corev1.EnvVar {
	all := []corev1.EnvVar{
		fromField(v1alpha1.RestoreNameEnv, marker.fieldPath()),
		fromField(v1alpha1.BackupNameEnv, labelPath(v1alpha1.VeleroBackupLabel)),
		fromField(v1alpha1.PodNameEnv, "metadata.name"),
		fromField(v1alpha1.PodNamespaceEnv, "metadata.namespace"),
	}
	return slices.DeleteFunc(all, func(variable corev1.EnvVar) bool { return place(own, variable.Name) >= 0 })
}

func fromField(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}

// ofRestores are the variables that only we set: what the target has under these names is of another time.
var ofRestores = []string{v1alpha1.InitEnv, v1alpha1.RestoreNameEnv, v1alpha1.BackupNameEnv, v1alpha1.PodNameEnv, v1alpha1.PodNamespaceEnv}

// inheritEnv is the target's environment and then the container's own. A variable that has the name of one of the target's
// stands in its place, since others may be made of it (a variable is made of earlier ones:
// https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
func inheritEnv(target, own []corev1.EnvVar) []corev1.EnvVar {
	all := slices.DeleteFunc(slices.Clone(target), func(variable corev1.EnvVar) bool { return slices.Contains(ofRestores, variable.Name) })
	for _, variable := range own {
		if at := place(all, variable.Name); at >= 0 {
			all[at] = variable
		} else {
			all = append(all, variable)
		}
	}
	return all
}

func place(list []corev1.EnvVar, name string) int {
	return slices.IndexFunc(list, func(variable corev1.EnvVar) bool { return variable.Name == name })
}
