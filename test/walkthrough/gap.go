package walkthrough

import (
	"bufio"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Window is when the filesystem was frozen, as the hooks tell on their container's log. It was frozen for certain from
// Frozen to Thawing; the moments of freeze and thaw lie between Freezing and Frozen, and between Thawing and Thawed.
type Window struct {
	Freezing, Frozen, Thawing, Thawed time.Time
}

// Held is how long the filesystem was frozen for certain.
func (w Window) Held() time.Duration { return w.Thawing.Sub(w.Frozen) }

// ParseWindow reads the latest freeze and thaw from the log.
func ParseWindow(log string) (Window, error) {
	var window Window
	moments := map[string]*time.Time{
		"freezing": &window.Freezing, "frozen": &window.Frozen, "thawing": &window.Thawing, "thawed": &window.Thawed,
	}
	for line := range strings.Lines(log) {
		word, stamp, _ := strings.Cut(strings.TrimSpace(line), " ")
		moment, ours := moments[word]
		if !ours {
			continue
		}
		at, err := parseTimestamp(stamp)
		if err != nil {
			return Window{}, fmt.Errorf("the hooks' log: %w", err)
		}
		*moment = at
	}
	order := []time.Time{window.Freezing, window.Frozen, window.Thawing, window.Thawed}
	if window.Freezing.IsZero() || !slices.IsSortedFunc(order, time.Time.Compare) {
		return Window{}, fmt.Errorf("expected the hooks to tell of freezing, frozen, thawing and thawed, in this order, but their log is:\n%s", log)
	}
	return window, nil
}

// ParseTimestamps reads what the writer wrote. A last line without an end is still being written.
func ParseTimestamps(text string) ([]time.Time, error) {
	text = text[:strings.LastIndexByte(text, '\n')+1]
	var timestamps []time.Time
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		at, err := parseTimestamp(lines.Text())
		if err != nil {
			return nil, err
		}
		timestamps = append(timestamps, at)
	}
	return timestamps, lines.Err()
}

// parseTimestamp reads seconds and nanoseconds since 1970, as `date +%s.%N` prints them.
func parseTimestamp(text string) (time.Time, error) {
	seconds, nanoseconds, found := strings.Cut(text, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	n, nanosecondsErr := strconv.ParseInt(nanoseconds, 10, 64)
	if !found || len(nanoseconds) != 9 || err != nil || nanosecondsErr != nil {
		return time.Time{}, fmt.Errorf("%q is not a time as date +%%s.%%N prints it", text)
	}
	return time.Unix(s, n), nil
}

// Gap is what the writer did around the window.
type Gap struct {
	Window
	// Before and After are the timestamps up to the freeze and from the thaw on, in order.
	Before, After []time.Time
	// Inside are the timestamps that lie within the time in which the filesystem was frozen for certain.
	Inside []time.Time
	// Typical is the median of the intervals between timestamps outside the gap; Longest the longest of them.
	Typical, Longest time.Duration
}

// Length is the time from the last timestamp before the freeze to the first one after the thaw.
func (g Gap) Length() time.Duration { return g.After[0].Sub(g.Before[len(g.Before)-1]) }

// FindGap compares the writer's timestamps with the window. It is an error if the writer wrote while the filesystem was
// frozen, or if the window proves nothing.
//
// One timestamp may lie inside: of a write that had begun when the freeze came, whose time was taken, and which then
// waited for the thaw.
func FindGap(timestamps []time.Time, window Window) (Gap, error) {
	gap := Gap{Window: window}
	for _, at := range timestamps {
		switch {
		case at.Before(window.Frozen):
			gap.Before = append(gap.Before, at)
		case at.After(window.Thawing):
			gap.After = append(gap.After, at)
		default:
			gap.Inside = append(gap.Inside, at)
		}
	}
	if len(gap.Before) < 2 || len(gap.After) == 0 {
		return gap, fmt.Errorf("expected timestamps before the freeze and after the thaw, but there are %d and %d: does the writer run?",
			len(gap.Before), len(gap.After))
	}
	if len(gap.Inside) > 1 {
		return gap, fmt.Errorf("expected no write between %s (frozen) and %s (thawing) but the one that waited, yet there are %d: the filesystem was not frozen",
			clock(window.Frozen), clock(window.Thawing), len(gap.Inside))
	}
	intervals := append(intervals(gap.Before), intervals(gap.After)...)
	slices.Sort(intervals)
	gap.Typical, gap.Longest = intervals[len(intervals)/2], intervals[len(intervals)-1]
	if window.Held() < 4*gap.Typical {
		return gap, fmt.Errorf("expected the window to be long enough for several timestamps, but it is %s, and the writer writes one in %s: it proves nothing",
			window.Held(), gap.Typical)
	}
	return gap, nil
}

func intervals(timestamps []time.Time) []time.Duration {
	var between []time.Duration
	for i := 1; i < len(timestamps); i++ {
		between = append(between, timestamps[i].Sub(timestamps[i-1]))
	}
	return between
}

// clock is the time of day to the millisecond.
func clock(at time.Time) string { return at.Format("15:04:05.000") }
