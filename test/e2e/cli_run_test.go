//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// tar knows nothing of databases. TestProofRedisAOF has the control: what is copied without hooks is wrong.
func TestRunWrapsTarOfADatabaseThatIsWrittenTo(t *testing.T) {
	s := redis("redis-aof.yaml", "redis-aof")
	s.take = takeByTar
	s.control = func(*proof) {}
	prove(t, s)
}

// takeByTar has `kubectl quiesce run` wrap tar, at a terminal.
func takeByTar(p *proof) taken {
	t := p.t
	copied, times := p.nextCopy(), filepath.Join(p.folder, "times")
	require.NoError(t, os.Mkdir(copied, 0o700))
	// What unpacks keeps the one that packs waiting, once the pipe is full: a copy that takes its time.
	script := fmt.Sprintf("date +%%s%%N >%[1]s && tar -C %[2]s -cf - . | (sleep %[4]g; tar -C %[3]s -xf -) && date +%%s%%N >>%[1]s",
		times, p.volume, copied, copyingTime.Seconds())
	program := command(t, "run", "-n", p.namespace, "--", "sh", "-c", script)
	took := taken{folder: copied, opened: time.Now()}
	c := atConsole(t, program, 160, 40)
	require.Zero(t, c.waitEnd(2*patience))
	took.thawed = time.Now()
	p.waitWritten(20)

	lines, err := os.ReadFile(times)
	require.NoError(t, err)
	moments := strings.Fields(string(lines))
	require.Len(t, moments, 2)
	for i, moment := range []*time.Time{&took.ready, &took.complete} {
		nanoseconds, err := strconv.ParseInt(moments[i], 10, 64)
		require.NoError(t, err)
		*moment = time.Unix(0, nanoseconds)
	}
	screen := c.screen()
	t.Log(screen)
	assert.Regexp(t, `(?m)^POD +STAGE +POLICY +HOOK +TIME +STATE$`, screen)
	assert.Regexp(t, `(?m)^server +PreSnapshot +\S+ +keep-files +\S+ +Succeeded`, screen)
	assert.Regexp(t, `(?m)^server +PostSnapshot +\S+ +\S+ +\S+ +Succeeded`, screen)
	quiesced := regexp.MustCompile(`quiesced for (\S+?)[;\s]`).FindStringSubmatch(screen + "\n")
	require.NotNil(t, quiesced, "no window in the summary")
	took.quiesced = quiesced[1]
	return took
}

func TestCtrlCThaws(t *testing.T) {
	t.Parallel()
	// A thaw that waits until it may leaves the time to look.
	const gate = `while [ ! -e /tmp/may-thaw ]; do sleep 0.1; done; `
	gated := func(spec *v1alpha1.HookPolicySpec) {
		spec.Hooks[1].Exec.Command = shell(gate + thaw)
		spec.Hooks[1].Timeout = v1alpha1.Duration{Duration: 2 * patience}
	}
	t.Run("and the end is waited for", func(t *testing.T) {
		t.Parallel()
		f := newFreezer(t, 2, 10*time.Minute, gated)
		c := atConsole(t, command(t, "run", "-n", f.namespace, "--name", "backup", "--", "sleep", "1000"), 40, 30)
		c.waitScreen(`(?m)^quiesced: sleep 1000$`)
		for _, pod := range f.pods {
			require.True(t, f.frozen(pod))
		}
		c.press(ctrlC)
		c.waitScreen(`(?m)^pod-1 +PostSnapshot .*…$`)
		c.resize(120, 30)
		c.waitScreen(`(?m)^pod-1 +PostSnapshot +\S+ +thaw +\S+ +Running$`)
		for _, pod := range f.pods {
			f.in(pod, "touch /tmp/may-thaw")
		}
		assert.Equal(t, 130, c.waitEnd(patience))
		f.requireThawed(0)
		assert.Contains(t, c.screen(), "session backup: cancelled; nothing is quiesced")
		f.waitFinished(f.sessionNamed("backup"), v1alpha1.PhaseCancelled)
		for _, pod := range f.pods {
			assert.Equal(t, []string{"freeze", "thaw"}, f.log(pod))
		}
	})
	t.Run("and leaves it to the controller at once when pressed again", func(t *testing.T) {
		t.Parallel()
		f := newFreezer(t, 1, 10*time.Minute, gated)
		program := command(t, "run", "-n", f.namespace, "--name", "backup", "--", "sh", "-c", `trap "" INT; echo I am $$; sleep 1000`)
		c := atConsole(t, program, 160, 30)
		c.waitScreen(`(?m)^I am \d+$`)
		process := regexp.MustCompile(`(?m)^I am (\d+)$`).FindStringSubmatch(c.screen())[1]
		c.press(ctrlC)
		c.waitScreen(`once more leaves that to the controller`)
		require.True(t, isRunning(process))
		c.press(ctrlC)
		assert.Equal(t, 130, c.waitEnd(patience))
		assert.False(t, isRunning(process), "COMMAND goes on though nobody answers for it")
		assert.Regexp(t, `session backup: cancelled; what is quiesced is thawed by the controller: kubectl -n \S+ get hooksession backup -w`, c.screen())
		require.True(t, f.frozen(f.pods[0]))
		f.in(f.pods[0], "touch /tmp/may-thaw")
		f.requireThawed(patience)
		f.waitFinished(f.sessionNamed("backup"), v1alpha1.PhaseCancelled)
	})
}

