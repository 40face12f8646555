package script

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheFirstLineNamesTheInterpreterAsTheKernelReadsIt(t *testing.T) {
	tests := map[string]struct {
		line string
		want Interpreter
	}{
		"a path":                            {"#!/bin/sh", Interpreter{"/bin/sh", ""}},
		"an argument":                       {"#!/bin/sh -eu", Interpreter{"/bin/sh", "-eu"}},
		"all the rest is one argument":      {"#!/usr/bin/env -S python3 -u", Interpreter{"/usr/bin/env", "-S python3 -u"}},
		"space and tabs around an argument": {"#!/bin/bash \t -e\t ", Interpreter{"/bin/bash", "-e"}},
		"space behind the path":             {"#!/bin/sh  ", Interpreter{"/bin/sh", ""}},
		"as long as a kernel reads":         {"#!/" + strings.Repeat("x", 252), Interpreter{"/" + strings.Repeat("x", 252), ""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, rest := range []string{"", "\n", "\nexit 3\n"} {
				got, err := Parse(test.line + rest)
				require.NoError(t, err)
				assert.Equal(t, test.want, got)
			}
		})
	}
	assert.Equal(t, "/bin/sh -e", Interpreter{"/bin/sh", "-e"}.String())
	assert.Equal(t, "/bin/sh", Interpreter{Path: "/bin/sh"}.String())
}

func TestWhatIsNoScriptIsRefusedWithWhatToWrite(t *testing.T) {
	const sh = "#!/bin/sh\n"
	tests := map[string]struct {
		source string
		want   string
	}{
		"nothing":                       {"", "it is empty: write a script"},
		"no interpreter":                {"echo hello\n", "write the interpreter in the first line, with its path, such as #!/bin/sh"},
		"one in the second line":        {"\n#!/bin/sh\n", "write the interpreter in the first line"},
		"only the sign of one":          {"#! \n", "write the interpreter in the first line"},
		"one without a path":            {"#!sh\n", `the first line, "#!sh", names no path`},
		"one behind a space":            {"#! /bin/sh\n", "right behind #!, such as #!/bin/sh"},
		"a folder":                      {"#!/bin/\n", "names a folder"},
		"a first line that is too long": {"#!/" + strings.Repeat("x", 253) + "\n", "the first line has 256 bytes, of which a kernel reads 255"},
		"too much":                      {sh + strings.Repeat("x", MaxBytes-len(sh)+1), "it has 98305 bytes, and a script may have 98304"},
		"line ends of Windows":          {"#!/bin/sh\r\nexit\r\n", `line 1 ends with a carriage return, as on Windows: save it with line ends of Unix, such as by sed 's/\r$//'`},
		"one such line end":             {sh + "exit\r\n", "line 2 ends with a carriage return"},
		"a byte order mark":             {"\ufeff" + sh, "byte order mark"},
		"a NUL":                         {sh + "echo \x00\n", "line 2 has a NUL character"},
		"Latin 1":                       {sh + "\necho gr\xfcn\n", "line 3 is not UTF-8"},
		"half a character":              {sh + "echo \xe2\x82", "line 2 is not UTF-8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, Check(test.source), test.want)
			_, can := Inline(test.source, nil, nil)
			assert.False(t, can)
			_, _, err := Stream(test.source, nil, nil)
			assert.ErrorContains(t, err, test.want)
		})
	}
	assert.NoError(t, Check(sh+strings.Repeat("x", MaxBytes-len(sh))), "as much as may be")
	assert.NoError(t, Check(sh+"printf 'a\rb\ufffd'\n"), "a carriage return within a line, and the sign for what is none")
}

func TestOnACommandLineAScriptIsAnArgumentOfItsInterpreter(t *testing.T) {
	const rest = "\nexit 3\n"
	tests := map[string]struct {
		line string
		env  []Variable
		want []string // ahead of the script
		last []string // behind it
	}{
		"sh":                 {"#!/bin/sh", nil, []string{"/bin/sh", "-c"}, []string{"quiesce-script", "a b"}},
		"bash, with options": {"#!/usr/local/bin/bash -eux", nil, []string{"/usr/local/bin/bash", "-eux", "-c"}, []string{"quiesce-script", "a b"}},
		"by env":             {"#!/usr/bin/env bash", nil, []string{"/usr/bin/env", "bash", "-c"}, []string{"quiesce-script", "a b"}},
		"python has its first argument in the place of a name": {"#!/usr/bin/env python3", nil, []string{"/usr/bin/env", "python3", "-c"}, []string{"a b"}},
		"python, with an option":                               {"#!/usr/bin/python -u", nil, []string{"/usr/bin/python", "-u", "-c"}, []string{"a b"}},
		"with variables": {
			"#!/bin/ksh", []Variable{{"A", "x y"}, {"B", "=\n'"}}, []string{"env", "A=x y", "B==\n'", "/bin/ksh", "-c"}, []string{"quiesce-script", "a b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			argv, can := Inline(test.line+rest, []string{"a b"}, test.env)
			require.True(t, can)
			assert.Equal(t, append(append(test.want, test.line+rest), test.last...), argv)
		})
	}
	for _, line := range []string{
		"#!/usr/bin/perl", "#!/bin/fish", "#!/bin/busybox sh", "#!/usr/bin/env perl", "#!/usr/bin/env", "#!/usr/bin/env -S bash -e", "#!/usr/bin/env A=1",
		"#!/bin/sh -c", "#!/bin/sh -s", "#!/bin/bash -o", "#!/bin/sh -", "#!/bin/bash -e -u", "#!/usr/bin/python3 -m", "#!/usr/bin/python3 -x", "#!/a=b/sh",
	} {
		_, can := Inline(line+rest, nil, nil)
		assert.False(t, can, line)
	}
}

func TestNothingOfAStreamedScriptIsOnItsCommandLine(t *testing.T) {
	const source = "#!/bin/sh -e\necho quiesce-mark-0\n"
	argv, stdin, err := Stream(source, []string{"", "it's"}, []Variable{{"PASSWORD", "s3cret\n'x'"}, {"EMPTY", ""}})
	require.NoError(t, err)
	assert.Equal(t, []string{"/bin/sh", "-c", argv[2], "quiesce-script", "quiesce-mark-1", "/bin/sh", "-e", "/dev/fd/3", "", "it's"}, argv)
	assert.NotContains(t, strings.Join(argv, " "), "s3cret")
	assert.NotContains(t, argv[2], "#", "no comments")
	assert.Equal(t, `export PASSWORD='s3cret'"$1"''\''x'\'''`+"\nexport EMPTY=''\nquiesce-mark-1\n"+source+"quiesce-mark-1", stdin)
}

func TestWhatIsNoVariableIsRefused(t *testing.T) {
	const source = "#!/bin/sh\n"
	for _, name := range []string{"", "A B", "A;x", "1A", "A-B", "Ä", "A\n"} {
		_, _, err := Stream(source, nil, []Variable{{name, "x"}})
		assert.ErrorContains(t, err, "is no name of a variable", name)
	}
	_, _, err := Stream(source, nil, []Variable{{"A", "secret\x00"}})
	require.ErrorContains(t, err, "the value of A has a NUL character")
	assert.NotContains(t, err.Error(), "secret")
}
