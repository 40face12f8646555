package chain

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommandsAreShellScriptsUnderANameOfTheirOwn(t *testing.T) {
	pre := Hook{Name: "a/pre", Command: []string{"true"}, Timeout: time.Second}
	post := Hook{Name: "a/post", Command: []string{"it's"}, Timeout: time.Second}
	guarded := Chain{Pre: []Hook{pre}, Post: []Hook{post}, MaxQuiesce: time.Minute}
	require.Equal(t, []string{"/bin/sh", "-c", `eval "$1"`, "quiesce-pre"}, guarded.PreCommand()[:4])
	require.Equal(t, []string{"/bin/sh", "-c", `eval "$1"`, "quiesce-post"}, guarded.PostCommand()[:4])
	assert.Equal(t, guarded.PreCommand()[4], guarded.PostCommand()[4], "and the watchdog's")
	assert.Len(t, guarded.PreCommand()[4], guarded.Size())
	assert.Contains(t, guarded.PreCommand()[4], "\nafter 0 1 'a/post' 'it'\\''s'\n")

	for _, chain := range []Chain{guarded, {Pre: guarded.Pre}, {Post: guarded.Post}} {
		for _, command := range [][]string{chain.PreCommand(), chain.PostCommand()} {
			if command == nil {
				continue
			}
			script := command[4]
			assert.True(t, strings.HasPrefix(script, "\n"), "the first line of /proc/PID/cmdline ends with the name")
			assert.NotRegexp(t, `(?m)^\s*#|^ |\bq_`, script)
			assert.LessOrEqual(t, len(script), chain.Size())
			assert.Less(t, chain.Size(), 6000)
		}
	}
	assert.NotContains(t, Chain{Pre: guarded.Pre}.PreCommand()[4], "watchdog")
	assert.Nil(t, Chain{Post: guarded.Post}.PreCommand())
	assert.Nil(t, Chain{Pre: guarded.Pre}.PostCommand())
	assert.Zero(t, Chain{}.Size())
}

func TestShortNamesAreNotMixedUp(t *testing.T) {
	seen := map[string]string{}
	for name, short := range shortNames {
		assert.Empty(t, seen[short], "%s and %s", name, seen[short])
		seen[short] = name
	}
	assert.NotRegexp(t, `q_[a-z]*[^a-z]*[A-Z0-9_]+=`, runSource+guardedSource+stampedSource+armedSource+watchdogSource+unguardedSource+sweepSource)
}

func TestAChainIsGuardedWhenAGroupHasBothSides(t *testing.T) {
	in := func(groups ...int) (hooks []Hook) {
		for _, group := range groups {
			hooks = append(hooks, Hook{Group: group})
		}
		return hooks
	}
	assert.True(t, Chain{Pre: in(1, 2), Post: in(3, 2)}.Guarded())
	assert.False(t, Chain{Pre: in(1, 2), Post: in(3)}.Guarded())
	assert.False(t, Chain{Pre: in(1)}.Guarded())
	assert.False(t, Chain{Post: in(1)}.Guarded())
}

func TestTimeoutsLeaveTimeForAllThatMayHappen(t *testing.T) {
	hook := func(group int, timeout time.Duration) Hook { return Hook{Group: group, Timeout: timeout} }
	chain := Chain{
		Pre:  []Hook{hook(0, time.Minute), hook(1, 1500*time.Millisecond)},
		Post: []Hook{hook(1, 10*time.Second), hook(2, time.Hour)},
	}
	assert.Equal(t, (60+2+10)*time.Second+3*grace+margin+guardMargin, chain.PreTimeout(), "the undo of group 1")
	assert.Equal(t, time.Hour+10*time.Second+2*grace+margin+guardMargin, chain.PostTimeout())
	unguarded := Chain{Pre: chain.Pre[:1], Post: chain.Post}
	assert.Equal(t, time.Minute+grace+margin, unguarded.PreTimeout())
	assert.Equal(t, time.Hour+10*time.Second+2*grace+margin, unguarded.PostTimeout())
}

// reach checks that arguments reach a program byte for byte.
func reach(t *testing.T, arguments []string) {
	t.Helper()
	command := Chain{Pre: []Hook{{
		Name: "test/print", Command: append([]string{"/usr/bin/printf", `%s\0`}, arguments...), Timeout: forever,
	}}}.PreCommand()
	for _, name := range []string{"dash", "bash", "busybox"} {
		var stdout, stderr bytes.Buffer
		cmd := &exec.Cmd{Path: shellPath(t, name), Args: command, Stdout: &stdout, Stderr: &stderr}
		require.NoError(t, cmd.Run(), "%s: %s", name, stderr.String())
		require.Equal(t, strings.Join(arguments, "\x00")+"\x00", stdout.String(), name)
		require.Empty(t, stderr.String(), name)
	}
}

