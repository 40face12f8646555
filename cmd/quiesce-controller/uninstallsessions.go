package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// endSessions cancels all sessions that are not over, those included that are begun meanwhile, and waits until the controller has
// thawed what they had quiesced: for half of the time that there is, since a controller that does not start, or a node that never
// comes back, would keep every uninstall from ending. Without a controller there is nobody to wait for.
func (u *uninstaller) endSessions(ctx context.Context) error {
	waiting, stop := half(ctx)
	defer stop()
	told := false
	for {
		open, err := u.openSessions(ctx)
		if err == nil && len(open) == 0 {
			if told {
				u.say("All sessions have ended")
			}
			return nil
		}
		if err == nil && !u.controllerRuns(ctx) {
			u.say("There is no controller to end these sessions: %s", sessionNames(open))
			return nil
		}
		if err == nil && !told {
			u.say("Cancelling sessions that are not over, so that what they have quiesced is thawed: %s", sessionNames(open))
			told = true
		}
		u.letGoOf(ctx, open)
		for i := range open {
			if cancelErr := u.cancel(ctx, &open[i]); cancelErr != nil {
				u.say("HookSession %s/%s cannot be cancelled: %v", open[i].Namespace, open[i].Name, cancelErr)
			}
		}
		switch {
		case pause(waiting, poll):
		case err != nil:
			return fmt.Errorf("half of the time has passed, and whether sessions are open cannot be told: run this again: %w", err)
		case ctx.Err() != nil:
			return fmt.Errorf("told to end while sessions are not over, such as %s: run this again", sessionNames(open[:1]))
		default:
			u.say("Half of the time has passed, and sessions are not over, such as %s, which says %q: it goes on without them",
				sessionNames(open[:1]), open[0].Status.Message)
			return nil
		}
	}
}

// half is a context that ends when half of the time has passed that another has.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// openSessions are those that are not over. There are none where the kind is not known.
func (u *uninstaller) openSessions(ctx context.Context) ([]v1alpha1.HookSession, error) {
	var sessions v1alpha1.HookSessionList
	if err := u.List(ctx, &sessions); err != nil {
		if meta.IsNoMatchError(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("listing HookSessions: %w", err)
	}
	return slices.DeleteFunc(sessions.Items, func(session v1alpha1.HookSession) bool { return session.Status.Phase.Finished() }), nil
}

func (u *uninstaller) cancel(ctx context.Context, session *v1alpha1.HookSession) error {
	if session.Spec.Cancel || session.DeletionTimestamp != nil {
		return nil
	}
	err := u.Patch(ctx, session.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"cancel":true}}`)))
	return client.IgnoreNotFound(err)
}

// controllerRuns tells whether there is a controller, or may be. What cannot be told is not taken for its absence.
func (u *uninstaller) controllerRuns(ctx context.Context) bool {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: u.namespace, Name: controllerDeployment}}
	err := u.Get(ctx, client.ObjectKeyFromObject(deployment), deployment)
	if err != nil {
		return client.IgnoreNotFound(err) != nil
	}
	return deployment.Spec.Replicas == nil || *deployment.Spec.Replicas > 0
}

// releaseSessions takes the finalizers off all sessions and their runs, which nobody would do any more. What those that are not over
// may leave behind it says first.
func (u *uninstaller) releaseSessions(ctx context.Context) error {
	open, err := u.openSessions(ctx)
	if err != nil {
		return err
	}
	for i := range open {
		u.sayWhatIsLeft(ctx, &open[i])
	}
	released := 0
	for _, kind := range []string{"HookRun", "HookSession"} {
		count, err := u.release(ctx, kind, v1alpha1.ThawFinalizer)
		if err != nil {
			return err
		}
		released += count
	}
	if released > 0 {
		u.say("Released sessions and their records, so that they can be deleted: %d", released)
	}
	return nil
}

// releaseLibrary takes the finalizers off all scripts and templates: used or not, they are to go with their CRDs, if those go.
func (u *uninstaller) releaseLibrary(ctx context.Context) error {
	released := 0
	for _, kind := range []string{"HookScript", "HookTemplate"} {
		count, err := u.release(ctx, kind, v1alpha1.InUseFinalizer)
		if err != nil {
			return err
		}
		released += count
	}
	if released > 0 {
		u.say("Released scripts and templates, so that they can be deleted: %d", released)
	}
	return nil
}

// release takes a finalizer off all objects of a kind, and counts those that had it. There are none where the kind is not known.
func (u *uninstaller) release(ctx context.Context, kind, finalizer string) (released int, err error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
	if err := u.List(ctx, &list); err != nil {
		if meta.IsNoMatchError(err) {
			return 0, nil
		}
		return 0, fmt.Errorf("listing %ss: %w", kind, err)
	}
	for i := range list.Items {
		item := &list.Items[i]
		item.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		before := item.DeepCopy()
		item.Finalizers = slices.DeleteFunc(item.Finalizers, func(name string) bool { return name == finalizer })
		if len(item.Finalizers) == len(before.Finalizers) {
			continue
		}
		err := client.IgnoreNotFound(u.Patch(ctx, item, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
		if err != nil {
			return released, fmt.Errorf("taking the finalizer off %s %s: run this again: %w", kind, client.ObjectKeyFromObject(item), err)
		}
		released++
	}
	return released, nil
}

// sessionNames names sessions in a sentence.
func sessionNames(sessions []v1alpha1.HookSession) string {
	var names []string
	for i := range sessions[:min(len(sessions), named)] {
		names = append(names, sessions[i].Namespace+"/"+sessions[i].Name)
	}
	sentence := "HookSessions " + strings.Join(names, ", ")
	if more := len(sessions) - named; more > 0 {
		sentence += fmt.Sprintf(" and %d more", more)
	}
	return sentence
}
