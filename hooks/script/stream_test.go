package script

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is for a machine that does ten other things.
const patience = time.Minute

// eachShell runs a test with every shell that may be a container's /bin/sh. bin is a folder in which that shell is sh.
func eachShell(t *testing.T, test func(t *testing.T, bin string)) {
	t.Helper()
	for _, name := range []string{"dash", "bash", "busybox"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(name)
			require.NoError(t, err, "`make shells` installs it")
			bin := t.TempDir()
			for dir := bin; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) { // others than root are to reach it
				require.NoError(t, os.Chmod(dir, 0o755))
			}
			require.NoError(t, os.Symlink(path, filepath.Join(bin, "sh")))
			test(t, bin)
		})
	}
}

// streamed is a script that is run as it would be in a container.
type streamed struct {
	bin    string // has sh
	source string
	args   []string
	env    []Variable
	// container is the container's environment, beside a PATH.
	container []string
	// cut is how much of what is to be sent gets lost at the end.
	cut int
	// as is who runs it; nil is root. The pipe is root's.
	as *syscall.Credential
}

// came is what it came to.
type came struct {
	code           int
	stdout, stderr string
}

func (s streamed) run(t *testing.T) came {
	t.Helper()
	argv, stdin, err := Stream(s.source, s.args, s.env)
	require.NoError(t, err)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Chmod(0o600))
	var stdout, stderr bytes.Buffer
	cmd := &exec.Cmd{
		Path: filepath.Join(s.bin, "sh"), Args: argv, Stdin: reader, Stdout: &stdout, Stderr: &stderr,
		Env: append([]string{"PATH=" + os.Getenv("PATH")}, s.container...), Dir: "/",
		SysProcAttr: &syscall.SysProcAttr{Credential: s.as},
	}
	require.NoError(t, cmd.Start())
	require.NoError(t, reader.Close())
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_, _ = writer.WriteString(stdin[:len(stdin)-s.cut]) // a script that ends early reads no more
	require.NoError(t, writer.Close())
	_ = cmd.Wait() // for the code
	return came{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestAStreamedScriptIsRunAsItWouldBeFromAFile(t *testing.T) {
	t.Parallel()
	odd := []string{"", "it's", `a "b"`, "a\nb\n", "-x", "--", "$HOME `id` $(id)", `\`, "ü"}
	var arguments strings.Builder
	for _, argument := range odd {
		arguments.WriteString("<" + argument + ">\n")
	}
	tests := map[string]struct {
		source string // behind the interpreter's line
		option string
		args   []string
		want   came
	}{
		"its output and its code": {source: "echo one\necho two >&2\nexit 9\n", want: came{9, "one\n", "two\n"}},
		"nothing but the line":    {want: came{}},
		"without a last line end": {source: "printf end", want: came{0, "end", ""}},
		"an argument in its line": {source: "echo one\nfalse\necho two\n", option: " -e", want: came{1, "one\n", ""}},
		"its own set -e":          {source: "set -eu\nfalse\necho two\n", want: came{1, "", ""}},
		"nothing to read":         {source: "cat\nread -r x || echo none\n", want: came{0, "none\n", ""}},
		"arguments as they are":   {source: `for a; do printf '<%s>\n' "$a"; done`, args: odd, want: came{0, arguments.String(), ""}},
		"a name":                  {source: `echo "$0"`, want: came{0, "/dev/fd/3\n", ""}},
		"a function and a here-document": {
			source: "f() {\ncat <<END\n$1 \\ 'x'\nEND\n}\nf one\nf two\n", want: came{0, "one \\ 'x'\ntwo \\ 'x'\n", ""}},
		"bytes of all kinds of characters": {
			source: "printf '%s\\n' '" + characters() + "'\n", want: came{0, characters() + "\n", ""}},
		"its end by a signal": {source: "kill -KILL $$\n", want: came{137, "", ""}},
		"its end by another":  {source: "kill -TERM $$\n", want: came{143, "", ""}},
		"a pipe that nobody reads": {
			source: "yes | head -n 1\n", want: came{0, "y\n", ""}},
		"its end ahead of 90 KB of itself": {
			source: "echo here\nexit 3\n" + strings.Repeat("# unread\n", 10_000), want: came{3, "here\n", ""}},
		"as much as may be": {
			source: strings.Repeat("# a line that is read, ä\n", 3_700) + "echo end\n", want: came{0, "end\n", ""}},
	}
	eachShell(t, func(t *testing.T, bin string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				script := streamed{bin: bin, source: "#!" + bin + "/sh" + test.option + "\n" + test.source, args: test.args}
				assert.Equal(t, test.want, script.run(t))
				script.as = &syscall.Credential{Uid: 65534, Gid: 65534}
				assert.Equal(t, test.want, script.run(t), "as nobody, from a pipe that is root's")
			})
		}
	})
}

// characters are one of each length, and those whose bytes shells use themselves.
func characters() string {
	var b strings.Builder
	for r := rune(1); r < 0x500; r++ {
		if r != '\'' && r != '\r' {
			b.WriteRune(r)
		}
	}
	return b.String() + "€\uffff🙂\U0010ffff"
}

func TestEveryCodeIsTheScripts(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, bin string) {
		for code := range 256 {
			got := streamed{bin: bin, source: fmt.Sprintf("#!%s/sh\nexit %d\n", bin, code)}.run(t)
			assert.Equal(t, came{code: code}, got)
		}
	})
}

func TestInterpretersOtherThanAShellTakeAScriptAsWell(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		source string
		want   came
	}{
		"perl":        {"#!/usr/bin/perl -w\nprint \"$ENV{X} @ARGV\\n\"; print STDIN->eof ? \"none\\n\" : \"some\\n\"; exit 7;\n", came{7, "1 a b\nnone\n", ""}},
		"bash":        {"#!/bin/bash\nset -o pipefail\nfalse | true || echo \"$X $1 ${#}\"\nexit 7\n", came{7, "1 a 2\n", ""}},
		"bash by env": {"#!/usr/bin/env -S bash -e\necho \"$X $*\"\nfalse\n", came{1, "1 a b\n", ""}},
		"awk":         {"#!/usr/bin/awk -f\nBEGIN { print ENVIRON[\"X\"], ARGV[1]; exit 7 }\n", came{7, "1 a\n", ""}},
	}
	eachShell(t, func(t *testing.T, bin string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				assert.Equal(t, test.want, streamed{bin: bin, source: test.source, args: []string{"a", "b"}, env: []Variable{{"X", "1"}}}.run(t))
			})
		}
	})
}

func TestVariablesReachAScriptAsTheyAreAndNoOthersDo(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for b := 1; b < 256; b++ {
		all.WriteByte(byte(b))
	}
	env := []Variable{
		{"QUOTES", `it's "so" ` + "`id`"}, {"LINES", "\n\none\n\ntwo\n\n"}, {"EXPANDED", "$(id) $HOME ${HOME} $1 $$"}, {"ESCAPED", `\ \n \\ '\''`},
		{"UTF", characters()}, {"BYTES", all.String()}, {"EMPTY", ""}, {"SPACE", "  a  b\t"}, {"GLOB", "* ? [a]"}, {"MARK", "quiesce-mark-0\nquiesce-mark-1"},
		{"PATH", "/nowhere"}, {"LONG", strings.Repeat("x'\n", 10_000)}, {"CHANGED", "new"},
	}
	eachShell(t, func(t *testing.T, bin string) {
		want := map[string]string{"KEPT": "as it was"}
		for _, variable := range env {
			want[variable.Name] = variable.Value
		}
		got := streamed{bin: bin, source: "#!" + bin + "/sh\n/usr/bin/env -0\n", env: env, container: []string{"KEPT=as it was", "CHANGED=old"}}.run(t)
		require.Zero(t, got.code, got.stderr)
		assert.Empty(t, got.stderr)
		for entry := range strings.SplitSeq(strings.TrimSuffix(got.stdout, "\x00"), "\x00") {
			name, value, _ := strings.Cut(entry, "=")
			if expected, found := want[name]; found {
				assert.Equal(t, expected, value, name)
				delete(want, name)
				continue
			}
			assert.Contains(t, []string{"PWD", "OLDPWD", "SHLVL", "_"}, name, "a shell's own")
		}
		assert.Empty(t, want, "not there")
	})
}

func TestAContainerThatLacksTheInterpreterSaysSo(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, bin string) {
		plain := filepath.Join(bin, "plain")
		require.NoError(t, os.WriteFile(plain, []byte("x"), 0o644))
		tests := map[string]came{
			bin + "/python3": {127, "", "quiesce: the container has no " + bin + "/python3, which the script's first line names\n"},
			plain:            {126, "", "quiesce: " + plain + ", which the script's first line names, is no program that may be run here\n"},
			bin:              {126, "", "quiesce: " + bin + ", which the script's first line names, is no program that may be run here\n"},
		}
		for path, want := range tests {
			script := streamed{bin: bin, source: "#!" + path + "\nexit 0\n" + strings.Repeat("# unread\n", 10_000)}
			assert.Equal(t, want, script.run(t))
		}
	})
}

// A connection may break while a script is sent. Half of one may do anything.
func TestAScriptThatDidNotArriveWholeIsNotRun(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, bin string) {
		script := streamed{bin: bin, source: "#!" + bin + "/sh\necho ran\n", env: []Variable{{"A", "b"}}}
		_, stdin, err := Stream(script.source, nil, script.env)
		require.NoError(t, err)
		for script.cut = 1; script.cut <= len(stdin); script.cut++ {
			assert.Equal(t, came{1, "", "quiesce: the script did not arrive whole, so that nothing was run\n"}, script.run(t), script.cut)
		}
	})
}

func TestAStreamedScriptNeedsNoWritableFilesystem(t *testing.T) {
	assert.NotRegexp(t, `<<|\blocal\b|\[\[|\bfunction\b|>/[^d]|>>`, wrapper)
	for _, name := range []string{"dash", "bash", "busybox"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		cmd := &exec.Cmd{Path: path, Args: []string{"/bin/sh", "-n"}, Stdin: strings.NewReader(wrapper)}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, name)
		assert.Empty(t, string(out), name)
	}
}

func TestAnInlineScriptDoesWhatTheStreamedOneDoes(t *testing.T) {
	t.Parallel()
	env, args := []Variable{{"X", "a\n'b'"}}, []string{"", "c d", "$(id)"}
	eachShell(t, func(t *testing.T, bin string) {
		source := "#!" + bin + "/sh -e\nprintf '%s|' \"$X\" \"$@\" \"$#\"\nfalse\necho more\n"
		argv, can := Inline(source, args, env)
		require.True(t, can)
		output, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		var ended *exec.ExitError
		require.ErrorAs(t, err, &ended)
		assert.Equal(t, came{ended.ExitCode(), string(output), ""}, streamed{bin: bin, source: source, args: args, env: env}.run(t))
	})
}
