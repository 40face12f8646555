// Package release lets Backups and Restores of Velero go that are held, where no controller of Quiesce is there to do it: when it has been
// gone for too long, and when Quiesce is uninstalled. Several may do it at once.
package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Releaser lets go what is held.
type Releaser struct {
	// Client reads from the API server, not from a cache.
	Client client.Client
}

// Outcome is what has become of what was held, as words of a sentence such as Backup velero/nightly.
type Outcome struct {
	// Opened go on unquiesced.
	Opened []string
	// Failed have been refused, by us or by a controller that did not come to end them.
	Failed []string
	// Changed were changed by somebody else at the same time, and may still be held: they are to be looked at again.
	Changed []string
}

// Nothing tells whether nothing was held.
func (o *Outcome) Nothing() bool { return len(o.Opened)+len(o.Failed)+len(o.Changed) == 0 }

// Open lets everything go that is held, unquiesced, and ends what was refused. Why is a sentence, without a full stop. What somebody else
// changes at the same time is left to him; what could not be let go is in the error. There is nothing to do without Velero.
func (r *Releaser) Open(ctx context.Context, why string) (Outcome, error) {
	return r.release(ctx, v1alpha1.GateOpen, why)
}

// Refuse has everything fail that is held. Else it is as Open.
func (r *Releaser) Refuse(ctx context.Context, why string) (Outcome, error) {
	return r.release(ctx, v1alpha1.GateRefused, why)
}

// End ends what was refused, and nothing else.
func (r *Releaser) End(ctx context.Context) (Outcome, error) { return r.release(ctx, "", "") }

func (r *Releaser) release(ctx context.Context, as, why string) (Outcome, error) {
	var (
		outcome Outcome
		errs    []error
	)
	for _, kind := range []string{"Backup", "Restore"} {
		marked, err := r.marked(ctx, kind)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, key := range marked {
			name := kind + " " + key.String()
			switch result, err := r.one(ctx, kind, key, as, why); {
			case apierrors.IsNotFound(err):
			case apierrors.IsConflict(err):
				outcome.Changed = append(outcome.Changed, name)
			case err != nil:
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			case result == v1alpha1.GateOpen:
				outcome.Opened = append(outcome.Opened, name)
			case result == v1alpha1.GateRefused:
				outcome.Failed = append(outcome.Failed, name)
			}
		}
	}
	return outcome, errors.Join(errs...)
}

// marked are the objects of a kind that are held or refused, whatever has become of them. There are none where the kind is not known. Of all
// others nothing but the metadata is read: a cluster has thousands of Backups.
func (r *Releaser) marked(ctx context.Context, kind string) ([]types.NamespacedName, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(velero.GroupVersion.WithKind(kind + "List"))
	if err := r.Client.List(ctx, &list); err != nil {
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("listing %ss: %w", kind, err)
	}
	var marked []types.NamespacedName
	for i := range list.Items {
		switch list.Items[i].Annotations[v1alpha1.GateAnnotation] {
		case v1alpha1.GateHeld, v1alpha1.GateRefused:
			marked = append(marked, client.ObjectKeyFromObject(&list.Items[i]))
		}
	}
	return marked, nil
}

// one lets an object go, or ends it, and returns the mark that it has then; empty where there was nothing to do.
func (r *Releaser) one(ctx context.Context, kind string, key types.NamespacedName, as, why string) (mark string, err error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(velero.GroupVersion.WithKind(kind))
	if err := r.Client.Get(ctx, key, object); err != nil {
		return "", err
	}
	phase, _, err := unstructured.NestedString(object.Object, "status", "phase")
	if err != nil || velero.Ended(phase) || object.GetDeletionTimestamp() != nil {
		return "", err
	}
	// Further on Velero cannot be kept from it: from ReadyToStart it begins whatever the mark says.
	waits := velero.MayBeHeld(phase)
	switch mark := object.GetAnnotations()[v1alpha1.GateAnnotation]; {
	case mark == v1alpha1.GateRefused && waits:
		return v1alpha1.GateRefused, r.fail(ctx, object)
	case mark != v1alpha1.GateHeld || as == "":
		return "", nil
	case as == v1alpha1.GateRefused && waits:
		// First the mark: Velero's patches know nothing of each other or of ours, and one that is under way must find the way barred.
		if err := r.patch(ctx, object, map[string]any{"metadata": map[string]any{"annotations": marked(v1alpha1.GateRefused, why)}}); err != nil {
			return "", err
		}
		return v1alpha1.GateRefused, r.fail(ctx, object)
	}
	return v1alpha1.GateOpen, r.open(ctx, object, waits, why)
}

// open lets an object go that waits, or has got by. Of a Backup it is known at once that it is not consistent.
func (r *Releaser) open(ctx context.Context, object *unstructured.Unstructured, waits bool, why string) error {
	annotations := marked(v1alpha1.GateOpen, "it goes on without being quiesced, since "+why)
	if object.GetKind() == "Backup" {
		annotations[v1alpha1.ConsistentAnnotation] = string(metav1.ConditionFalse)
		annotations[v1alpha1.ConsistentMessageAnnotation] = v1alpha1.ReasonGateMissed + ": Velero was let go before its pods were quiesced, since " + why
	}
	fields := map[string]any{"metadata": map[string]any{"annotations": annotations}}
	if object.GetAnnotations()[v1alpha1.GateReturnsAnnotation] == velero.ReadyToStart {
		annotations[v1alpha1.GateReturnsAnnotation] = nil
		if waits { // and not what runs by now
			fields["status"] = map[string]any{"phase": velero.ReadyToStart}
		}
	}
	return r.patch(ctx, object, fields)
}

// fail ends an object that was refused, with the reason that it says itself.
func (r *Releaser) fail(ctx context.Context, object *unstructured.Unstructured) error {
	reason := "Quiesce: " + object.GetAnnotations()[v1alpha1.GateMessageAnnotation]
	if object.GetKind() != "Backup" {
		return r.patch(ctx, object, (&velero.Restore{}).Failure(reason, time.Now()))
	}
	var backup velero.Backup
	if err := decode(object, &backup); err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	locations, err := r.locations(ctx, object.GetNamespace())
	if err != nil {
		return err
	}
	return r.patch(ctx, object, backup.Failure(backup.Spec.Location(locations), reason, time.Now()))
}

func (r *Releaser) locations(ctx context.Context, namespace string) ([]velero.StorageLocation, error) {
	var list unstructured.UnstructuredList
	list.SetGroupVersionKind(velero.GroupVersion.WithKind("BackupStorageLocationList"))
	if err := r.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("listing BackupStorageLocations: %w", err)
	}
	locations := make([]velero.StorageLocation, len(list.Items))
	for i := range list.Items {
		if err := decode(&list.Items[i], &locations[i]); err != nil {
			return nil, fmt.Errorf("reading BackupStorageLocation %s: %w", list.Items[i].GetName(), err)
		}
	}
	return locations, nil
}

// patch changes an object as it was read, or not at all.
func (r *Releaser) patch(ctx context.Context, object *unstructured.Unstructured, fields map[string]any) error {
	raw, err := velero.AsSeen(object.GetResourceVersion(), fields)
	if err != nil {
		return err
	}
	return r.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, raw))
}

// marked are the annotations of a new mark.
func marked(mark, message string) map[string]any {
	return map[string]any{
		v1alpha1.GateAnnotation: mark, v1alpha1.GateSinceAnnotation: time.Now().UTC().Format(time.RFC3339Nano), v1alpha1.GateMessageAnnotation: message,
	}
}

func decode(object *unstructured.Unstructured, into any) error {
	raw, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
