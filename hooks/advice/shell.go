package advice

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var (
	operators = []string{"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1"}
	// expansions that are a shell's: $NAME and ${NAME} in capitals, $(command). Other programs have a $ of their own.
	variable     = regexp.MustCompile(`^[^\s$]*\$(\{[A-Z_][A-Z0-9_]*\}|[A-Z_][A-Z0-9_]*)$`)
	substitution = regexp.MustCompile(`\$\([a-z]`)
)

// withoutAShell finds commands that are meant for a shell, which nobody starts.
func withoutAShell(p policy) (warnings []string) {
	for _, hook := range slices.Concat(p.all, p.holds, p.inits) {
		if len(hook.program()) == 0 {
			continue
		}
		if strings.ContainsAny(strings.TrimSpace(hook.argv[0]), " \t\n") {
			warnings = append(warnings, warn(hook, "command[0] is a program and not a line for a shell: write the program and "+
				"each argument as an item of their own, or [sh, -c, LINE]"))
			continue
		}
		if hook.shell {
			continue
		}
		for i, argument := range hook.program()[1:] {
			switch {
			case slices.Contains(operators, argument):
				warnings = append(warnings, warn(hook, "no shell is started, so command[%d], %q, is handed to %s: write [sh, -c, LINE]",
					i+1, argument, shownProgram(hook)))
			case variable.MatchString(argument) || substitution.MatchString(argument):
				warnings = append(warnings, warn(hook, "no shell is started, so nothing replaces what follows the $ in command[%d]: "+
					"write [sh, -c, LINE]", i+1))
			default:
				continue
			}
			break // one of them says it all
		}
	}
	return warnings
}

func shownProgram(hook hookCommand) string {
	if name := path.Base(hook.argv[0]); len(name) <= 40 {
		return name
	}
	return "the program"
}

// brokenShell finds shells that are called in a way that does not run what was meant.
func brokenShell(p policy) (warnings []string) {
	for _, hook := range slices.Concat(p.all, p.holds, p.inits) {
		if len(hook.program()) == 0 {
			continue
		}
		arguments := hook.program()[1:]
		name := path.Base(hook.argv[0])
		if name == "busybox" && len(arguments) > 0 {
			name, arguments = path.Base(arguments[0]), arguments[1:]
		}
		if !isShell(name) {
			continue
		}
		if p.spec.Shell == v1alpha1.NoShell && !hook.init {
			warnings = append(warnings, warn(hook, "it starts %s, and shell: None says that the containers have none: "+
				"leave shell out, or write the program without a shell", name))
		}
		if len(arguments) == 0 {
			warnings = append(warnings, warn(hook, "%s has nothing to run, and ends at once: write [%s, -c, LINE]", name, name))
			continue
		}
		option := strings.HasPrefix(arguments[0], "-") && strings.HasSuffix(arguments[0], "c")
		switch {
		case !strings.HasPrefix(arguments[0], "-") && strings.Contains(arguments[0], " "):
			warnings = append(warnings, warn(hook, "%s takes its first argument for the name of a file: write [%s, -c, LINE]", name, name))
		case option && len(arguments) == 1:
			warnings = append(warnings, warn(hook, "%s %s lacks the line to run: write [%s, -c, LINE]", name, shown(arguments[0]), name))
		case option && len(arguments) > 2 && !strings.ContainsAny(arguments[1], " \t\n$;"):
			warnings = append(warnings, warn(hook, "%s -c takes the next item alone for its line, and the rest is not handed to it: "+
				"write the whole line as one item", name))
		}
	}
	return warnings
}
