package script

import (
	"regexp"
	"slices"
	"strings"
)

// interpreters that take a script as an argument, behind -c, by their names.
var interpreters = map[string]struct {
	// options that may stand ahead of -c: those that take no argument, and leave -c its meaning.
	options *regexp.Regexp
	// named is true where the argument behind the script is its name, and not the first of its own.
	named bool
}{
	"sh": {shellOptions, true}, "bash": {shellOptions, true}, "dash": {shellOptions, true}, "ash": {shellOptions, true},
	"ksh": {shellOptions, true}, "zsh": {shellOptions, true},
	"python": {pythonOptions, false}, "python3": {pythonOptions, false},
}

var (
	shellOptions  = regexp.MustCompile(`^(-[abefhlmnpuvxE]+)?$`)
	pythonOptions = regexp.MustCompile(`^(-[bBdEIOPsSuv]+)?$`)
	plainWord     = regexp.MustCompile(`^[A-Za-z0-9_.+/][A-Za-z0-9_.+/-]*$`)
)

// scriptName is a script's own name in its messages, its $0, where it comes as an argument.
const scriptName = "quiesce-script"

// Inline is an argv that runs a script from its own arguments, for whoever can give no stdin. It is false where the script's
// interpreter takes none so, and for what is no script.
func Inline(source string, args []string, env []Variable) (argv []string, can bool) {
	interpreter, err := Parse(source)
	if err != nil {
		return nil, false
	}
	for _, variable := range env {
		argv = append(argv, variable.Name+"="+variable.Value)
	}
	if len(env) > 0 {
		argv = slices.Insert(argv, 0, "env")
	}
	argv = append(argv, interpreter.Path)
	name, option := interpreter.name(), interpreter.Arg
	if name == "env" && plainWord.MatchString(option) {
		argv = append(argv, option)
		name, option = (Interpreter{Path: option}).name(), ""
	}
	known, found := interpreters[name]
	if !found || !known.options.MatchString(option) || strings.Contains(interpreter.Path, "=") { // for env, that would be a variable
		return nil, false
	}
	if option != "" {
		argv = append(argv, option)
	}
	argv = append(argv, "-c", source)
	if known.named {
		argv = append(argv, scriptName)
	}
	return append(argv, args...), true
}
