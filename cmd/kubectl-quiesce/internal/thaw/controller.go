package thaw

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/activity"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// silence is how long a controller that lives takes at most to say that it has heard: it usually does within a tenth of a second.
	silence = 5 * time.Second
	poll    = 100 * time.Millisecond
)

// cancel tells a session's controller that it is to end.
func cancel(ctx context.Context, cluster client.Client, session *v1alpha1.HookSession) error {
	if session.Spec.Cancel || session.DeletionTimestamp != nil {
		return nil
	}
	err := cluster.Patch(ctx, session, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"cancel":true}}`)))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("session %s cannot be cancelled: %w", session.Name, err)
	}
	return nil
}

// await waits until the controller of a session, cancelled at a moment, has thawed everything; or says why that is not waited for any
// longer. The session is then as it was seen last.
func await(ctx context.Context, cluster client.Client, session *v1alpha1.HookSession, cancelled time.Time, timeout time.Duration) (givenUp string) {
	heard := false
	for {
		err := cluster.Get(ctx, client.ObjectKeyFromObject(session), session)
		switch {
		case apierrors.IsNotFound(err):
			return "" // it goes when everything is thawed
		case err == nil && activity.Thawed(session):
			return ""
		case err == nil && session.Status.Phase.Finished():
			return "its controller could not thaw everything"
		case err == nil:
			heard = heard || hasHeard(session)
		}
		switch waited := time.Since(cancelled); {
		case !heard && waited >= min(silence, timeout):
			return "no controller has answered within " + terminal.Duration(min(silence, timeout))
		case waited >= timeout:
			return "its controller has not thawed everything within " + terminal.Duration(timeout)
		case !wait(ctx, poll):
			return "interrupted"
		}
	}
}

// hasHeard tells whether a controller has looked at a session since it was told to end.
func hasHeard(session *v1alpha1.HookSession) bool {
	for i := range session.Status.Conditions {
		if session.Status.Conditions[i].ObservedGeneration >= session.Generation {
			return true
		}
	}
	return false
}
