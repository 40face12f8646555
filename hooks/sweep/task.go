package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

const (
	// secondThought passes between a look that has found a watchdog and the sweep, in which it is seen whether a Backup is InProgress: if
	// the watchdog was that one's, its phase has been so since before the look, and our cache knows it by now.
	secondThought = 2 * time.Second
	// firstRetry is when a container that could not be reached is tried again for the first time; then twice as late each time, up
	// to lastRetry.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// task is a pod that is being swept.
type task struct {
	*Sweeper
	pod types.NamespacedName
	uid types.UID

	// What is told by others, under the Sweeper's lock.
	backups map[types.UID]bool // that have ended
	why     string             // how the latest of them has
	until   time.Time          // when every watchdog of theirs has thawed by itself
	again   bool

	// found are the watchdogs that were found by a look.
	found string
	// waiting is true while something keeps us from thawing.
	waiting bool
	// tried is true once the pod may have been thawed by us.
	tried bool
	tries int
}

// tell adds a Backup that has ended. The lock is held.
func (t *task) tell(backup *velero.Backup, until time.Time) {
	if t.backups == nil {
		t.backups = map[types.UID]bool{}
	}
	t.backups[backup.UID], t.why, t.again = true, endOf(backup), true
	if until.After(t.until) {
		t.until = until
	}
}

// outcome is what one step of a sweep has come to.
type outcome struct {
	result result // empty to go on
	// note is for people: what was done, or could not be.
	note string
	// after is how long to wait before the next step.
	after time.Duration
}

// goOn has another step made.
func goOn(after time.Duration, note string) outcome { return outcome{after: after, note: note} }

// run sweeps the pod until there is no more to be done.
func (t *task) run(ctx context.Context) {
	for ctx.Err() == nil {
		t.lock.Lock()
		t.again = false
		t.lock.Unlock()
		end := t.sweep(ctx)
		if ctx.Err() != nil {
			return
		}
		t.lock.Lock()
		why, again := t.why, t.again
		if !again {
			delete(t.tasks, t.uid)
		}
		t.lock.Unlock()
		t.report(ctx, why, end)
		if !again {
			return
		}
		t.found, t.waiting, t.tried, t.tries = "", false, false, 0
	}
}

// sweep makes step after step until one has a result, or the time is over.
func (t *task) sweep(ctx context.Context) outcome {
	for {
		now := t.step(ctx)
		if now.result != "" {
			return now
		}
		t.lock.Lock()
		left := time.Until(t.until)
		t.lock.Unlock()
		if left <= 0 {
			return outcome{result: resultGivenUp, note: now.note}
		}
		logf.FromContext(ctx).V(1).Info("A pod is not swept yet", "namespace", t.pod.Namespace, "pod", t.pod.Name, "why", now.note)
		select {
		case <-ctx.Done():
			return outcome{}
		case <-time.After(min(now.after, left)):
		}
	}
}

// step does what can be done now.
func (t *task) step(ctx context.Context) outcome {
	if t.waiting {
		if obstacle := t.obstacle(); obstacle != "" {
			return goOn(secondThought, obstacle)
		}
		t.waiting = false
	}
	pod, there, err := t.Pods.Pod(ctx, t.pod, t.uid)
	if err != nil {
		return t.retry(err.Error())
	}
	if !there {
		return t.nothing()
	}
	thaw, guarded := t.Policies.Current().Compiled.Thaw(t.pod.Namespace, pod.Pod)
	if !guarded {
		return t.nothing() // what may still be quiesced is the watchdog's: there is nothing left that says by what
	}
	if t.found == "" {
		return t.look(ctx, thaw.Container)
	}
	if obstacle := t.obstacle(); obstacle != "" {
		t.found, t.waiting = "", true
		return goOn(secondThought, obstacle)
	}
	if len(thaw.Lacking) > 0 {
		return outcome{result: resultGivenUp, note: lacking(thaw.Lacking)}
	}
	return t.thaw(ctx, thaw)
}

// obstacle says who else may have quiesced the pod, or is about to; empty where nobody may.
func (t *task) obstacle() string {
	if t.Claimed(t.uid) {
		return "a HookSession has claimed it"
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	for _, other := range t.Others() {
		if !t.backups[other.UID] && other.Spec.CoversPods(t.pod.Namespace) {
			return fmt.Sprintf("Backup %s is in progress", nameOf(other))
		}
	}
	return ""
}

// look looks for watchdogs.
func (t *task) look(ctx context.Context, container string) outcome {
	result, known := t.exec(ctx, container, chain.LookCommand(), chain.LookTimeout)
	switch {
	case !known:
		return outcome{}
	case result.Reason == action.Succeeded:
		found, named := chain.Found(result.Output)
		if !named {
			return t.retry("the look for its watchdog has not said what it found")
		}
		t.found, t.tries = found, 0
		return goOn(secondThought, "its watchdog was found")
	case ended(result, chain.ExitNothing):
		return t.nothing()
	}
	return t.missed(result)
}

// thaw thaws, where what was found is still there.
func (t *task) thaw(ctx context.Context, thaw stamp.Thaw) outcome {
	result, known := t.exec(ctx, thaw.Container, thaw.Chain.SweepCommand(t.found), thaw.Chain.SweepTimeout())
	t.found = "" // it may not be the same any more
	switch {
	case !known:
		return outcome{}
	case result.Reason == action.Succeeded:
		return outcome{result: resultThawed}
	case ended(result, chain.ExitOtherThaw):
		return outcome{result: resultThawed, note: "its policies have changed in the meantime: its watchdog also runs what they had, at its deadline"}
	case ended(result, chain.ExitStillThawing):
		return outcome{result: resultFailed, note: said(result.Output)}
	case ended(result, chain.ExitNothing):
		return t.nothing()
	case ended(result, chain.ExitUndoing):
		t.tried = true
		return goOn(firstRetry, "a pre hook that was still running is being undone")
	case ended(result, chain.ExitBusy):
		//nolint:gosec // not to come at the same moment as another is no secret
		return goOn(firstRetry+rand.N(firstRetry), "another script is thawing it")
	}
	t.tried = t.tried || result.Process != action.NeverRan
	return t.missed(result)
}

// nothing is the outcome where there is no watchdog; that is our doing if we have tried.
func (t *task) nothing() outcome {
	if t.tried {
		return outcome{result: resultThawed}
	}
	return outcome{result: resultNothing}
}

// missed is the outcome of a command that has not said how it ended.
func (t *task) missed(result action.Result) outcome {
	switch result.Reason {
	case action.PodGone, action.NotRunning, action.ContainerNotFound, action.NoShell:
		return t.nothing() // no watchdog can be there
	}
	return t.retry(result.Message)
}

func (t *task) retry(trouble string) outcome {
	wait := min(firstRetry<<min(t.tries, 10), lastRetry)
	t.tries++
	return goOn(wait, trouble)
}

// exec runs a script in a container of the pod, when there is room for it. It is false when the Sweeper ends: a script goes on then.
func (t *task) exec(ctx context.Context, container string, command []string, timeout time.Duration) (action.Result, bool) {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return action.Result{}, false
	}
	results := make(chan action.Result, 1)
	go func() {
		defer func() { <-t.slots }()
		results <- t.Containers.Exec(context.WithoutCancel(ctx), action.Request{
			Target:  action.Target{Namespace: t.pod.Namespace, Pod: t.pod.Name, UID: t.uid, Container: container},
			Command: command, Timeout: timeout, Chain: true,
		})
	}()
	select {
	case result := <-results:
		return result, true
	case <-ctx.Done():
		return action.Result{}, false
	}
}

// ended tells whether a script has ended with a code.
func ended(result action.Result, code int) bool {
	return result.Reason == action.ExitCode && result.Code != nil && *result.Code == code
}

// said are the lines of ours in a script's output: what hooks have written is not for everybody who may read events.
func said(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		if ours, is := strings.CutPrefix(strings.TrimSpace(line), "quiesce: "); is {
			lines = append(lines, ours)
		}
	}
	return strings.Join(lines, "; ")
}