// awkward are words that mean something to one shell or another.
var awkward = []string{
	"", " ", "'", "''", `"`, `\`, `\'`, "$", "$0", "${x}", "$(exit 1)", "`exit 1`", "\n", "\n\n", "\r\n", "\t", "a b", "*", "?", "[a-z]",
	"~", "~root", "#", "a #b", "!", "!!", "{a,b}", "&", "|", ";", ";;", "<", ">", "(", ")", "=", "a=b", "-", "--", "-e", "-n", "%s", `\0`,
	`\n`, "\x01", "\x02", "\x03", "\x1b[0m", "\x7f", "\x80", "\x81", "\x82", "\x83", "\x84", "\x85", "\x86", "\x87", "\x88", "\x89",
	"\xff", "\xc3", "\xe2\x82", "é", "€", "𝄞", "if", "}", "EOF", "\xff'\x81'\\",
}

func TestAwkwardArgumentsReachTheProgram(t *testing.T) {
	t.Parallel()
	reach(t, awkward)
	all := make([]byte, 0, 255)
	for b := 1; b < 256; b++ {
		all = append(all, byte(b))
	}
	reach(t, []string{string(all), strings.Repeat("'", 1000), strings.Repeat(`\`, 1000)})
}

func TestRandomArgumentsReachTheProgram(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		arguments := make([]string, 1+random.IntN(30))
		for i := range arguments {
			var b strings.Builder
			for range random.IntN(8) {
				if random.IntN(3) > 0 {
					b.WriteString(awkward[random.IntN(len(awkward))])
				} else {
					b.WriteByte(byte(1 + random.IntN(255)))
				}
			}
			arguments[i] = b.String()
		}
		reach(t, arguments)
	}
}

func TestALongScriptReachesTheProgram(t *testing.T) {
	t.Parallel()
	seed := strings.Join(awkward, "")
	long := strings.Repeat(seed, 60_000/len(seed))
	reach(t, []string{long, strings.Repeat("x", 20_000)})
	chain := Chain{Pre: []Hook{{Name: "test/true", Command: []string{"true"}, Timeout: forever}}}
	chain.Pre[0].Command = append(chain.Pre[0].Command, strings.Repeat("x", MaxScriptBytes-chain.Size()-len(" ''")))
	require.Equal(t, MaxScriptBytes, chain.Size())
	command := chain.PreCommand()
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	require.NoError(t, err, "the kernel takes it: %s", out)
}

func FuzzQuoting(f *testing.F) {
	for _, word := range awkward {
		f.Add([]byte(word))
	}
	f.Add([]byte(strings.Join(awkward, "\x00")))
	f.Fuzz(func(t *testing.T, data []byte) {
		arguments := strings.Split(string(data), "\x00")
		if len(data) > MaxScriptBytes/8 || len(arguments) > 1000 {
			return // as a quote takes four bytes
		}
		reach(t, arguments)
	})
}

func TestScriptsUseNothingThatAShellLacks(t *testing.T) {
	chain := Chain{
		Pre:  []Hook{{Name: "a/pre", Command: []string{"true"}}},
		Post: []Hook{{Name: "a/post", Command: []string{"true"}}},
	}
	for _, script := range []string{chain.PreCommand()[4], Chain{Pre: chain.Pre}.PreCommand()[4]} {
		for _, name := range []string{"dash", "bash", "busybox"} {
			cmd := &exec.Cmd{Path: shellPath(t, name), Args: []string{"/bin/sh", "-n"}, Stdin: strings.NewReader(script)}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, name)
			require.Empty(t, string(out), name)
		}
		assert.NotRegexp(t, `<<|\blocal\b|\[\[|\bfunction\b|>/[^d]|>>`, script)
	}
	// Other programs than sleep would show in a PATH that has nothing else.
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(sleep, dir+"/sleep"))
	hook := Hook{Name: "a/print", Command: []string{"/bin/echo", "done"}, Timeout: forever}
	for _, name := range []string{"dash", "bash"} {
		cmd := &exec.Cmd{Path: shellPath(t, name), Args: Chain{Pre: slices.Repeat([]Hook{hook}, 2)}.PreCommand(), Env: []string{"PATH=" + dir}}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Equal(t, strings.Repeat("done\n", 2), string(out))
	}
}
