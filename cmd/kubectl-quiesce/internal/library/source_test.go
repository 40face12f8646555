package library

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAScriptIsReadFromAFileOrStdin(t *testing.T) {
	source := "#!/bin/sh\nprintf 'é'\n\n"
	largest := "#!/bin/sh\n" + strings.Repeat("#", v1alpha1.MaxScriptBytes-len("#!/bin/sh\n"))
	file := filepath.Join(t.TempDir(), "a.sh")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o644))
	for in, path := range map[string]string{source: "-", largest: "-", "": file} {
		text, err := readScript(strings.NewReader(in), path)
		require.NoError(t, err)
		if path == file {
			in = source
		}
		assert.Equal(t, in, text)
	}
}

func TestWhatIsNoScriptIsRefusedWithTheFileAndWhatToWrite(t *testing.T) {
	folder := t.TempDir()
	tests := map[string]struct{ content, says string }{
		"empty":                 {"", "x: it is empty: write a script"},
		"no interpreter":        {"sync\n", "x: write the interpreter in the first line"},
		"line ends of Windows":  {"#!/bin/sh\r\nsync\r\n", "x: line 1 ends with a carriage return, as on Windows"},
		"a NUL in a script":     {"#!/bin/sh\necho \x00\n", "x: line 2 has a NUL character"},
		"not UTF-8":             {"#!/bin/sh\necho \xe4\n", "x: line 2 is not UTF-8"},
		"a program":             {"\x7fELF\x02\x01\x01\x00\x00", "x is binary, and no script"},
		"a program that is big": {"\x7fELF\x00" + strings.Repeat("x", 200_000), "x is binary, and no script"},
		"too large":             {"#!/bin/sh\n" + strings.Repeat("#", v1alpha1.MaxScriptBytes), "x has more than 98304 bytes, which is what a script may have"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(folder, "x")
			require.NoError(t, os.WriteFile(file, []byte(test.content), 0o644))
			_, err := readScript(nil, file)
			require.Error(t, err)
			assert.Equal(t, 0, strings.Index(strings.TrimPrefix(err.Error(), folder+"/"), test.says), err)
			_, err = readScript(strings.NewReader(test.content), "-")
			require.ErrorContains(t, err, strings.Replace(test.says, "x", "standard input", 1))
		})
	}
	_, err := readScript(nil, folder)
	require.EqualError(t, err, folder+" is a directory: write the path of one script in it")
	_, err = readScript(nil, filepath.Join(folder, "none"))
	require.ErrorContains(t, err, "none: write the path of a script, or - for standard input")
}

// endless never ends.
type endless struct{ read int }

func (e *endless) Read(into []byte) (int, error) {
	e.read += len(into)
	return len(into), nil
}

func TestNoMoreIsReadThanAScriptMayHave(t *testing.T) {
	in := &endless{}
	_, err := readScript(in, "-")
	require.Error(t, err)
	assert.Less(t, in.read, 4*v1alpha1.MaxScriptBytes)
	_, err = readScript(io.MultiReader(strings.NewReader("#!/bin/sh\n"), &endless{}), "-")
	require.ErrorContains(t, err, "more than 98304 bytes")
}
