package match

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

func checkSecurity(own *corev1.SecurityContext) error {
	if own == nil {
		return nil
	}
	escalates := own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation
	switch {
	case !isID(own.RunAsUser):
		return fmt.Errorf(".runAsUser: %d: write a number from 0 to %d", *own.RunAsUser, math.MaxInt32)
	case !isID(own.RunAsGroup):
		return fmt.Errorf(".runAsGroup: %d: write a number from 0 to %d", *own.RunAsGroup, math.MaxInt32)
	case isTrue(own.RunAsNonRoot) && own.RunAsUser != nil && *own.RunAsUser == 0:
		return errors.New(".runAsNonRoot: user 0 is root, and the container would never start: write false, or another runAsUser")
	case own.ProcMount != nil && *own.ProcMount != corev1.DefaultProcMount && *own.ProcMount != corev1.UnmaskedProcMount:
		return fmt.Errorf(".procMount: %q: write Default or Unmasked, or leave it out", *own.ProcMount)
	case isTrue(own.Privileged) && !escalates:
		return errors.New(".allowPrivilegeEscalation: false, and privileged: write true, or leave one of the two out")
	// The API server looks for this spelling only.
	case own.Capabilities != nil && slices.Contains(own.Capabilities.Add, "CAP_SYS_ADMIN") && !escalates:
		return errors.New(".allowPrivilegeEscalation: false, and capabilities.add has CAP_SYS_ADMIN: write true, or leave one of the two out")
	}
	if err := checkSeccomp(own.SeccompProfile); err != nil {
		return fmt.Errorf(".seccompProfile%w", err)
	}
	if err := checkAppArmor(own.AppArmorProfile); err != nil {
		return fmt.Errorf(".appArmorProfile%w", err)
	}
	if err := checkWindows(own.WindowsOptions, isTrue(own.RunAsNonRoot)); err != nil {
		return fmt.Errorf(".windowsOptions%w", err)
	}
	return nil
}

// isID tells whether there can be a user or a group of this number.
func isID(id *int64) bool { return id == nil || *id >= 0 && *id <= math.MaxInt32 }

func isTrue(answer *bool) bool { return answer != nil && *answer }

func checkSeccomp(profile *corev1.SeccompProfile) error {
	if profile == nil {
		return nil
	}
	if err := checkProfile(string(profile.Type), profile.LocalhostProfile); err != nil {
		return err
	}
	if file := profile.LocalhostProfile; file != nil && leads(*file) {
		return fmt.Errorf(".localhostProfile: %q: write a path within the kubelet's folder of profiles, with neither .. nor a / ahead", *file)
	}
	return nil
}

func checkAppArmor(profile *corev1.AppArmorProfile) error {
	if profile == nil {
		return nil
	}
	if err := checkProfile(string(profile.Type), profile.LocalhostProfile); err != nil {
		return err
	}
	if name := profile.LocalhostProfile; name != nil && (strings.TrimSpace(*name) != *name || len(*name) > maxAppArmorProfile) {
		return fmt.Errorf(".localhostProfile: %q: write the name of a profile on the node, without space around it", *name)
	}
	return nil
}

// maxAppArmorProfile is how long a name may be, in bytes.
const maxAppArmorProfile = 4095

// checkProfile checks what profiles of both kinds have in common.
func checkProfile(kind string, localhost *string) error {
	switch kind {
	case "Localhost":
		if localhost == nil || *localhost == "" {
			return errors.New(".localhostProfile: type is Localhost: write which profile of the node's, or RuntimeDefault for type")
		}
	case "RuntimeDefault", "Unconfined":
		if localhost != nil {
			return fmt.Errorf(".localhostProfile: type is %s: leave it out, or write Localhost for type", kind)
		}
	default:
		return fmt.Errorf(".type: %q: write RuntimeDefault, Localhost or Unconfined", kind)
	}
	return nil
}
