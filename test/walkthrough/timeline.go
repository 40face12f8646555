package walkthrough

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// shown is how many timestamps a timeline has on either side of the gap.
const shown = 3

// Timeline is the gap for people: what the writer and the hooks did, line by line.
func (g Gap) Timeline() string {
	type entry struct {
		at   time.Time
		what string
	}
	entries := []entry{
		{g.Freezing, "         freeze hook begins"}, {g.Frozen, "         frozen"},
		{g.Thawing, "         thaw hook begins"}, {g.Thawed, "         thawed"},
	}
	timestamps := slices.Concat(g.Before[max(0, len(g.Before)-shown):], g.Inside, g.After[:min(shown, len(g.After))])
	for _, at := range timestamps {
		entries = append(entries, entry{at, "written"})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	var lines strings.Builder
	for _, entry := range entries {
		fmt.Fprintf(&lines, "  %s  %s\n", clock(entry.at), entry.what)
		if entry.at.Equal(g.Frozen) {
			fmt.Fprintf(&lines, "      ...        nothing for %s\n", milliseconds(g.Held()))
		}
	}
	return lines.String()
}

// Summary compares the gap with the writer's other intervals.
func (g Gap) Summary() string {
	return fmt.Sprintf("The writer paused for %s. Otherwise it wrote every %s, and never paused for more than %s.",
		milliseconds(g.Length()), milliseconds(g.Typical), milliseconds(g.Longest))
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
