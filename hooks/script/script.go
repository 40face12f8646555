// Package script has scripts that are run inside a container: what makes one, and the two ways to get it there, as arguments of a
// command or over its stdin. It is pure, and uses nothing of ours.
package script

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	// MaxBytes is how long a script may be, the line with its interpreter included.
	MaxBytes = 98304
	// maxFirstLine is how much of the first line the kernel reads, without the line end (linux: BINPRM_BUF_SIZE,
	// include/uapi/linux/binfmts.h).
	maxFirstLine = 255
)

// Interpreter is the program that a script names in its first line.
type Interpreter struct {
	// Path of it, from the root.
	Path string
	// Arg is all that stands behind it in the line, as the one argument that the kernel makes of it; empty where there is nothing.
	Arg string
}

// String is the interpreter as the first line names it, without the #!.
func (i Interpreter) String() string { return strings.TrimSuffix(i.Path+" "+i.Arg, " ") }

// Variable is one of a script's environment.
type Variable struct {
	Name, Value string
}

// Check tells what keeps a text from being run as a script, and what to write instead; nil when nothing does.
func Check(source string) error {
	_, err := Parse(source)
	return err
}

// Parse is the interpreter of a script that passes Check.
func Parse(source string) (Interpreter, error) {
	if err := checkText(source); err != nil {
		return Interpreter{}, err
	}
	line, _, _ := strings.Cut(source, "\n")
	named, found := strings.CutPrefix(line, "#!")
	switch {
	case !found || strings.Trim(named, " \t") == "":
		return Interpreter{}, errors.New("write the interpreter in the first line, with its path, such as #!/bin/sh or #!/usr/bin/env python3")
	case !strings.HasPrefix(named, "/"):
		return Interpreter{}, fmt.Errorf("the first line, %.80q, names no path: write the interpreter from the root and right behind #!, "+
			"such as #!/bin/sh or #!/usr/bin/env python3", line)
	case len(line) > maxFirstLine:
		return Interpreter{}, fmt.Errorf("the first line has %d bytes, of which a kernel reads %d: write a shorter one", len(line), maxFirstLine)
	}
	program, argument := named, ""
	if end := strings.IndexAny(named, " \t"); end >= 0 {
		program, argument = named[:end], strings.Trim(named[end:], " \t")
	}
	if strings.HasSuffix(program, "/") {
		return Interpreter{}, fmt.Errorf("the first line, %.80q, names a folder: write the program in it, such as #!/bin/sh", line)
	}
	return Interpreter{Path: program, Arg: argument}, nil
}

// checkText checks what is to hold of all lines.
func checkText(source string) error {
	switch {
	case source == "":
		return errors.New("it is empty: write a script, with its interpreter in the first line, such as #!/bin/sh")
	case len(source) > MaxBytes:
		return fmt.Errorf("it has %d bytes, and a script may have %d: have it call a program that the container has for the rest", len(source), MaxBytes)
	case strings.HasPrefix(source, "\ufeff"):
		return errors.New("it begins with a byte order mark, which hides the interpreter: save it as UTF-8 without one")
	case strings.Contains(source, "\r\n"):
		return fmt.Errorf("line %d ends with a carriage return, as on Windows: save it with line ends of Unix, such as by sed 's/\\r$//'",
			lineOf(source, strings.Index(source, "\r\n")))
	case strings.ContainsRune(source, 0):
		return fmt.Errorf("line %d has a NUL character, which no script can have: leave it out, or write what makes it, such as printf '\\0'",
			lineOf(source, strings.IndexByte(source, 0)))
	case !utf8.ValidString(source):
		return fmt.Errorf("line %d is not UTF-8: save it as UTF-8, or write the bytes by what makes them, such as printf '\\344'", lineOf(source, invalid(source)))
	}
	return nil
}

// lineOf is the line of a place in a text, from 1.
func lineOf(text string, place int) int { return 1 + strings.Count(text[:place], "\n") }

// invalid is the place of the first byte that is not UTF-8.
func invalid(text string) int {
	for place, char := range text {
		if char == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[place:]); size == 1 {
				return place
			}
		}
	}
	return len(text)
}

// name is that of the program without its folder.
func (i Interpreter) name() string { return path.Base(i.Path) }
