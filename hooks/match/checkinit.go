package match

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"

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
		if container.Name != "" && slices.Contains(names, container.Name) {
			return fmt.Errorf(".init.containers[%d].name: %q is taken: give each container a name of its own, or none", i, container.Name)
		}
		names = append(names, container.Name)
		if err := checkInitContainer(container); err != nil {
			return fmt.Errorf(".init.containers[%d]%w", i, err)
		}
	}
	return nil
}

func checkInitContainer(container *v1alpha1.InitContainer) error {
	if container.Image == "" && len(container.Command) == 0 {
		return errors.New(": write command, or the image of a program that ends: the pod's own would start the application")
	}
	if container.Image != "" {
		// As the container runtime reads it, familiar short names included.
		if _, err := reference.ParseAnyReference(container.Image); err != nil {
			return fmt.Errorf(".image: %q is no reference of an image (%w): write one such as busybox:1.36 or registry.example.com/team/tool@sha256:…", container.Image, err)
		}
	}
	for field, words := range map[string][]string{".command": container.Command, ".args": container.Args} {
		if i := slices.IndexFunc(words, func(word string) bool { return strings.ContainsRune(word, 0) }); i >= 0 {
			return fmt.Errorf("%s[%d]: it has a NUL character, at which every program would end the argument: leave it out", field, i)
		}
	}
	for i, mount := range container.VolumeMounts {
		switch {
		case mount.Name == "":
			return fmt.Errorf(".volumeMounts[%d].name: write the name of one of the pod's volumes", i)
		case mount.MountPath == "" || strings.Contains(mount.MountPath, ":"):
			return fmt.Errorf(".volumeMounts[%d].mountPath: %q: write a path without a colon, such as /data", i, mount.MountPath)
		case mount.SubPath != "" && mount.SubPathExpr != "":
			return fmt.Errorf(".volumeMounts[%d]: write subPath or subPathExpr, not both", i)
		case leads(mount.SubPath) || leads(mount.SubPathExpr):
			return fmt.Errorf(".volumeMounts[%d].subPath: write a path within the volume, with no / ahead and no ..", i)
		}
	}
	for i, device := range container.VolumeDevices {
		if device.Name == "" || device.DevicePath == "" {
			return fmt.Errorf(".volumeDevices[%d]: write the name of one of the pod's volumes, and devicePath", i)
		}
	}
	for i := range container.Env {
		variable := &container.Env[i]
		if variable.Name == "" || strings.Contains(variable.Name, "=") {
			return fmt.Errorf(".env[%d].name: %q: write the name of a variable, such as MODE", i, variable.Name)
		}
		if variable.Value != "" && variable.ValueFrom != nil {
			return fmt.Errorf(".env[%d]: write value or valueFrom, not both", i)
		}
	}
	return nil
}

// leads tells of a path that leads out of its volume.
func leads(sub string) bool {
	return path.IsAbs(sub) || slices.Contains(strings.Split(sub, "/"), "..")
}
