package library

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
)

func isTerminal(in io.Reader) bool {
	file, is := in.(*os.File)
	return is && term.IsTerminal(int(file.Fd()))
}

// ask fails unless somebody says yes.
func ask(frame *command.Frame, question string) error {
	fmt.Fprint(frame.ErrOut, question)
	answer, err := bufio.NewReader(frame.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was changed, since the answer was not yes")
}
