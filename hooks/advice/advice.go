// Package advice finds recipes in a policy that are known not to do what their author believes. It is pure. What it says
// is advice: a policy that it warns of is valid, and may be right all the same. So it keeps silent where it cannot tell.
package advice

import (
	"fmt"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// maxWarnings bounds how many there are. The API server cuts warnings to 256 characters once they have more than 4096
// together (k8s.io/apiserver, pkg/endpoints/filters/warning.go); each of ours has at most 256.
const maxWarnings = 15

// rules each look at a whole policy.
var rules = []func(policy) []string{
	boundToASession,
	goneFromPostgreSQL,
	foreignToMariaDB,
	returnsTooEarly,
	frozenFilesystem,
	neverUndone,
	looksLikeAFreeze,
	withoutAShell,
	brokenShell,
	asksForAPassword,
	holdsASecret,
	longerThanMaxQuiesce,
	buffersItsAnswer,
	waitsWithoutEnd,
	thawsOnlySometimes,
}

// For returns what to tell the author of a policy: sentences that name the hook, say why, and what to write instead.
func For(spec *v1alpha1.HookPolicySpec) []string {
	policy := read(spec)
	var warnings []string
	for _, rule := range rules {
		warnings = append(warnings, rule(policy)...)
	}
	if more := len(warnings) - maxWarnings; more > 0 {
		warnings = append(warnings[:maxWarnings], fmt.Sprintf("there are %d more warnings: mend these first", more))
	}
	return warnings
}

// warn is one warning about a hook.
func warn(hook hookCommand, format string, arguments ...any) string {
	return fmt.Sprintf("hook %q: ", hook.name) + fmt.Sprintf(format, arguments...)
}
