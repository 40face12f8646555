// Package activity shows what sessions do and have done, and ends them: sessions, describe session, cancel and logs.
package activity

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// New returns the commands of this package.
func New(frame *command.Frame) []*cobra.Command {
	return []*cobra.Command{NewSessions(frame), NewDescribe(frame), NewLogs(frame), NewCancel(frame)}
}

// get reads a session. One that there is not is told with what there is.
func get(ctx context.Context, cluster client.Client, namespace, name string) (*v1alpha1.HookSession, error) {
	session := &v1alpha1.HookSession{}
	err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, session)
	if !apierrors.IsNotFound(err) {
		return session, err
	}
	var there v1alpha1.HookSessionList
	if err := cluster.List(ctx, &there, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	known := make([]string, len(there.Items))
	for i := range there.Items {
		known[i] = there.Items[i].Name
	}
	return nil, fmt.Errorf("in namespace %s %w", namespace, command.Unknown("HookSession", name, known))
}

// runsOf are the HookRuns of a session, in their order.
func runsOf(ctx context.Context, cluster client.Reader, session *v1alpha1.HookSession) ([]v1alpha1.HookRun, error) {
	var runs []v1alpha1.HookRun
	_, err := eachPage(ctx, cluster, func(page *v1alpha1.HookRunList) { runs = append(runs, page.Items...) },
		client.InNamespace(session.Namespace), client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.UID)})
	return runs, err
}
