package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Confirm asks whether to go on, and fails unless somebody at a terminal says yes. It is asked before signals are caught: Ctrl-C
// ends the program there.
func (f *Frame) Confirm(c *cobra.Command, question string) error {
	if file, is := f.In.(*os.File); !is || !term.IsTerminal(int(file.Fd())) {
		return UsageErrorf(c, "nothing was changed, since there is no terminal to ask on: write --yes to have this done")
	}
	return f.ask(question + " [y/N] ")
}

func (f *Frame) ask(question string) error {
	fmt.Fprint(f.ErrOut, question)
	answer, err := bufio.NewReader(f.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was changed, since the answer was not yes")
}
