package activity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// poll is how often it is asked how a session stands: an answer is worth a request, and a watch of each session is not.
const poll = 200 * time.Millisecond

// cancel is the command of this name.
type cancel struct {
	*command.Frame

	all, wait bool
	timeout   time.Duration
}

// NewCancel returns the command that cancels sessions.
func NewCancel(frame *command.Frame) *cobra.Command {
	k := &cancel{Frame: frame}
	c := &cobra.Command{
		Use:   "cancel (NAME... | --all)",
		Short: "Cancel sessions: what they have quiesced is thawed",
		Long: `Cancel sessions. What they have quiesced is thawed by the controller, and the backup that waits for one must not begin, or
is not consistent. A Backup or Restore of Velero that is held for a session is refused.

It may be said again, and of sessions that are over. Where no controller answers: kubectl quiesce thaw.`,
		Example: `  # Cancel a session, and wait until everything is thawed
  kubectl quiesce cancel nightly-42 -n shop --wait

  # All sessions of a namespace that are not over
  kubectl quiesce cancel --all -n shop`,
		RunE: func(c *cobra.Command, args []string) error {
			if k.all == (len(args) > 0) {
				return command.UsageErrorf(c, "write names of sessions, or --all")
			}
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return k.run(ctx, args)
		},
		ValidArgsFunction: sessionNames(frame),
	}
	flags := c.Flags()
	flags.BoolVar(&k.all, "all", false, "All sessions of the namespace that are not over")
	flags.BoolVar(&k.wait, "wait", false, "Wait until everything is thawed, and say after how long")
	flags.DurationVar(&k.timeout, "timeout", 5*time.Minute, "How long to wait")
	return c
}

func (k *cancel) run(ctx context.Context, args []string) error {
	namespace, err := k.Namespace()
	if err != nil {
		return err
	}
	cluster, err := k.Client()
	if err != nil {
		return err
	}
	chosen, err := k.choose(ctx, cluster, namespace, args)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		fmt.Fprintf(k.ErrOut, "No sessions in %s namespace that are not over.\n", namespace)
		return nil
	}
	var failures []error
	var waiting []*v1alpha1.HookSession
	for _, session := range chosen {
		cancelled, err := k.cancel(ctx, cluster, session)
		if err != nil {
			failures = append(failures, err)
		} else if cancelled {
			waiting = append(waiting, session)
		}
	}
	if k.wait {
		limited, end := context.WithTimeout(ctx, k.timeout)
		defer end()
		for _, session := range waiting {
			failures = append(failures, k.await(limited, cluster, session))
		}
	}
	return errors.Join(failures...)
}

func (k *cancel) choose(ctx context.Context, cluster client.Client, namespace string, args []string) ([]*v1alpha1.HookSession, error) {
	var chosen []*v1alpha1.HookSession
	for _, name := range args {
		session, err := get(ctx, cluster, namespace, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, session)
	}
	if !k.all {
		return chosen, nil
	}
	_, err := eachPage(ctx, cluster, func(page *v1alpha1.HookSessionList) {
		for i := range page.Items {
			if !page.Items[i].Status.Phase.Finished() {
				chosen = append(chosen, &page.Items[i])
			}
		}
	}, client.InNamespace(namespace))
	return chosen, err
}

// cancel cancels a session, says so, and tells whether there is a thaw to wait for.
func (k *cancel) cancel(ctx context.Context, cluster client.Client, session *v1alpha1.HookSession) (waits bool, err error) {
	name := "hooksession/" + session.Name
	switch phase := phaseOf(session); {
	case phase.Finished():
		fmt.Fprintf(k.Out, "%s is over already: %s\n", name, phase)
		return false, nil
	case session.Spec.Cancel:
		fmt.Fprintf(k.Out, "%s was cancelled already\n", name)
		return true, nil
	}
	if err := cluster.Patch(ctx, session, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"cancel":true}}`))); err != nil {
		return false, fmt.Errorf("cancelling %s: %w", name, err)
	}
	fmt.Fprintf(k.Out, "%s cancelled\n", name)
	if source := session.Spec.Velero; source != nil && source.Held && session.Status.BegunAt == nil {
		fmt.Fprintf(k.ErrOut, "%s %s/%s was held for it, and is refused now: create another one\n", source.Kind, source.Namespace, source.Name)
	}
	return true, nil
}

// await waits until a session has thawed what it had quiesced, and says so.
func (k *cancel) await(ctx context.Context, cluster client.Client, session *v1alpha1.HookSession) error {
	name, key := "hooksession/"+session.Name, client.ObjectKeyFromObject(session)
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
	return "is thawed: its pods were quiesced for " + orNone(window.Duration)
}
