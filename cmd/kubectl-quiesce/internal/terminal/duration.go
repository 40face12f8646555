package terminal

import (
	"fmt"
	"strings"
	"time"
)

// Duration is how long something took, as people compare it: 447ms, 5.9s, 6s, 1m15s, 2h.
func Duration(took time.Duration) string {
	switch {
	case took.Round(time.Millisecond) < time.Second:
		return took.Round(time.Millisecond).String()
	case took.Round(100*time.Millisecond) < time.Minute:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", took.Seconds()), ".0") + "s"
	}
	text := took.Round(time.Second).String()
	for _, unit := range []string{"0s", "0m"} {
		if shorter := strings.TrimSuffix(text, unit); strings.HasSuffix(shorter, "m") || strings.HasSuffix(shorter, "h") {
			text = shorter
		}
	}
	return text
}

// Recorded is a duration of a status, which has it as Go writes it.
func Recorded(text string) string {
	took, err := time.ParseDuration(text)
	if err != nil {
		return Line(text)
	}
	return Duration(took)
}
