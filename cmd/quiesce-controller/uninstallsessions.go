package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// endSessions cancels all sessions that are not over, those included that are begun meanwhile, and waits until the controller has
// thawed what they had quiesced. Without a controller there is nobody to wait for.
func (u *uninstaller) endSessions(ctx context.Context) error {
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
			u.say("There is no controller to end these sessions, whose pods may be left quiesced until their watchdogs thaw them: %s", sessionNames(open))
			return nil
		}
		if err == nil && !told {
			u.say("Cancelling sessions that are not over, so that what they have quiesced is thawed: %s", sessionNames(open))
			told = true
		}
		for i := range open {
			if cancelErr := u.cancel(ctx, &open[i]); cancelErr != nil {
				err = cancelErr
			}
		}
		if !pause(ctx, poll) {
			if err != nil {
				return fmt.Errorf("the time limit has passed, and whether sessions are open cannot be told: run this again: %w", err)
			}
			return fmt.Errorf("the time limit has passed, and sessions are not over, such as %s, which says %q: run this again, "+
				"or give up their thaw by the annotation %s=true", sessionNames(open[:1]), open[0].Status.Message, v1alpha1.AbandonAnnotation)
		}
	}
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

// releaseSessions takes the finalizers off all sessions and their runs, which nobody would do any more.
func (u *uninstaller) releaseSessions(ctx context.Context) error {
	released := 0
	for _, kind := range []string{"HookRun", "HookSession"} {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err := u.List(ctx, &list); err != nil {
			if meta.IsNoMatchError(err) {
				return nil
			}
			return fmt.Errorf("listing %ss: %w", kind, err)
		}
		for i := range list.Items {
			item := &list.Items[i]
			item.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
			before := item.DeepCopy()
			item.Finalizers = slices.DeleteFunc(item.Finalizers, func(name string) bool { return name == v1alpha1.ThawFinalizer })
			if len(item.Finalizers) == len(before.Finalizers) {
				continue
			}
			err := client.IgnoreNotFound(u.Patch(ctx, item, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
			if err != nil {
				return fmt.Errorf("taking the finalizer off %s %s/%s: run this again: %w", kind, item.Namespace, item.Name, err)
			}
			released++
		}
	}
	if released > 0 {
		u.say("Released sessions and their records, so that they can be deleted: %d", released)
	}
	return nil
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
