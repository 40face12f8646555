package restore

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// securityContext is an init container's own, and where that says nothing the target's: what passes Pod Security with the
// target's passes it with this one, unless the policy asks for more.
func securityContext(own, target *corev1.SecurityContext) *corev1.SecurityContext {
	if own == nil {
		return target.DeepCopy()
	}
	merged := own.DeepCopy()
	if target == nil {
		return merged
	}
	target = target.DeepCopy()
	yield(target, own)
	if merged.Capabilities != nil && target.Capabilities != nil {
		// Added are its own alone; what the target does without is dropped here too.
		target.Capabilities.Add = nil
		if len(merged.Capabilities.Drop) == 0 {
			merged.Capabilities.Drop = target.Capabilities.Drop
		}
	}
	inherit(&merged.Capabilities, target.Capabilities)
	inherit(&merged.Privileged, target.Privileged)
	inherit(&merged.SELinuxOptions, target.SELinuxOptions)
	inherit(&merged.WindowsOptions, target.WindowsOptions)
	inherit(&merged.RunAsUser, target.RunAsUser)
	inherit(&merged.RunAsGroup, target.RunAsGroup)
	inherit(&merged.RunAsNonRoot, target.RunAsNonRoot)
	inherit(&merged.ReadOnlyRootFilesystem, target.ReadOnlyRootFilesystem)
	inherit(&merged.AllowPrivilegeEscalation, target.AllowPrivilegeEscalation)
	inherit(&merged.ProcMount, target.ProcMount)
	inherit(&merged.SeccompProfile, target.SeccompProfile)
	inherit(&merged.AppArmorProfile, target.AppArmorProfile)
	return merged
}

// yield changes of a target's context what would contradict a container's own, so that the API server would refuse the pod or
// the kubelet not start it.
func yield(target, own *corev1.SecurityContext) {
	const sysAdmin = "CAP_SYS_ADMIN"
	if own.RunAsUser != nil && *own.RunAsUser == 0 {
		target.RunAsNonRoot = new(false)
	}
	if isTrue(own.RunAsNonRoot) && target.RunAsUser != nil && *target.RunAsUser == 0 {
		target.RunAsUser = nil
	}
	if isTrue(own.Privileged) || own.Capabilities != nil && slices.Contains(own.Capabilities.Add, sysAdmin) {
		target.AllowPrivilegeEscalation = nil
	}
	if own.AllowPrivilegeEscalation != nil && !*own.AllowPrivilegeEscalation {
		if isTrue(target.Privileged) {
			target.Privileged = nil
		}
		if target.Capabilities != nil && slices.Contains(target.Capabilities.Add, sysAdmin) {
			target.Capabilities.Add = nil
		}
	}
}

func isTrue(field *bool) bool { return field != nil && *field }

func inherit[T any](own **T, target *T) {
	if *own == nil {
		*own = target
	}
}
