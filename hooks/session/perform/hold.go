package perform

import (
	"context"
	"fmt"
	"regexp"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// holdKey is a hold by the run that began it, and the pod.
type holdKey struct{ run, pod types.UID }

// openHold is a hold that is to be released.
type openHold struct {
	hold Hold
	end  context.CancelFunc // breaks its connection
}

// holds are those that this controller keeps open.
type holds struct {
	lock sync.Mutex
	open map[holdKey]*openHold
	idle []chan struct{} // closed when none is open
}

func (h *holds) put(key holdKey, hold *openHold) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.open[key] = hold
}

func (h *holds) take(key holdKey) *openHold {
	h.lock.Lock()
	defer h.lock.Unlock()
	hold := h.open[key]
	delete(h.open, key)
	if len(h.open) == 0 {
		for _, bell := range h.idle {
			close(bell)
		}
		h.idle = nil
	}
	return hold
}

// Drain waits until no hold is open. The error says how many there are when the context ends.
func (p *Performer) Drain(ctx context.Context) error {
	p.holds.lock.Lock()
	if len(p.holds.open) == 0 {
		p.holds.lock.Unlock()
		return nil
	}
	bell := make(chan struct{})
	p.holds.idle = append(p.holds.idle, bell)
	p.holds.lock.Unlock()
	select {
	case <-bell:
		return nil
	case <-ctx.Done():
		p.holds.lock.Lock()
		defer p.holds.lock.Unlock()
		return fmt.Errorf("holds that are still open: %d", len(p.holds.open))
	}
}

// Held tells whether this controller holds what a run holds in a pod.
func (p *Performer) Held(run, pod types.UID) bool {
	p.holds.lock.Lock()
	defer p.holds.lock.Unlock()
	return p.holds.open[holdKey{run, pod}] != nil
}

// hold begins a hold.
func (a *attempt) hold(ctx context.Context) *v1alpha1.PodResult {
	ready, err := regexp.Compile(a.hook.Hold.ReadyPattern)
	if err != nil { // refused before, when the policy was written
		return a.say(action.Result{Reason: action.NotStarted, Process: action.NeverRan, Message: fmt.Sprintf("hold.readyPattern: %v", err)})
	}
	if refused := a.arm(ctx, nil); refused != nil {
		return refused
	}
	// The hold outlives the stage: it ends with its release, or with the controller.
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	opening := context.AfterFunc(ctx, end)
	hold, result := a.means.Containers.Hold(lasting, action.HoldRequest{
		Target: a.target(), Command: a.hook.Hold.Command, Stdin: a.hook.Hold.Stdin, Ready: ready, ReadyTimeout: a.hook.Timeout.Duration,
		Limit: a.HoldLimit, StopStdin: a.hook.Hold.StopStdin, Grace: a.hook.Timeout.Duration, NoShell: a.noShell(),
		Token: Token(a.Run.UID, a.pod.UID, a.count),
	})
	said := a.say(result)
	if hold == nil {
		end()
		return said
	}
	a.until, said.MayRunUntil, said.NotRun, said.Outcome = said.StartedAt.Time, nil, false, v1alpha1.ResultHeld
	a.holds.put(holdKey{a.Run.UID, a.pod.UID}, &openHold{hold, end})
	if !opening() { // the session ended the stage in this moment; what it holds is released with the rest
		said.Message = "the stage was ended when it held"
	}
	go a.watch(hold)
	return said
}

// watch tells the session of the end of a hold that nobody has released.
func (a *attempt) watch(hold Hold) {
	if result, lost := <-hold.Lost(); lost {
		a.session.Lost(a.Run, a.pod.Name, result)
	}
}

// release ends a hold.
func (a *attempt) release(ctx context.Context) *v1alpha1.PodResult {
	open := a.holds.take(holdKey{a.HoldRun, a.pod.UID})
	if open == nil {
		return a.orphan(ctx)
	}
	defer open.end()
	said := a.say(open.hold.Release(ctx))
	if said.Outcome == v1alpha1.ResultFailed && said.Reason != string(action.TimedOut) {
		said.Reason = v1alpha1.ReasonHoldLost
	}
	said.NotRun = false
	return said
}

// orphan sees to it that nothing is left of a hold that another controller has begun. It ended with the connection to that one.
func (a *attempt) orphan(ctx context.Context) *v1alpha1.PodResult {
	process := action.HasEnded
	if !a.noShell() {
		for count := 1; count <= int(a.hook.MaxRetries)+1 && process == action.HasEnded; count++ {
			process = a.means.Containers.End(ctx, a.target(), Token(a.HoldRun, a.pod.UID, count))
		}
	}
	if process == action.MayRun {
		return a.say(action.Result{Reason: action.Unknown, Process: action.MayRun, Message: "the controller that held it has ended, and whether its lock has cannot be told yet"})
	}
	said := a.say(action.Result{Reason: action.Unknown, Process: action.HasEnded, Message: "the controller that held it has ended, and its lock with it"})
	said.Reason, said.NotRun = v1alpha1.ReasonHoldLost, false
	return said
}
