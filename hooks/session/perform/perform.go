// Package perform runs the hooks of one group of a stage in their pods. Before a pod is entered, that it may have been is
// durable; what became of a hook is written in batches. It never gives up a thaw of which nobody knows whether it has happened.
package perform

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Pods are the pods of a session's namespace as they are now.
type Pods interface {
	Pod(uid types.UID) (*witness.Pod, bool)
	Changed(uid types.UID) (changed <-chan struct{}, done func())
}

// Session is for whom hooks are run.
type Session interface {
	// Save makes a run's status durable. It returns when it is, or with an error when the context ends.
	Save(ctx context.Context, run *v1alpha1.HookRun) error
	// Trouble says why a pod cannot be thawed for now; with an empty sentence, that it no longer is so.
	Trouble(pod, sentence string)
	// Abandoned tells whether somebody has taken over the thaw of a pod.
	Abandoned(pod string) bool
	// Lost says that a hold has ended before its release.
	Lost(run *v1alpha1.HookRun, pod string, result action.Result)
}

// Job is a HookRun with the places of those of its pods in which it is to run now. Until Group returns, its status is not to
// be touched by others.
type Job struct {
	Run *v1alpha1.HookRun
	// Places in Run.Spec.Pods, ascending.
	Places []int
	// Undoes tells where the run undoes something: there it is run until it is known to have come to its end.
	Undoes func(pod v1alpha1.RunPod) bool
	// Armings are the watchdogs to be started before the hook runs in a pod.
	Armings func(pod v1alpha1.RunPod, now time.Time) []record.Arming
	// Disarms tells whether the hook's success ends the watchdog of its container.
	Disarms func(pod v1alpha1.RunPod) bool
	// HoldRun is the run that holds what this one releases.
	HoldRun types.UID
	// Outcome is what is known of the operation by now.
	Outcome v1alpha1.Outcome
	// HoldLimit is the longest that a hold may last, from when it begins.
	HoldLimit time.Duration
}

// Options of a Performer.
type Options struct {
	// AtOnce is how many hooks run at once, of all sessions: so many, and as many that thaw.
	AtOnce int
	// KeepOutput says whether the end of what a failed command wrote is kept.
	KeepOutput bool
}

// Performer runs hooks. It is safe for use from many goroutines.
type Performer struct {
	means   Means
	options Options
	// Hooks that hang never keep a thaw waiting.
	quiescing, thawing chan struct{}
	// Nor do those that undo nothing, or Jobs, which may take long and need little of us.
	finishing, working chan struct{}
	holds              holds
}

// New returns a Performer.
func New(means Means, options Options) *Performer {
	options.AtOnce = max(options.AtOnce, 1)
	return &Performer{
		means: means, options: options,
		quiescing: make(chan struct{}, options.AtOnce), thawing: make(chan struct{}, options.AtOnce),
		finishing: make(chan struct{}, options.AtOnce), working: make(chan struct{}, options.AtOnce),
		holds: holds{open: map[holdKey]*openHold{}},
	}
}

// ErrShutdown is the cause of a context that ends since the controller does. Commands in containers then go on, and the
// next controller finds in the record where they may have been begun.
var ErrShutdown = errors.New("the controller ends")

// Token is the name of an attempt's process in its container. It follows from the record, so that whoever comes later can end it.
func Token(run, pod types.UID, attempt int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", run, pod, attempt))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26]
}
