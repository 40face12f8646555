package match

import (
	"fmt"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Windows' bounds: of a credential spec in bytes, of a NetBIOS name in characters, of a user's name in bytes.
const (
	maxCredentialSpec = 64 << 10
	maxNetBIOSName    = 15
	maxWindowsUser    = 104
)

func checkWindows(options *corev1.WindowsSecurityContextOptions, nonRoot bool) error {
	if options == nil {
		return nil
	}
	name, spec, user := options.GMSACredentialSpecName, options.GMSACredentialSpec, options.RunAsUserName
	switch {
	case name != nil && len(validation.IsDNS1123Subdomain(*name)) > 0:
		return fmt.Errorf(".gmsaCredentialSpecName: %q: write the name of a GMSACredentialSpec, such as web-app", *name)
	case spec != nil && (*spec == "" || len(*spec) > maxCredentialSpec):
		return fmt.Errorf(".gmsaCredentialSpec: it has %d bytes: write 1 to %d, or leave it out", len(*spec), maxCredentialSpec)
	case user != nil && !isWindowsUser(*user):
		return fmt.Errorf(`.runAsUserName: %q: write a user such as ContainerUser, or one of a domain, such as DOMAIN\user`, *user)
	case user != nil && nonRoot && strings.EqualFold(*user, "ContainerAdministrator"):
		return fmt.Errorf(".runAsUserName: %s is root to runAsNonRoot, and the container would never start: write another user, or runAsNonRoot: false", *user)
	}
	return nil
}

// isWindowsUser knows of USER and DOMAIN\USER.
func isWindowsUser(name string) bool {
	domain, user, hasDomain := strings.Cut(name, `\`)
	if !hasDomain {
		domain, user = "", name
	}
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return false
	case hasDomain && !isNetBIOSName(domain) && len(validation.IsDNS1123Subdomain(strings.ToLower(domain))) > 0:
		return false
	}
	return len(user) <= maxWindowsUser && strings.Trim(user, ". ") != "" && !strings.ContainsAny(user, `"/\:;|=,+*?<>@[]`)
}

func isNetBIOSName(domain string) bool {
	return domain != "" && utf8.RuneCountInString(domain) <= maxNetBIOSName && domain[0] != '.' && !strings.ContainsAny(domain, `\/:*?"<>|`)
}
