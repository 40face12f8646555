package main

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/bench/place"
)

// take takes a namespace through a session that snapshots nothing.
func (b *bench) take(ctx context.Context, namespace string) (*v1alpha1.HookSession, error) {
	session := &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "bench-"},
		Spec:       v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationSnapshot, Trigger: v1alpha1.Scheduled},
	}
	if err := b.API.Create(ctx, session); err != nil {
		return nil, err
	}
	until := func(holds func() bool) error {
		return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, place.Patience, true, func(ctx context.Context) (bool, error) {
			if err := b.API.Get(ctx, client.ObjectKeyFromObject(session), session); err != nil {
				return false, err
			}
			if meta.IsStatusConditionTrue(session.Status.Conditions, v1alpha1.ConditionFailed) {
				return false, errors.New(session.Status.Message)
			}
			return holds(), nil
		})
	}
	if err := until(func() bool {
		return meta.IsStatusConditionTrue(session.Status.Conditions, v1alpha1.ConditionReadyForSnapshot)
	}); err != nil {
		return nil, err
	}
	patch := client.MergeFrom(session.DeepCopy())
	session.Spec.Outcomes = &v1alpha1.Outcomes{Operation: v1alpha1.Succeeded}
	if err := b.API.Patch(ctx, session, patch); err != nil {
		return nil, err
	}
	return session, until(func() bool { return session.Status.Phase == v1alpha1.PhaseComplete })
}
