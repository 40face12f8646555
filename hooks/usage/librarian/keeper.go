package librarian

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// shelf is what differs between scripts and templates.
type shelf[T client.Object] interface {
	kind() string
	empty() T
	// describe writes into the status of an object what the spec says, and the uses. It returns the conditions of it, and whether
	// the object can be used.
	describe(ctx context.Context, object T, uses []v1alpha1.Use) (conditions *[]metav1.Condition, ready metav1.Condition, err error)
}

// keeper keeps the objects of one kind.
type keeper[T client.Object] struct {
	*Librarian
	shelf shelf[T]
}

var _ reconcile.Reconciler = (*keeper[*v1alpha1.HookScript])(nil)

// Reconcile implements reconcile.Reconciler.
func (k *keeper[T]) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	object := k.shelf.empty()
	if err := k.Client.Get(ctx, request.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	target := usage.Target{Kind: k.shelf.kind(), Name: object.GetName()}
	uses, err := cachedUses(ctx, k.Client, target)
	if err != nil {
		return ctrl.Result{}, err
	}
	var result ctrl.Result
	switch kept := controllerutil.ContainsFinalizer(object, v1alpha1.InUseFinalizer); {
	case object.GetDeletionTimestamp().IsZero() && !kept:
		if err := k.changeFinalizer(ctx, object, controllerutil.AddFinalizer); err != nil {
			return ctrl.Result{}, err
		}
	case !object.GetDeletionTimestamp().IsZero() && kept:
		if len(uses) == 0 { // as far as the cache knows, which may be behind
			if uses, err = LiveUses(ctx, k.Live, target); err != nil {
				return ctrl.Result{}, err
			}
		}
		if len(uses) == 0 {
			return ctrl.Result{}, k.changeFinalizer(ctx, object, controllerutil.RemoveFinalizer)
		}
		result.RequeueAfter = glance
	}
	return result, k.keepStatus(ctx, object, target, uses)
}

// changeFinalizer puts our finalizer on an object, or takes it off. A conflict is an error, after which it is looked at again.
func (k *keeper[T]) changeFinalizer(ctx context.Context, object T, change func(client.Object, string) bool) error {
	before, _ := object.DeepCopyObject().(client.Object)
	change(object, v1alpha1.InUseFinalizer)
	err := k.Client.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("changing the finalizers of %s %q: %w", k.shelf.kind(), object.GetName(), err)
	}
	return nil
}

// keepStatus writes the status where it has changed. Each write is seen by us as well, so that one which the cache did not have yet
// is mended then.
func (k *keeper[T]) keepStatus(ctx context.Context, object T, target usage.Target, uses []v1alpha1.Use) error {
	before, _ := object.DeepCopyObject().(client.Object)
	conditions, ready, err := k.shelf.describe(ctx, object, uses)
	if err != nil {
		return err
	}
	ready.Type, ready.ObservedGeneration = v1alpha1.ConditionReady, object.GetGeneration()
	meta.SetStatusCondition(conditions, ready)
	blocked := !object.GetDeletionTimestamp().IsZero() && len(uses) > 0
	news := blocked && !meta.IsStatusConditionTrue(*conditions, v1alpha1.ConditionTerminating)
	if blocked {
		meta.SetStatusCondition(conditions, metav1.Condition{
			Type: v1alpha1.ConditionTerminating, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonStillUsed,
			ObservedGeneration: object.GetGeneration(),
			Message:            "It is deleted as soon as nobody uses it any more. " + usage.Sentence(target, uses),
		})
	} else {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionTerminating)
	}
	if equality.Semantic.DeepEqual(before, object) {
		return nil
	}
	if err := k.Client.Status().Patch(ctx, object, client.MergeFrom(before)); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("writing the status of %s: %w", target, err)
	}
	if news {
		k.Recorder.Eventf(object, nil, corev1.EventTypeWarning, reasonBlocked, actionDelete, "%s: take it out of these first", usage.Sentence(target, uses))
	}
	return nil
}

const (
	// reasonBlocked goes with the event that something is not deleted because it is used.
	reasonBlocked = "DeletionBlocked"
	// actionDelete is what that event is about.
	actionDelete = "Delete"
)

// readiness is that of what cannot be used by reason of an error, or else can.
func readiness(err error, usable string) metav1.Condition {
	if err != nil {
		return metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonInvalid, Message: shorten(err.Error(), maxMessage)}
	}
	return metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonUsable, Message: usable}
}

// stagesOf gives the uses of a template its stages, which are not the user's own.
func stagesOf(uses []v1alpha1.Use, stages []v1alpha1.Stage) []v1alpha1.Use {
	uses = slices.Clone(uses)
	for i := range uses {
		uses[i].Stages = stages
	}
	return uses
}
