package transcript

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Shell runs a command, and tells what it has printed and its exit code. The exit code of the one before is that of $? .
type Shell func(command string, before int) (output string, code int, err error)

// Play runs all steps of a document, and tells of each that prints something else than is recorded. If the document is to be
// recorded anew, all steps get what they have printed, so that times and numbers agree from one to the next.
//
// A command may fail only where the reader sees it: `echo $?` comes next.
func (d *Document) Play(shell Shell, names *Names, record bool) error {
	var (
		differs []string
		code    int
	)
	steps := d.Steps()
	for i, step := range steps {
		if step.Command == "" {
			return fmt.Errorf("line %d: a console begins with a command, after a %q", step.Line, prompt)
		}
		output, ended, err := shell(names.Now(step.Command), code)
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", step.Line, step.Command, err)
		}
		if code = ended; code != 0 && (i+1 == len(steps) || steps[i+1].Command != "echo $?") {
			return fmt.Errorf("line %d: %s: exit code %d, and no `echo $?` after it that shows it\n%s", step.Line, step.Command, code, output)
		}
		if output != "" && !strings.HasSuffix(output, "\n") {
			output += "\n"
		}
		if recorded, printed := Mask(step.Output), Mask(output); recorded == printed {
			names.Learn(step.Output, output)
		} else {
			differs = append(differs, fmt.Sprintf("line %d: %s\n%s", step.Line, step.Command, udiff.Unified("recorded", "printed", recorded, printed)))
		}
		if record {
			step.Output = names.Then(output)
		}
	}
	if len(differs) > 0 && !record {
		return fmt.Errorf("commands print something else than is recorded:\n%s", strings.Join(differs, "\n"))
	}
	return nil
}
