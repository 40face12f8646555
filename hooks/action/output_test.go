package action

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/chain"
)

// write writes a text in pieces of random sizes.
func write(t *testing.T, o *output, random *rand.Rand, text string) {
	t.Helper()
	for text != "" {
		n := min(len(text), 1+random.IntN(1+random.IntN(5000)))
		written, err := o.Write([]byte(text[:n]))
		require.NoError(t, err)
		require.Equal(t, n, written)
		text = text[n:]
	}
}

func TestTheEndOfTheOutputIsKeptAndTheReportIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const prefix = "TOKEN="
	for range 2000 {
		before := strings.Repeat("xTOKEN", random.IntN(3)) + strings.Repeat(string(rune('a'+random.IntN(26))), random.IntN(100_000)) +
			[]string{"", "\n", "T", "TOK", "TOKEN", "TOKEN=", "TOKEN=exited", "TOKEN=\n", "TOKEN=exited 0 x\n", "T\u00e9"}[random.IntN(10)]
		var seen strings.Builder
		o := newOutput(prefix, func(p []byte) { seen.Write(p) })
		write(t, o, random, before+prefix+"exited 7\n")
		report, found := o.callReport()
		require.True(t, found, "%q", before[max(0, len(before)-100):])
		assert.Equal(t, chain.Report{How: chain.Exited, Code: 7}, report)
		write(t, o, random, "what comes later"+prefix+"exited 8\n")
		assert.Equal(t, before[max(0, len(before)-outputLimit):], o.tail())
		require.Equal(t, before, seen.String(), "the tee sees all of it, and nothing of the report")
		select {
		case <-o.reported:
		default:
			assert.Fail(t, "not told")
		}
	}
}

func TestOutputWithoutAReportIsKept(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, prefix := range []string{"", "TOKEN="} {
		o := newOutput(prefix, nil)
		text := strings.Repeat("0123456789", 5000) + "TOKEN=exited 0"
		write(t, o, random, text)
		_, found := o.callReport()
		assert.False(t, found, "the line has not ended")
		assert.Equal(t, text[len(text)-outputLimit:], o.tail())
		assert.LessOrEqual(t, cap(o.recent), 64*outputLimit)
	}
}

func TestOutputIsTextWhateverWasWritten(t *testing.T) {
	assert.Equal(t, strings.Repeat("é", outputLimit/2), text([]byte(strings.Repeat("é", 5000))))
	assert.Equal(t, strings.Repeat("€", outputLimit/3), text([]byte("x"+strings.Repeat("€", 5000))), "whole characters")
	assert.Equal(t, "a\uFFFDb", text([]byte("a\xffb")))
	random := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		written := make([]byte, random.IntN(3*outputLimit))
		for i := range written {
			written[i] = byte(random.IntN(256))
		}
		got := text(written)
		assert.True(t, utf8.ValidString(got))
		assert.LessOrEqual(t, len(got), outputLimit)
	}
}
