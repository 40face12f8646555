//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// write is one that an application was asked for.
type write struct {
	number int
	// acknowledged is zero until it is. Both times are of this process's monotonic clock.
	begun, acknowledged time.Time
}

// ledger is what somebody writes who writes all the time, one thing after another, numbered from 1.
type ledger struct {
	mutex  sync.Mutex
	writes []write
	err    error
}

// keep writes until the context ends or a write fails.
func (l *ledger) keep(ctx context.Context, do func(number int) error) {
	const pause = 2 * time.Millisecond // of a machine that does ten other things
	for number := 1; ctx.Err() == nil; number++ {
		l.mutex.Lock()
		l.writes = append(l.writes, write{number: number, begun: time.Now()})
		l.mutex.Unlock()
		err := do(number)
		l.mutex.Lock()
		if err == nil {
			l.writes[number-1].acknowledged = time.Now()
		} else if ctx.Err() == nil {
			l.err = fmt.Errorf("write %d: %w", number, err)
		}
		l.mutex.Unlock()
		if err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// acknowledged counts what was acknowledged within a time. An error says that nobody writes any longer.
func (l *ledger) acknowledged(after, before time.Time) (count int, err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, w := range l.writes {
		if w.acknowledged.After(after) && w.acknowledged.Before(before) {
			count++
		}
	}
	return count, l.err
}

// judge says what is wrong with what was found in a copy: all that was acknowledged before a moment has to be there, nothing
// that was begun after another, and nothing without all that was acknowledged before it.
func (l *ledger) judge(found []int, complete, over time.Time) (wrong []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	there, newest := map[int]bool{}, slices.Max(append([]int{0}, found...))
	for _, number := range found {
		there[number] = true
	}
	var missing, gaps, late []int
	for _, w := range l.writes {
		acknowledged := !w.acknowledged.IsZero() && w.acknowledged.Before(complete)
		switch {
		case !there[w.number] && acknowledged:
			missing = append(missing, w.number)
		case !there[w.number] && w.number < newest:
			gaps = append(gaps, w.number)
		case there[w.number] && w.begun.After(over):
			late = append(late, w.number)
		}
	}
	for sentence, numbers := range map[string][]int{
		"acknowledged before the copy, and not in it":         missing,
		"not in the copy, though what came after it is":       gaps,
		"begun after it was all over, and in the copy anyhow": late,
	} {
		if len(numbers) > 0 {
			wrong = append(wrong, fmt.Sprintf("%d writes %s, the first is %d, the last %d", len(numbers), sentence, numbers[0], numbers[len(numbers)-1]))
		}
	}
	if len(there) > len(l.writes) {
		wrong = append(wrong, fmt.Sprintf("%d writes in the copy, of which only %d were ever asked for", len(there), len(l.writes)))
	}
	return wrong
}
