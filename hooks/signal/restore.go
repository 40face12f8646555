package signal

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// restores are Velero's Restores.
type restores struct{}

var _ kind = restores{}

func (restores) name() v1alpha1.VeleroKind { return v1alpha1.VeleroRestore }

func (restores) resource() string { return "restores" }

// slim keeps of a Restore that ended long ago what it has to do with its sessions.
func (restores) slim(full any) (any, error) {
	source, ok := full.(*unstructured.Unstructured)
	if !ok {
		if slim, ok := full.(*restore); ok {
			return slim, nil
		}
		return nil, fmt.Errorf("got %T, want a Restore", full)
	}
	slim := &restore{}
	if err := decode(source, &slim.Restore); err != nil {
		// Velero cannot read it either, and does nothing with it.
		slim.Restore = velero.Restore{ObjectMeta: metav1.ObjectMeta{
			Name: source.GetName(), Namespace: source.GetNamespace(), UID: source.GetUID(), ResourceVersion: source.GetResourceVersion()}}
		slim.Status.Phase = velero.FailedValidation
		return slim, nil //nolint:nilerr // an object that is none has no sessions
	}
	slim.ManagedFields, slim.OwnerReferences, slim.Labels = nil, nil, nil
	slim.Annotations = ours(slim.Annotations)
	if velero.Ended(slim.Status.Phase) {
		name := slim.Spec.BackupName
		slim.Spec = velero.RestoreSpec{BackupName: name}
	}
	return slim, nil
}

// restore is a Restore as it is kept.
type restore struct {
	velero.Restore
	// of is the spec of the Backup that is restored; nil while that is not known.
	of *velero.BackupSpec
}

var _ object = (*restore)(nil)

func (*restore) kind() v1alpha1.VeleroKind { return v1alpha1.VeleroRestore }

func (r *restore) meta() *metav1.ObjectMeta { return &r.ObjectMeta }

func (r *restore) phase() string { return r.Status.Phase }

// queues is true: Velero has one worker for Restores, which is busy while one is InProgress (velero: pkg/controller/restore_controller.go).
func (*restore) queues() bool { return true }

func (r *restore) coversPods(namespace string) bool { return r.Spec.GoesTo(namespace, r.of) }

// includes is false: Restores wait for each other, whether they have namespaces in common or not.
func (*restore) includes(string) bool { return false }

// concerns leaves out init containers: the webhook adds them, whether there is a session or not.
func (*restore) concerns(policy *v1alpha1.HookPolicySpec) bool {
	return slices.ContainsFunc(policy.Hooks, func(hook v1alpha1.Hook) bool {
		return hook.Init == nil && runsIn(&hook, v1alpha1.PreRestore, v1alpha1.PostRestore)
	})
}

func (*restore) quiesces(policy *v1alpha1.HookPolicySpec) bool {
	return slices.ContainsFunc(policy.Hooks, func(hook v1alpha1.Hook) bool { return runsIn(&hook, v1alpha1.PreRestore) })
}

// session has the selectors of the Restore for the pods that are there before. What it brings is known by its label.
func (r *restore) session() v1alpha1.HookSessionSpec {
	return v1alpha1.HookSessionSpec{
		Operation: v1alpha1.OperationRestore, DataSource: v1alpha1.SourceBackup, Trigger: v1alpha1.AdHoc,
		LabelSelector: selector(r.Spec.LabelSelector), OrLabelSelectors: selectors(r.Spec.OrLabelSelectors),
		OutcomeTimeout: v1alpha1.Duration{Duration: outcomeTimeout},
		Velero:         &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroRestore, Namespace: r.Namespace, Name: r.Name, UID: r.UID},
	}
}

// outcomes are there at the end only: until then pods may come. One that has restored some of what it was to has failed, and hooks for the
// pods that it has brought are told so.
func (r *restore) outcomes() *v1alpha1.Outcomes {
	switch {
	case !velero.Ended(r.Status.Phase):
		return nil
	case velero.Succeeded(r.Status.Phase):
		return &v1alpha1.Outcomes{Operation: v1alpha1.Succeeded}
	}
	return &v1alpha1.Outcomes{Operation: v1alpha1.Failed}
}

func (r *restore) failure(reason string, now time.Time) map[string]any { return r.Failure(reason, now) }

// endedLately tells whether a Restore that has run has ended so that something may still be run in the pods that it brought.
func (r *restore) endedLately(now time.Time) bool {
	return velero.Ended(r.Status.Phase) && r.Status.Phase != velero.FailedValidation && r.Status.Completed != nil && now.Sub(r.Status.Completed.Time) < lately
}

// withBackup is a Restore with the spec of its Backup, as long as it matters where it goes. Of one that names a Schedule Velero writes down
// the Backup when it begins it; until then it may go wherever its own spec lets it.
func (c *Controller) withBackup(ctx context.Context, object object) (object, error) {
	r, is := object.(*restore)
	if !is || velero.Ended(r.Status.Phase) || r.Spec.BackupName == "" {
		return object, nil
	}
	// The spec of a Backup that ended long ago is not kept.
	full, err := c.Objects.Resource(velero.GroupVersion.WithResource(backups{}.resource())).Namespace(r.Namespace).Get(ctx, r.Spec.BackupName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) { // Velero will say so
		return object, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading the Backup of %s: %w", keyOfObject(r), err)
	}
	var backup velero.Backup
	if err := decode(full, &backup); err != nil {
		return object, nil //nolint:nilerr // Velero cannot read it either
	}
	return &restore{Restore: r.Restore, of: &backup.Spec}, nil
}
