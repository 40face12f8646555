package library

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// warnOfSessions names the sessions that are open and run hooks of policies that were suspended: they go by their record, whatever becomes
// of the policies. Where that cannot be told it is said once.
func warnOfSessions(ctx context.Context, frame *command.Frame, cluster client.Reader, refs []match.Ref) {
	if len(refs) == 0 {
		return
	}
	namespace := sharedNamespace(refs)
	open, err := readOpen(ctx, cluster, namespace)
	if err != nil {
		where := "of namespace " + namespace
		if namespace == "" {
			where = "of all namespaces"
		}
		frame.Warn(fmt.Sprintf("sessions %s cannot be read, so it is not known whether one is open that runs hooks of %s: those that are thaw what they have quiesced",
			where, several(refs)))
		return
	}
	for i := range open {
		for _, ref := range refs {
			if open[i].runs(ref) {
				frame.Warn(fmt.Sprintf("HookSession %s in namespace %s is open (%s) and runs hooks of %s: it goes on by its own record, and thaws what it has quiesced",
					open[i].session.Name, open[i].session.Namespace, open[i].session.Status.Phase, ref))
			}
		}
	}
}

// sharedNamespace is the one in which all sessions are that may run hooks of policies; empty for all.
func sharedNamespace(refs []match.Ref) string {
	namespace := refs[0].Namespace
	if slices.ContainsFunc(refs, func(ref match.Ref) bool { return ref.Namespace != namespace }) {
		return ""
	}
	return namespace
}

func several(refs []match.Ref) string {
	if len(refs) == 1 {
		return refs[0].String()
	}
	return fmt.Sprintf("%d policies", len(refs))
}

// openSession is one that has not finished, with the policies of its hooks.
type openSession struct {
	session  *v1alpha1.HookSession
	policies []v1alpha1.PolicyRef
}

func (s *openSession) runs(ref match.Ref) bool {
	return (ref.Namespace == "" || ref.Namespace == s.session.Namespace) &&
		slices.ContainsFunc(s.policies, func(policy v1alpha1.PolicyRef) bool { return policy.Kind == ref.Kind() && policy.Name == ref.Name })
}

// readOpen reads the sessions of a namespace that are open, or of all namespaces for "", and their HookRuns. Those of sessions that have
// finished may be many, and are not read.
func readOpen(ctx context.Context, cluster client.Reader, namespace string) ([]openSession, error) {
	var sessions v1alpha1.HookSessionList
	if err := cluster.List(ctx, &sessions, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var open []openSession
	for i := range sessions.Items {
		session := &sessions.Items[i]
		if session.Status.Phase.Finished() {
			continue
		}
		var runs v1alpha1.HookRunList
		if err := cluster.List(ctx, &runs, client.InNamespace(session.Namespace), client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.UID)}); err != nil {
			return nil, err
		}
		one := openSession{session: session}
		for j := range runs.Items {
			one.policies = append(one.policies, runs.Items[j].Spec.Policy)
		}
		open = append(open, one)
	}
	return open, nil
}
