package walkthrough

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// at is a moment, in milliseconds after an arbitrary one.
func at(milliseconds int) time.Time { return time.UnixMilli(1_790_000_000_000 + int64(milliseconds)) }

// every 50 ms from one moment up to another, which is excluded.
func every50(from, to int) []time.Time {
	var timestamps []time.Time
	for ; from < to; from += 50 {
		timestamps = append(timestamps, at(from))
	}
	return timestamps
}

func join(parts ...[]time.Time) []time.Time {
	var all []time.Time
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func TestFindGap(t *testing.T) {
	window := Window{Freezing: at(990), Frozen: at(1000), Thawing: at(2000), Thawed: at(2010)}
	tests := map[string]struct {
		timestamps []time.Time
		window     Window
		inside     int
		refused    string
	}{
		"a gap from freeze to thaw": {
			timestamps: join(every50(0, 1000), every50(2005, 3000)), window: window,
		},
		"one write had begun when the freeze came": {
			timestamps: join(every50(0, 1000), []time.Time{at(1001)}, every50(2005, 3000)), window: window, inside: 1,
		},
		"the writer wrote on": {
			timestamps: every50(0, 3000), window: window, inside: 21, refused: "the filesystem was not frozen",
		},
		"the gap lies elsewhere": {
			timestamps: join(every50(0, 500), every50(1500, 3000)), window: window, inside: 11, refused: "the filesystem was not frozen",
		},
		"the writer never came back": {
			timestamps: every50(0, 1000), window: window, refused: "there are 20 and 0: does the writer run?",
		},
		"the writer began after the thaw": {
			timestamps: every50(2005, 3000), window: window, refused: "there are 0 and 20",
		},
		"the window is shorter than the writer's pace": {
			timestamps: join(every50(0, 1000), every50(1105, 2000)),
			window:     Window{Freezing: at(990), Frozen: at(1000), Thawing: at(1100), Thawed: at(1101)},
			refused:    "it proves nothing",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			gap, err := FindGap(test.timestamps, test.window)
			assert.Len(t, gap.Inside, test.inside)
			if test.refused != "" {
				require.ErrorContains(t, err, test.refused)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, 50*time.Millisecond, gap.Typical)
			assert.Equal(t, 50*time.Millisecond, gap.Longest)
			assert.Equal(t, 1055*time.Millisecond, gap.Length())
		})
	}
}

func TestTimeline(t *testing.T) {
	gap, err := FindGap(join(every50(0, 1000), every50(2005, 3000)),
		Window{Freezing: at(990), Frozen: at(1000), Thawing: at(2000), Thawed: at(2010)})
	require.NoError(t, err)
	second := at(0).Format("15:04:")
	lines := strings.ReplaceAll(gap.Timeline(), second, "")
	assert.Equal(t, `  20.850  written
  20.900  written
  20.950  written
  20.990           freeze hook begins
  21.000           frozen
      ...        nothing for 1000 ms
  22.000           thaw hook begins
  22.005  written
  22.010           thawed
  22.055  written
  22.105  written
`, lines)
	assert.Equal(t, "The writer paused for 1055 ms. Otherwise it wrote every 50 ms, and never paused for more than 50 ms.", gap.Summary())
}

func TestParseWindow(t *testing.T) {
	line := func(word string, second int) string { return fmt.Sprintf("%s 179000000%d.500000000\n", word, second) }
	tests := map[string]struct {
		log     string
		refused string
	}{
		"freeze and thaw": {
			log: line("freezing", 1) + line("frozen", 2) + line("thawing", 3) + line("thawed", 4),
		},
		"of two the latest": {
			log: line("freezing", 0) + line("frozen", 0) + line("thawing", 0) + line("thawed", 0) + "something else\n" +
				line("freezing", 1) + line("frozen", 2) + line("thawing", 3) + line("thawed", 4),
		},
		"nothing":           {refused: "expected the hooks to tell"},
		"not thawed":        {log: line("freezing", 1) + line("frozen", 2), refused: "in this order"},
		"thawed before":     {log: line("thawing", 0) + line("thawed", 0) + line("freezing", 1) + line("frozen", 2), refused: "in this order"},
		"a time of no kind": {log: "frozen yesterday\n", refused: `"yesterday" is not a time`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			window, err := ParseWindow(test.log)
			if test.refused != "" {
				require.ErrorContains(t, err, test.refused)
				return
			}
			require.NoError(t, err)
			moment := func(second int64) time.Time { return time.Unix(1_790_000_000+second, 500_000_000) }
			assert.Equal(t, Window{moment(1), moment(2), moment(3), moment(4)}, window)
			assert.Equal(t, time.Second, window.Held())
		})
	}
}

func TestParseTimestamps(t *testing.T) {
	timestamps, err := ParseTimestamps("1790000000.000000001\n1790000000.050000000\n1790000000.1")
	require.NoError(t, err)
	assert.Equal(t, []time.Time{time.Unix(1_790_000_000, 1), time.Unix(1_790_000_000, 50_000_000)}, timestamps,
		"the last line is still being written")

	_, err = ParseTimestamps("1790000000.1\n")
	require.Error(t, err, "with fewer digits, .1 would be read as a nanosecond")
	_, err = ParseTimestamps("yesterday\n")
	require.Error(t, err)

	none, err := ParseTimestamps("")
	require.NoError(t, err)
	assert.Empty(t, none)
}
