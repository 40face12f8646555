package library

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// readScript reads a script from a file, or from standard input for -, and says what keeps it from being run.
func readScript(in io.Reader, path string) (string, error) {
	name := path
	if path == "-" {
		name = "standard input"
	} else {
		file, err := openFile(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	}
	text, whole, err := bounded(in, v1alpha1.MaxScriptBytes)
	switch {
	case err != nil:
		return "", fmt.Errorf("reading %s: %w", name, err)
	case isProgram(text):
		return "", fmt.Errorf("%s is binary, and no script: write a script, whose first line names its interpreter, such as #!/bin/sh, "+
			"and have it call a program that the container has", name)
	case !whole:
		return "", fmt.Errorf("%s has more than %d bytes, which is what a script may have: have it call a program that the container has for the rest",
			name, v1alpha1.MaxScriptBytes)
	}
	if err := library.CheckScript(&v1alpha1.HookScriptSpec{Script: text}); err != nil {
		return "", fmt.Errorf("%s: %w", name, errors.Unwrap(err)) // without the field, of which nobody knows here
	}
	return text, nil
}

func openFile(path string) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s: write the path of a script, or - for standard input", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: write the path of a script that you may read, or - for standard input", err)
	}
	about, err := file.Stat()
	if err == nil && about.IsDir() {
		err = fmt.Errorf("%s is a directory: write the path of one script in it", path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// isProgram tells whether a file is not meant to be read by people, as far as its beginning shows.
func isProgram(text string) bool {
	const beginning = 8000
	return !strings.HasPrefix(text, "#!") && strings.ContainsRune(text[:min(len(text), beginning)], 0)
}

// bounded reads no more than it is told to. It is false where there is more.
func bounded(from io.Reader, most int) (text string, whole bool, err error) {
	content, err := io.ReadAll(io.LimitReader(from, int64(most)+1))
	if err != nil {
		return "", false, err
	}
	return string(content), len(content) <= most, nil
}
