package script

import (
	_ "embed" // for the wrapper
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

//go:embed stream.sh
var streamSource string

var wrapper = withoutComments(streamSource)

func withoutComments(source string) string {
	var b strings.Builder
	for line := range strings.Lines(source) {
		if !strings.HasPrefix(strings.TrimLeft(line, " "), "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// scriptFile is where the interpreter finds the script, which takes it for its name.
const scriptFile = "/dev/fd/3"

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Stream is an argv that runs the script that is then given to it as stdin, which has to be closed behind it. The container needs
// /bin/sh and the program cat. The script finds nothing on its stdin, and its exit code is that of argv: 127 where the container lacks its
// interpreter, 126 where that cannot be run.
func Stream(source string, args []string, env []Variable) (argv []string, stdin string, err error) {
	interpreter, err := Parse(source)
	if err != nil {
		return nil, "", err
	}
	var assignments strings.Builder
	for _, variable := range env {
		switch {
		case !variableName.MatchString(variable.Name):
			return nil, "", fmt.Errorf("%q is no name of a variable: write letters, digits and underscores, such as PGUSER", variable.Name)
		case strings.ContainsRune(variable.Value, 0):
			return nil, "", fmt.Errorf("the value of %s has a NUL character, which no variable can have: give it another value", variable.Name)
		}
		assignments.WriteString("export " + variable.Name + "=" + quote(variable.Value) + "\n")
	}
	mark := markFor(assignments.String() + source)
	argv = []string{"/bin/sh", "-c", wrapper, scriptName, mark, interpreter.Path}
	if interpreter.Arg != "" {
		argv = append(argv, interpreter.Arg)
	}
	argv = append(append(argv, scriptFile), args...)
	return argv, assignments.String() + mark + "\n" + source + mark, nil
}

// markFor is a word that a text does not have.
func markFor(text string) string {
	for number := 0; ; number++ {
		if mark := "quiesce-mark-" + strconv.Itoa(number); !strings.Contains(text, mark) {
			return mark
		}
	}
}

// quote is a word as a shell reads it, in one line: "$1" is to be a line end there.
func quote(word string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "\n", `'"$1"'`).Replace(word) + "'"
}
