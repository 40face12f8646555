package keeper

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// ledger remembers what came of patches, for as long as it matters. All of it may be lost without harm.
type ledger struct {
	lock sync.Mutex
	// patched has, of pods that were patched, the version that the patch was made from: while the cache still has that
	// one, it is behind.
	patched map[types.NamespacedName]string
	refused map[types.NamespacedName]refusal
	repeats map[types.NamespacedName]repeat
}

// refusal is a change that the API server did not take.
type refusal struct {
	// change that it was, by its digest.
	change uint64
	words  string
	tries  int
	next   time.Time
}

// repeat is a change that was made to a pod several times in a row, because somebody else undoes it.
type repeat struct {
	change uint64
	times  int
	last   time.Time
}

const (
	// tolerated is how often the same change is made in a row without a pause.
	tolerated = 3
	// undone is told of a pod whose change was made more often.
	undone = "somebody else has changed them back each time"
)

const (
	// firstRetry is when a refused change is tried again for the first time; then twice as late each time, up to lastRetry.
	firstRetry = 10 * time.Second
	lastRetry  = 10 * time.Minute
	// maxWords bounds what is remembered of the API server's words.
	maxWords = 512
)

// behind tells whether the cache has not caught up with our own patch yet.
func (l *ledger) behind(pod types.NamespacedName, version string) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.patched[pod] == version
}

// done records that a change was made to a version of a pod. Where somebody else has undone the same one several times in
// a row, it returns how long to leave the pod alone; else 0.
func (l *ledger) done(pod types.NamespacedName, version string, change uint64, now time.Time) time.Duration {
	l.lock.Lock()
	if l.patched == nil {
		l.patched, l.repeats = map[types.NamespacedName]string{}, map[types.NamespacedName]repeat{}
	}
	l.patched[pod] = version
	r := l.repeats[pod]
	if r.change != change {
		r = repeat{change: change}
		delete(l.refused, pod)
	}
	r.times++
	r.last = now
	l.repeats[pod] = r
	l.lock.Unlock()
	if r.times < tolerated {
		return 0
	}
	return l.refuse(pod, change, undone, now)
}

// refuse records what the API server said of a change, and returns when to try again.
func (l *ledger) refuse(pod types.NamespacedName, change uint64, words string, now time.Time) time.Duration {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.refused == nil {
		l.refused = map[types.NamespacedName]refusal{}
	}
	r := l.refused[pod]
	if r.change != change {
		r = refusal{change: change}
	}
	wait := min(firstRetry<<min(r.tries, 10), lastRetry)
	r.words, r.next = bound(words, maxWords), now.Add(wait)
	r.tries++
	l.refused[pod] = r
	return wait
}

// waiting tells whether a change was refused, and is not to be tried again yet.
func (l *ledger) waiting(pod types.NamespacedName, change uint64, now time.Time) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	r, refused := l.refused[pod]
	return refused && r.change == change && now.Before(r.next)
}

// change is the one that was refused, if there is any.
func (l *ledger) change(pod types.NamespacedName) (change uint64, refused bool) {
	l.lock.Lock()
	defer l.lock.Unlock()
	r, refused := l.refused[pod]
	return r.change, refused
}

// words are what the API server said of the change of a pod, or empty.
func (l *ledger) words(pod types.NamespacedName) string {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.refused[pod].words
}

// forget drops what is known of a pod.
func (l *ledger) forget(pod types.NamespacedName) {
	l.lock.Lock()
	defer l.lock.Unlock()
	delete(l.patched, pod)
	delete(l.refused, pod)
	delete(l.repeats, pod)
}

// prune drops what is known of pods that are not to be changed, and of changes that nobody has undone for long.
func (l *ledger) prune(pending func(types.NamespacedName) bool, now time.Time) {
	l.lock.Lock()
	defer l.lock.Unlock()
	for pod := range l.patched {
		if !pending(pod) {
			delete(l.patched, pod)
		}
	}
	for pod, r := range l.refused {
		// One that somebody undoes looks well for a moment.
		if !pending(pod) && (r.words != undone || now.After(r.next)) {
			delete(l.refused, pod)
		}
	}
	for pod, r := range l.repeats {
		if now.Sub(r.last) > 2*lastRetry {
			delete(l.repeats, pod)
		}
	}
}
