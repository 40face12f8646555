package convert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxInit is how many containers a hook of ours has.
const maxInit = 8

// restoreInit converts the init containers of a hook of a Restore. Those that Velero refuses are left out, and those that our schema refuses.
func (d *draft) restoreInit(name string, init *restoreInit) error {
	notes := comments{}
	if init.Timeout.Duration != 0 {
		notes.add(fieldInit, "Left out: its timeout, %s. Velero reads it and does not enforce it; an init container ends, or its pod does not start.", short(init.Timeout.Duration))
	}
	var containers []v1alpha1.InitContainer
	for i, raw := range init.InitContainers {
		var container corev1.Container
		if err := json.Unmarshal(raw, &container); err != nil {
			return fmt.Errorf(".initContainers[%d]: %w", i, err)
		}
		switch {
		case container.Name == "" || container.Image == "" || len(container.Command) == 0:
			notes.add(fieldInit, "Left out: container %s, which has no name, image or command, for which Velero fails to restore the pod.", quoted(container.Name))
			continue
		case slices.ContainsFunc(containers, func(c v1alpha1.InitContainer) bool { return c.Name == container.Name }):
			notes.add(fieldInit, "Left out: a second container %s, for which Velero fails to restore the pod.", quoted(container.Name))
			continue
		}
		converted := initContainer(&container)
		if why := refused(&converted); why != "" {
			notes.add(fieldInit, "Left out: container %s: %s.", quoted(container.Name), why)
			continue
		}
		if others := leftOut(raw); len(others) > 0 {
			notes.add(fieldInit, "Left out of container %s: %s, which an init container of a policy has not.", quoted(container.Name), strings.Join(others, ", "))
		}
		containers = append(containers, converted)
	}
	d.initHooks(name, containers, notes)
	return nil
}

// initHooks makes one hook of containers, or several where there are too many for one.
func (d *draft) initHooks(name string, containers []v1alpha1.InitContainer, notes comments) {
	if len(containers) == 0 {
		sentences := slices.Concat([]string{"Hook " + name + " is left out: no container is left of it."}, notes[fieldInit])
		d.broken[prepared] = append(d.broken[prepared], sentences...)
		return
	}
	inherits := slices.ContainsFunc(containers, func(c v1alpha1.InitContainer) bool { return c.SecurityContext == nil || c.Resources == nil })
	if inherits {
		notes.add(fieldInit, "What these containers do not say of securityContext and resources comes from the pod's container; in Velero it was left empty.")
	}
	all := (len(containers) + maxInit - 1) / maxInit
	for part := range all {
		some := containers[part*maxInit : min(len(containers), (part+1)*maxInit)]
		if part > 0 {
			notes = comments{}
		}
		d.add(hookDraft{side: prepared, comments: notes, hook: v1alpha1.Hook{
			Name: title(name, part, all), Init: &v1alpha1.InitAction{Containers: some},
		}})
	}
}

// initContainer is what our init containers know of a container.
func initContainer(c *corev1.Container) v1alpha1.InitContainer {
	converted := v1alpha1.InitContainer{
		Name: c.Name, Image: c.Image, ImagePullPolicy: c.ImagePullPolicy, Command: c.Command, Args: c.Args, WorkingDir: c.WorkingDir,
		Env: c.Env, EnvFrom: c.EnvFrom, VolumeMounts: c.VolumeMounts, VolumeDevices: c.VolumeDevices, SecurityContext: c.SecurityContext,
	}
	if len(c.Resources.Limits)+len(c.Resources.Requests)+len(c.Resources.Claims) > 0 {
		converted.Resources = &c.Resources
	}
	return converted
}

// leftOut are the fields of a container, as it was written, that initContainer does not read.
func leftOut(raw json.RawMessage) []string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil
	}
	known := []string{"name", "image", "imagePullPolicy", "command", "args", "workingDir", "env", "envFrom", "resources", "volumeMounts", "volumeDevices", "securityContext"}
	var others []string
	for field := range fields {
		if !slices.Contains(known, field) {
			others = append(others, printable(field))
		}
	}
	slices.Sort(others)
	return others
}

// The bounds of an init container that only the schema has.
const (
	maxEnv     = 128
	maxEnvFrom = 32
	maxMounts  = 64
	maxImage   = 1024
	maxFolder  = 4096
)

// refused says why a policy may not have a container; empty where it may.
func refused(c *v1alpha1.InitContainer) string {
	for _, words := range [][]string{c.Command, c.Args} {
		if why := tooMuch(words); why != "" {
			return why
		}
	}
	switch {
	case len(c.Env) > maxEnv || len(c.EnvFrom) > maxEnvFrom:
		return fmt.Sprintf("it may have %d variables and %d sources of them", maxEnv, maxEnvFrom)
	case len(c.VolumeMounts) > maxMounts || len(c.VolumeDevices) > maxMounts:
		return fmt.Sprintf("it may have %d volumes", maxMounts)
	case len(c.Image) > maxImage || len(c.WorkingDir) > maxFolder:
		return "its image or its workingDir is too long"
	}
	hook := v1alpha1.Hook{Name: "init", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, Init: &v1alpha1.InitAction{Containers: []v1alpha1.InitContainer{*c}}}
	if err := match.Check(match.Ref{Name: "convert"}, &v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{hook}}); err != nil {
		return printable(err.Error())
	}
	return ""
}
