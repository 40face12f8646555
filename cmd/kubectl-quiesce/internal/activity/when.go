package activity

import (
	"fmt"
	"time"
)

// when reads a moment: RFC 3339, or how long ago it was.
func when(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("--%s: %q is no time: write how long ago it was, such as 90s, 15m or 24h, or a time such as %s",
			flag, text, now.UTC().Format(time.RFC3339))
	}
	return now.Add(-ago), nil
}
