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
	if policies := []corev1.PullPolicy{"", corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever}; !slices.Contains(policies, container.ImagePullPolicy) {
		return fmt.Errorf(".imagePullPolicy: %q: write Always, IfNotPresent or Never, or leave it out", container.ImagePullPolicy)
	}
	// The OCI runtime specification wants an absolute one (config.md, process.cwd).
	if folder := container.WorkingDir; folder != "" && !path.IsAbs(folder) && !strings.HasPrefix(folder, `\`) && !hasDrive(folder) {
		return fmt.Errorf(".workingDir: %q: write a path from the root, such as /data", folder)
	}
	if err := checkResources(container.Resources); err != nil {
		return err
	}
	if err := checkSecurity(container.SecurityContext); err != nil {
		return fmt.Errorf(".securityContext%w", err)
	}
	privileged := container.SecurityContext != nil && isTrue(container.SecurityContext.Privileged)
	if err := checkVolumes(container.VolumeMounts, container.VolumeDevices, privileged); err != nil {
		return err
	}
	if err := checkEnv(container.Env); err != nil {
		return err
	}
	return checkEnvFrom(container.EnvFrom)
}
