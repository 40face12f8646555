package restore

import (
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
		target = &corev1.SecurityContext{}
	}
	target = target.DeepCopy()
	// What the policy asks for must not be contradicted by what it leaves out.
	if root := merged.RunAsUser; root != nil && *root == 0 {
		target.RunAsNonRoot = new(false)
	}
	if privileged := merged.Privileged; privileged != nil && *privileged {
		target.AllowPrivilegeEscalation = nil
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

func inherit[T any](own **T, target *T) {
	if *own == nil {
		*own = target
	}
}
