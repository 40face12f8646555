package templates_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// posixShells are those under which the containers may run what the templates hold.
var posixShells = [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}}

func TestEveryShellCanReadTheScripts(t *testing.T) {
	for name, spec := range library(t) {
		for hook, text := range shells(spec) {
			for _, shell := range posixShells {
				t.Run(name+"/"+hook+"/"+shell[0], func(t *testing.T) {
					command := exec.CommandContext(t.Context(), shell[0], slices.Concat(shell[1:], []string{"-n"})...)
					command.Stdin = strings.NewReader(text)
					output, err := command.CombinedOutput()
					assert.NoError(t, err, string(output))
					assert.Empty(t, string(output))
				})
			}
		}
	}
}

// stage is where a script of a template runs beside programs of the test's own, under each shell.
type stage struct {
	t     *testing.T
	shell []string
	dir   string
	env   []string
}

// onStage runs a test under each shell, with programs that the scripts find in place of the real ones.
func onStage(t *testing.T, programs map[string]string, test func(s *stage)) {
	t.Helper()
	for _, shell := range posixShells {
		t.Run(shell[0], func(t *testing.T) {
			for _, own := range []string{"fsfreeze", "sleep"} {
				if _, ours := programs[own]; ours && shell[0] == "busybox" {
					t.Skipf("busybox has its own %s, and takes no other", own)
				}
			}
			s := &stage{t: t, shell: shell, dir: t.TempDir()}
			bin := filepath.Join(s.dir, "bin")
			require.NoError(t, os.Mkdir(bin, 0o755))
			for name, text := range programs {
				require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755))
			}
			s.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "STAGE=" + s.dir}
			test(s)
		})
	}
}

// run runs a hook's script with arguments, and returns what it wrote and whether it went well.
func (s *stage) run(template, hook string, env []string, args ...string) (string, bool) {
	s.t.Helper()
	text, found := shells(library(s.t)[template])[hook]
	require.True(s.t, found, "%s has no script %s", template, hook)
	command := exec.CommandContext(s.t.Context(), s.shell[0], slices.Concat(s.shell[1:], []string{"-c", text, hook}, args)...)
	command.Env = slices.Concat(s.env, env)
	output, err := command.CombinedOutput()
	return string(output), err == nil
}

// read is the content of a file of the stage.
func (s *stage) read(name string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, name))
	require.NoError(s.t, err)
	return string(content)
}

func (s *stage) write(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(s.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
