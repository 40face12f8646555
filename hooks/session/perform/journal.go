package perform

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// quick and slow are how long results wait at least to be written, while others are still to come: the wait doubles with every
	// write, so that a long run of slow hooks is written now and then, and each of its writes is all of the run.
	quick = time.Second
	slow  = 8 * time.Second
	// window is how far ahead of the pods that are entered it is written that they may be, in hooks that run at once.
	window = 4
	// parting is how long the last write may take when the controller ends.
	parting = 5 * time.Second
	// maxOutput is how much output a run keeps in all.
	maxOutput = 64 << 10
)

// journal writes what becomes of a run: ahead of time which pods may have been entered, and afterwards the results.
type journal struct {
	task *task
	wake chan struct{}
	done chan struct{}
	// flushed is closed when nothing is written any more but by close.
	flushed chan struct{}

	lock    sync.Mutex
	results map[int]*v1alpha1.PodResult // by place, those of before included
	wait    time.Duration
	output  int
	err     error

	writing sync.Mutex
}

func newJournal(ctx context.Context, t *task) *journal {
	j := &journal{task: t, wake: make(chan struct{}, 1), done: make(chan struct{}), flushed: make(chan struct{}), results: map[int]*v1alpha1.PodResult{}, wait: quick}
	record.Each(t.Run, func(place int, _ *v1alpha1.RunPod, result *v1alpha1.PodResult) {
		if result != nil {
			j.results[place] = new(*result)
			j.output += len(result.Output)
		}
	})
	go j.flush(context.WithoutCancel(ctx))
	return j
}

// before is the result that a pod has already, or nil.
func (j *journal) before(place int) *v1alpha1.PodResult {
	j.lock.Lock()
	defer j.lock.Unlock()
	return j.results[place]
}

// enter returns when it is durable that the pod may have been entered. So that this is not written for each pod, it is for
// some of those to come as well.
func (j *journal) enter(ctx context.Context, place int) error {
	if place < int(j.task.Run.Status.Attempted) {
		return j.failure()
	}
	j.writing.Lock()
	ahead := min(place+window*j.task.options.AtOnce, len(j.task.Run.Spec.Pods))
	j.task.Run.Status.Attempted = int32(ahead) //nolint:gosec // plan.MaxTargets at most
	j.writing.Unlock()
	if !j.task.isPre() {
		ctx = context.WithoutCancel(ctx)
	}
	return j.write(ctx)
}

// add takes a result in. It is written soon.
func (j *journal) add(place int, result *v1alpha1.PodResult) {
	j.lock.Lock()
	if result.Output != "" {
		if j.output+len(result.Output) > maxOutput {
			result.Output = ""
			result.Message = strings.TrimSpace(result.Message + " (the output is left out: the outputs of this run are too long)")
		}
		j.output += len(result.Output)
	}
	j.results[place] = result
	j.lock.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// flush writes results now and then.
func (j *journal) flush(ctx context.Context) {
	defer close(j.flushed)
	for {
		select {
		case <-j.done:
			return
		case <-j.wake:
		}
		pause := time.NewTimer(j.wait)
		select {
		case <-j.done:
			pause.Stop()
			return
		case <-pause.C:
		}
		j.wait = min(2*j.wait, slow)
		_ = j.write(ctx) // what could not be written is in the next
	}
}

// write makes durable what is known.
func (j *journal) write(ctx context.Context) error {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.lock.Lock()
	record.SetResults(j.task.Run, j.collect())
	j.lock.Unlock()
	err := j.task.session.Save(ctx, j.task.Run)
	j.lock.Lock()
	defer j.lock.Unlock()
	j.err = err
	return err
}

func (j *journal) failure() error {
	j.lock.Lock()
	defer j.lock.Unlock()
	return j.err
}

// collect are the results in the order of the pods.
func (j *journal) collect() []v1alpha1.PodResult {
	results := make([]v1alpha1.PodResult, 0, len(j.results))
	for _, place := range slices.Sorted(maps.Keys(j.results)) {
		results = append(results, *j.results[place])
	}
	return results
}

// close writes what is left. Behind it, nothing is written.
func (j *journal) close(ctx context.Context) error {
	close(j.done)
	if !j.waitFlushed(ctx) {
		return context.Cause(ctx)
	}
	lasting := context.WithoutCancel(ctx)
	if shutDown(ctx) {
		limited, stop := context.WithTimeout(lasting, parting)
		defer stop()
		if err := j.write(limited); err != nil {
			return err
		}
		return context.Cause(ctx)
	}
	return j.write(lasting)
}

// waitFlushed waits until a write that is under way is over; false where the controller ends first, and it does not come to an end.
func (j *journal) waitFlushed(ctx context.Context) bool {
	lasting, stop := untilShutdown(ctx)
	defer stop()
	select {
	case <-j.flushed:
		return true
	case <-lasting.Done():
	}
	limit := time.NewTimer(parting)
	defer limit.Stop()
	select {
	case <-j.flushed:
		return true
	case <-limit.C:
		return false
	}
}
