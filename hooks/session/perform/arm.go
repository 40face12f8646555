package perform

import (
	"context"
	"fmt"
	"time"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// arm starts the watchdogs that are to be there before anything is quiesced: that of the hook's own container together with
// the hook, the others ahead of it.
func (a *attempt) arm(ctx context.Context, request *action.Request) *v1alpha1.PodResult {
	if a.Armings == nil || a.ran {
		return nil
	}
	for _, arming := range a.Armings(a.pod, time.Now()) {
		if request != nil && arming.Container == a.pod.Container && !a.noShell() {
			request.Arm = arming.Guard
			continue
		}
		target := a.target()
		target.Container = arming.Container
		result := a.means.Containers.Exec(ctx, action.Request{Target: target, Command: []string{"true"}, Timeout: chain.GuardTimeout, Arm: arming.Guard})
		if result.Reason != action.Succeeded {
			refused := a.say(result)
			refused.Message = fmt.Sprintf("the watchdog of container %q cannot be started: %s", arming.Container, refused.Message)
			return refused
		}
		a.tookOver = a.tookOver || result.Guard == action.TookOver
		a.ran = true // there is a watchdog to be ended
	}
	return nil
}
