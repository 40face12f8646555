package activity

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// feed prints each result once, however often its run comes by.
type feed struct {
	filter filter
	out    writer
	// tail bounds what there was before; negative for all of it.
	tail int

	seen    map[types.UID]map[seen]bool // by run
	waiting []Entry
	begun   bool
}

// seen tells a result from the next one in the same pod: a thaw may be repeated.
type seen struct {
	pod     string
	at      int64
	outcome v1alpha1.ResultOutcome
}

func (f *feed) take(run *v1alpha1.HookRun) {
	if f.seen == nil {
		f.seen = map[types.UID]map[seen]bool{}
	}
	if f.seen[run.UID] == nil {
		f.seen[run.UID] = make(map[seen]bool, len(run.Status.Results))
	}
	known := f.seen[run.UID]
	for _, entry := range f.filter.of(run) {
		key := seen{pod: entry.Pod, outcome: entry.Result}
		if entry.Result != v1alpha1.ResultSkipped { // whose time is that of others
			key.at = entry.Time.UnixMicro()
		}
		if !known[key] {
			known[key] = true
			f.waiting = append(f.waiting, entry)
		}
	}
}

// flush prints what has come.
func (f *feed) flush() error {
	waiting := f.waiting
	f.waiting = nil
	tail := -1
	if !f.begun {
		f.begun, tail = true, f.tail
	}
	return f.out.write(last(waiting, tail))
}
