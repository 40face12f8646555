package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// patience is how long anything here may take.
const patience = 15 * time.Minute

// prepare makes a namespace, and a policy for it.
func (b *bench) prepare(ctx context.Context, name string, spec v1alpha1.HookPolicySpec) error {
	if err := b.remove(ctx, name); err != nil {
		return fmt.Errorf("removing what an interrupted run has left: %w", err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}}
	spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(name)}
	if err := b.api.Create(ctx, namespace); err != nil {
		return err
	}
	return b.api.Create(ctx, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
}

// remove takes both away, and waits until they are gone.
func (b *bench) remove(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	err := errors.Join(
		client.IgnoreNotFound(b.api.Delete(ctx, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}})),
		client.IgnoreNotFound(b.api.Delete(ctx, namespace)))
	if err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, time.Second, patience, true, func(ctx context.Context) (bool, error) {
		err := b.api.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
		return err != nil, client.IgnoreNotFound(err)
	})
}

// take takes a namespace through a session that snapshots nothing.
func (b *bench) take(ctx context.Context, namespace string) (*v1alpha1.HookSession, error) {
	session := &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "bench-"},
		Spec:       v1alpha1.HookSessionSpec{Operation: v1alpha1.OperationSnapshot, Trigger: v1alpha1.Scheduled},
	}
	if err := b.api.Create(ctx, session); err != nil {
		return nil, err
	}
	until := func(holds func() bool) error {
		return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			if err := b.api.Get(ctx, client.ObjectKeyFromObject(session), session); err != nil {
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
	if err := b.api.Patch(ctx, session, patch); err != nil {
		return nil, err
	}
	return session, until(func() bool { return session.Status.Phase == v1alpha1.PhaseComplete })
}

// freezing is a policy of both sides.
func freezing(shell v1alpha1.Shell, freeze, thaw []string) v1alpha1.HookPolicySpec {
	hook := func(name string, stage v1alpha1.Stage, command []string) v1alpha1.Hook {
		return v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{stage}, Exec: &v1alpha1.ExecAction{Command: command}}
	}
	return v1alpha1.HookPolicySpec{Shell: shell, Hooks: []v1alpha1.Hook{
		hook("freeze", v1alpha1.PreSnapshot, freeze), hook("thaw", v1alpha1.PostSnapshot, thaw),
	}}
}
