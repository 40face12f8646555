package match

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxInitContainers is how many a hook may have.
const maxInitContainers = 8

// checkInit finds what the API server would refuse in a restored pod, when it is too late to mend it.
func checkInit(init *v1alpha1.InitAction) error {
	if count := len(init.Containers); count == 0 || count > maxInitContainers {
		return fmt.Errorf(".init.containers: it has %d: write 1 to %d containers", count, maxInitContainers)
	}
	var names []string
	for i := range init.Containers {
		container := &init.Containers[i]
		name := container.Name
		if name == "" {
			name = strconv.Itoa(i + 1)
		}
		if len(validation.IsDNS1123Label(name)) > 0 {
			return fmt.Errorf(".init.containers[%d].name: %q: write lower-case letters, digits and hyphens, such as load-data", i, name)
		}
		if slices.Contains(names, name) {
			return fmt.Errorf(".init.containers[%d].name: %q is taken (one without a name is called by its place): give each container a name of its own, or none", i, name)
		}
		names = append(names, name)
		if err := checkInitContainer(container); err != nil {
			return fmt.Errorf(".init.containers[%d]%w", i, err)
		}
	}
	return nil
}

func checkInitContainer(container *v1alpha1.InitContainer) error {
	command := container.Command
	switch {
	case container.Image == "" && len(command) == 0:
		return errors.New(": write command, or the image of a program that ends: the pod's own would start the application")
	case len(command) > 0 && command[0] == "":
		return errors.New(".command[0]: write a program, such as sh, or leave command out for the image's own")
	case len(command) > 0 && strings.HasPrefix(command[0], "-"):
		return fmt.Errorf(".command[0]: %q is an option and not a program: write the program ahead of it, such as [sh, %[1]s], or write it in args", command[0])
	}
	if container.Image != "" {
		// As the kubelet reads it, familiar short names included (k8s.io/kubernetes, pkg/util/parsers/parsers.go).
		if _, err := reference.ParseNormalizedNamed(container.Image); err != nil {
			return fmt.Errorf(".image: %q is no reference of an image (%w): write one such as busybox:1.36 or registry.example.com/team/tool@sha256:…", container.Image, err)
		}
	}
	if err := checkWords(".command", command); err != nil {
		return err
	}
	if err := checkWords(".args", container.Args); err != nil {
		return err
	}
	if err := checkVolumes(container.VolumeMounts, container.VolumeDevices); err != nil {
		return err
	}
	return checkVariables(container.Env, container.EnvFrom)
}

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

func checkVariables(env []corev1.EnvVar, sources []corev1.EnvFromSource) error {
	for i := range env {
		variable := &env[i]
		switch {
		case len(validation.IsRelaxedEnvVarName(variable.Name)) > 0:
			return fmt.Errorf(".env[%d].name: %q: write the name of a variable, such as MODE", i, variable.Name)
		case hasNUL(variable.Value):
			return fmt.Errorf(".env[%d].value: it has a NUL character, which no variable can have: leave it out", i)
		case variable.ValueFrom == nil:
		case variable.Value != "":
			return fmt.Errorf(".env[%d]: write value or valueFrom, not both", i)
		case count(variable.ValueFrom.FieldRef != nil, variable.ValueFrom.ResourceFieldRef != nil, variable.ValueFrom.ConfigMapKeyRef != nil,
			variable.ValueFrom.SecretKeyRef != nil, variable.ValueFrom.FileKeyRef != nil) != 1:
			return fmt.Errorf(".env[%d].valueFrom: write one source, such as secretKeyRef", i)
		}
	}
	for i := range sources {
		if count(sources[i].ConfigMapRef != nil, sources[i].SecretRef != nil) != 1 {
			return fmt.Errorf(".envFrom[%d]: write configMapRef or secretRef", i)
		}
	}
	return nil
}

// count says how many of some things are so.
func count(all ...bool) (so int) {
	for _, one := range all {
		if one {
			so++
		}
	}
	return so
}

// leads tells of a path that leads out of its volume.
func leads(sub string) bool {
	return path.IsAbs(sub) || slices.Contains(strings.Split(sub, "/"), "..")
}
