package activity

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// poll is how often it is asked how a session stands: an answer is worth a request, and a watch of each session is not.
const poll = 200 * time.Millisecond

// await waits until a session has thawed what it had quiesced, and says so.
func (k *cancel) await(ctx context.Context, cluster client.Client, session *v1alpha1.HookSession) error {
	name, key := k.name(session), client.ObjectKeyFromObject(session)
	for {
		err := cluster.Get(ctx, key, session)
		switch {
		case apierrors.IsNotFound(err):
			fmt.Fprintf(k.Out, "%s was deleted, which it is once everything is thawed\n", name)
			return nil
		case err != nil && ctx.Err() == nil && !unreachable(err):
			return err
		case err == nil && Thawed(session):
			fmt.Fprintf(k.Out, "%s %s\n", name, thawedAfter(session))
			return nil
		case err == nil && session.Status.Phase.Finished():
			return fmt.Errorf("%s is over, and not everything is thawed: %s. See kubectl quiesce describe session %s, and kubectl quiesce thaw",
				name, orNone(thawMessage(session)), session.Name)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not thawed yet (%s): %s. If no controller answers, thaw from here: kubectl quiesce thaw -n %s",
				name, phaseOf(session), orNone(thawMessage(session)), session.Namespace)
		case <-time.After(poll):
		}
	}
}

// unreachable tells of errors that may pass: the cluster did not answer, or not now.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// Thawed tells whether a session that was cancelled has nothing quiesced, and will not quiesce anything any more: its controller has
// heard of that.
func Thawed(session *v1alpha1.HookSession) bool {
	condition := meta.FindStatusCondition(session.Status.Conditions, v1alpha1.ConditionThawed)
	return condition != nil && condition.Status == metav1.ConditionTrue && condition.ObservedGeneration >= session.Generation
}

func thawMessage(session *v1alpha1.HookSession) string {
	if condition := meta.FindStatusCondition(session.Status.Conditions, v1alpha1.ConditionThawed); condition != nil && condition.Message != "" {
		return condition.Message
	}
	return session.Status.Message
}

// thawedAfter says for how long pods were quiesced.
func thawedAfter(session *v1alpha1.HookSession) string {
	window := session.Status.Window
	if window == nil || window.OpenedAt == nil {
		return "had quiesced nothing"
	}
	return "is thawed: its pods were quiesced for " + orNone(terminal.Recorded(window.Duration))
}
