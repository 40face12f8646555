package library

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// warnOfSessions names the sessions that are open and run hooks of a policy: they go by their record, whatever becomes of it. Suspending
// does not wait for that, and goes on where it cannot be told.
func warnOfSessions(ctx context.Context, frame *command.Frame, cluster client.Reader, ref match.Ref) {
	open, err := openSessions(ctx, cluster, ref)
	if err != nil {
		where := "of namespace " + ref.Namespace
		if ref.Namespace == "" {
			where = "of all namespaces"
		}
		frame.Warn(fmt.Sprintf("sessions %s cannot be read, so it is not known whether one is open that runs hooks of %s: those that are thaw what they have quiesced", where, ref))
		return
	}
	for _, session := range open {
		frame.Warn(fmt.Sprintf("HookSession %s in namespace %s is open (%s) and runs hooks of %s: it goes on by its own record, and thaws what it has quiesced",
			session.Name, session.Namespace, session.Status.Phase, ref))
	}
}

func openSessions(ctx context.Context, cluster client.Reader, ref match.Ref) ([]v1alpha1.HookSession, error) {
	var sessions v1alpha1.HookSessionList
	if err := cluster.List(ctx, &sessions, client.InNamespace(ref.Namespace)); err != nil {
		return nil, err
	}
	var open []v1alpha1.HookSession
	for i := range sessions.Items {
		session := &sessions.Items[i]
		if session.Status.Phase.Finished() {
			continue
		}
		var runs v1alpha1.HookRunList
		if err := cluster.List(ctx, &runs, client.InNamespace(session.Namespace), client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.UID)}); err != nil {
			return nil, err
		}
		for j := range runs.Items {
			if policy := &runs.Items[j].Spec.Policy; policy.Kind == ref.Kind() && policy.Name == ref.Name {
				open = append(open, *session)
				break
			}
		}
	}
	return open, nil
}
