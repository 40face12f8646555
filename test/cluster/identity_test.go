package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const catStat = "4711 (cat) S 1 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 2703360 10 18446744073709551615 1 1\n"

func TestParseStat(t *testing.T) {
	tests := map[string]struct {
		text    string
		want    stat
		problem string
	}{
		"a plain name": {text: catStat, want: stat{state: 'S', parent: 1, start: 987654}},
		"a name with spaces and parentheses": {
			text: "7 (a) R 9 (b)) D 3 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 55 0 0\n",
			want: stat{state: 'D', parent: 3, start: 55},
		},
		"no name":             {text: "7 sh S 1", problem: "no command name"},
		"cut off":             {text: "7 (sh) S 1 2", problem: "only 5 fields"},
		"a start of no sense": {text: "7 (sh) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 soon 0", problem: "start time"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat(test.text)
			if test.problem != "" {
				require.ErrorContains(t, err, test.problem)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestAlive(t *testing.T) {
	const zombie = "4711 (cat) Z 1 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0\n"
	tests := map[string]struct {
		stat string
		id   identity
		want bool
	}{
		"the same process":               {stat: catStat, id: identity{4711, 987654, "b"}, want: true},
		"its number given to another":    {stat: catStat, id: identity{4711, 123, "b"}},
		"the same numbers in a new boot": {stat: catStat, id: identity{4711, 987654, "a"}},
		"a zombie":                       {stat: zombie, id: identity{4711, 987654, "b"}},
		"gone":                           {id: identity{4711, 987654, "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			files := map[string]string{"sys/kernel/random/boot_id": "b\n"}
			if test.stat != "" {
				files["4711/stat"] = test.stat
			}
			for path, content := range files {
				require.NoError(t, writeWhole(filepath.Join(root, path), []byte(content), 0o600))
			}
			assert.Equal(t, test.want, procfs(root).alive(test.id))
		})
	}
}

func TestAReusedPidIsNotKilled(t *testing.T) {
	sleeper := exec.Command("sleep", "60")
	require.NoError(t, sleeper.Start())
	defer func() { _ = sleeper.Wait() }()
	id, err := proc.identify(sleeper.Process.Pid)
	require.NoError(t, err)

	earlier := id
	earlier.Start--
	assert.Empty(t, end([]identity{earlier}, 0), "a process that is gone counts as ended")
	assert.True(t, proc.alive(id), "the one that has its number now must live on")

	assert.Empty(t, end([]identity{id}, time.Second))
	assert.False(t, proc.alive(id))
}

func TestEndKillsWhatDoesNotListen(t *testing.T) {
	stubborn := exec.Command("sh", "-c", "trap '' TERM; echo trapped; while :; do sleep 0.05; done")
	stubborn.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := stubborn.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, stubborn.Start())
	defer func() { _ = stubborn.Wait() }()
	_, err = fmt.Fscanln(out, new(string))
	require.NoError(t, err)
	id, err := proc.identify(stubborn.Process.Pid)
	require.NoError(t, err)
	assert.Empty(t, end([]identity{id}, 200*time.Millisecond))
}

func TestIdentitySurvivesItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	want := identity{PID: 12, Start: 34, Boot: "b"}
	require.NoError(t, want.write(path))
	got, err := readIdentity(path)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err = readIdentity(path)
	require.ErrorContains(t, err, path)
}
