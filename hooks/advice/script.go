package advice

import (
	"path"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// readScript reads a script as if it were an argument of its interpreter: a shell's as the text that it is, without its comments, and
// any other as one that may do anything. Of one by its name, nothing is known here.
func readScript(name string, action *v1alpha1.ScriptAction) hookCommand {
	interpreter, err := script.Parse(action.Inline)
	if err != nil {
		return hookCommand{name: name, argv: []string{name}, length: 1, unknown: true}
	}
	var text strings.Builder
	for line := range strings.Lines(action.Inline) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			text.WriteString(line)
		}
	}
	program := interpreter.Path
	if path.Base(program) == "env" {
		words := strings.Fields(interpreter.Arg)
		if at := slices.IndexFunc(words, func(word string) bool { return !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") }); at >= 0 {
			program = words[at]
		}
	}
	argv := []string{program}
	if isShell(program) {
		argv = append(argv, "-c")
	}
	argv = append(append(argv, "\n"+text.String()), action.Args...)
	length := len(argv)
	if !isShell(program) {
		length = 1 // what looks like a shell's in it is its own
	}
	for i := range action.Env {
		argv = append(argv, action.Env[i].Name+"="+action.Env[i].Value)
	}
	read := readCommand(name, argv)
	read.length, read.unknown = length, !isShell(program)
	return read
}
