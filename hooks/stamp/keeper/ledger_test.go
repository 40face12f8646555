package keeper

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"
)

var (
	web   = types.NamespacedName{Namespace: "shop", Name: "web"}
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func TestARefusedChangeIsTriedAgainLaterEachTimeAndAnotherOneAtOnce(t *testing.T) {
	var l ledger
	now := start
	var waits []time.Duration
	for range 9 {
		wait := l.refuse(web, 1, "no", now)
		assert.True(t, l.waiting(web, 1, now.Add(wait-time.Second)))
		assert.False(t, l.waiting(web, 1, now.Add(wait)))
		waits = append(waits, wait)
		now = now.Add(wait)
	}
	assert.Equal(t, []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second,
		320 * time.Second, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute}, waits)
	assert.Equal(t, "no", l.words(web))
	assert.False(t, l.waiting(web, 2, now), "a policy has changed")
	assert.Equal(t, 10*time.Second, l.refuse(web, 2, "no", now))
	l.done(web, "1", 3, now)
	assert.Empty(t, l.words(web))
}

func TestTheAPIServersWordsAreBounded(t *testing.T) {
	var l ledger
	l.refuse(web, 1, strings.Repeat("é", 1000), start)
	assert.LessOrEqual(t, len(l.words(web)), maxWords)
	assert.True(t, strings.HasSuffix(l.words(web), "é …"))
}

func TestAChangeThatSomebodyUndoesIsMadeMoreAndMoreRarely(t *testing.T) {
	var l ledger
	pending := func(types.NamespacedName) bool { return false } // it looks well for a moment after each patch
	assert.Zero(t, l.done(web, "1", 1, start))
	assert.Zero(t, l.done(web, "2", 1, start))
	l.prune(pending, start)
	assert.Equal(t, 10*time.Second, l.done(web, "3", 1, start))
	l.prune(pending, start)
	assert.True(t, l.waiting(web, 1, start.Add(9*time.Second)))
	assert.Equal(t, undone, l.words(web))
	assert.Equal(t, 20*time.Second, l.done(web, "4", 1, start.Add(10*time.Second)))
	assert.Zero(t, l.done(web, "5", 2, start.Add(11*time.Second)), "another change is another matter")
	assert.Empty(t, l.words(web))
	l.prune(pending, start.Add(time.Hour))
	assert.Empty(t, l.repeats)
	assert.Empty(t, l.refused)
}

func TestACacheThatIsBehindOurOwnPatchIsKnown(t *testing.T) {
	var l ledger
	assert.False(t, l.behind(web, "1"))
	l.done(web, "1", 1, start)
	assert.True(t, l.behind(web, "1"))
	assert.False(t, l.behind(web, "2"))
	l.prune(func(types.NamespacedName) bool { return false }, start)
	assert.Empty(t, l.patched)
}