func TestRunTellsHooksFromCommand(t *testing.T) {
	t.Parallel()
	type ending struct {
		Session     string              `json:"session"`
		Code        int                 `json:"exitCode"`
		Reason      string              `json:"reason"`
		CommandCode *int                `json:"commandExitCode"`
		Hooks       v1alpha1.HookCounts `json:"hooks"`
	}
	// run runs a script, and returns the summary that machines read.
	run := func(t *testing.T, f freezer, script string) ending {
		t.Helper()
		said := quiesce(t, "run", "-n", f.namespace, "-o", "json", "--", "sh", "-c", script)
		t.Log(said.err)
		assert.Empty(t, said.out, "standard output is COMMAND's alone")
		var last struct{ Summary ending }
		lines := strings.Split(strings.TrimSpace(said.err), "\n")
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
		assert.Equal(t, said.code, last.Summary.Code)
		return last.Summary
	}
	t.Run("hooks of before fail", func(t *testing.T) {
		t.Parallel()
		f := newFreezer(t, 1, 10*time.Minute, func(spec *v1alpha1.HookPolicySpec) { spec.Hooks[0].Exec.Command = shell("exit 3") })
		marker := filepath.Join(t.TempDir(), "run")
		end := run(t, f, "touch "+marker)
		assert.Equal(t, 121, end.Code)
		assert.Equal(t, "HooksBeforeFailed", end.Reason)
		assert.Nil(t, end.CommandCode)
		assert.EqualValues(t, 1, end.Hooks.Failed)
		assert.NoFileExists(t, marker)
		f.waitFinished(f.sessionNamed(end.Session), v1alpha1.PhaseFailed)
	})
	t.Run("COMMAND fails", func(t *testing.T) {
		t.Parallel()
		f := newFreezer(t, 1, 10*time.Minute)
		end := run(t, f, "exit 7")
		assert.Equal(t, 7, end.Code)
		assert.Equal(t, "CommandFailed", end.Reason)
		require.NotNil(t, end.CommandCode)
		assert.Equal(t, 7, *end.CommandCode)
		assert.Equal(t, v1alpha1.HookCounts{Total: 2, Succeeded: 2}, end.Hooks)
		assert.Equal(t, []string{"freeze", "thaw"}, f.log(f.pods[0]))
		f.requireThawed(0)
	})
}

// sessionNamed is the scene's session of a name.
func (s *scene) sessionNamed(name string) *v1alpha1.HookSession {
	s.t.Helper()
	session := &v1alpha1.HookSession{}
	require.NoError(s.t, api.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, session))
	return session
}

// isRunning tells whether a process does. One that has ended, and for which nobody has waited, has no command line.
func isRunning(process string) bool {
	line, err := os.ReadFile("/proc/" + process + "/cmdline")
	return err == nil && len(line) > 0
}
